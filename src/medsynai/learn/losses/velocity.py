"""Rectified flow of images: the velocity on the straight path from noise to a pixel."""

from typing import Any

import torch

from medsynai.learn.core import Batch, Loss, Modules, PerRow


def velocity() -> Loss:
    """Mean over pixels of |v(x_t, t, label) - (image - noise)|^2, x_t = (1 - t) noise + t image.

    Liu, Gong and Liu 2023, Flow straight and fast, eq. 1; times are logistic-normal, which dwells
    where the path is hard (Esser et al. 2024, Scaling rectified flow transformers, section 3.1).
    The row is the image, then its class; the noise is the image's, then one number for the time.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        net: Any = modules["net"]
        image, label, noise = batch.real[:, :-1], batch.real[:, -1], batch.noise[:, :-1]
        time = torch.sigmoid(batch.noise[:, -1])
        found = net(torch.lerp(noise, image, time[:, None]), time, label)
        return (found - (image - noise)).square().mean(1)

    return loss
