"""Rectified flow: the velocity on the straight path from noise to an image, or to its latent."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from medsynai.learn.core import Batch, Loss, Modules, PerRow

Ends = Callable[[Modules, Batch], Tensor]


def pixels(modules: Modules, batch: Batch) -> Tensor:
    """(batch, pixels) of real rows, which end in the class."""
    return batch.real[:, :-1]


def velocity(ends: Ends = pixels, often: int = 1) -> Loss:
    """Mean over numbers of |v(x_t, t, label) - (end - noise)|^2, x_t = (1 - t) noise + t end.

    Liu, Gong and Liu 2023, Flow straight and fast, eq. 1; times are logistic-normal, which dwells
    where the path is hard (Esser et al. 2024, Scaling rectified flow transformers, section 3.1).
    Rows end in the class; the noise is that of the path, then one number for the time.

    Args:
        ends: where the paths end, no gradient behind it; the pixels of a row if nothing is said.
        often: paths of a row, each from noise of its own: where a network is so small that more
            paths cost less than more steps. A row's loss is their mean.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        net: Any = modules["net"]
        with torch.no_grad():
            end = ends(modules, batch)
        many, width = len(end) * often, end.shape[1]
        noise = batch.noise[:, -often * (width + 1) :].reshape(many, width + 1)
        noise, time = noise[:, :-1], torch.sigmoid(noise[:, -1])
        end, label = end.repeat_interleave(often, 0), batch.real[:, -1].repeat_interleave(often)
        found = net(torch.lerp(noise, end, time[:, None]), time, label)
        each: Tensor = (found - (end - noise)).square().mean(1)
        return each.reshape(-1, often).mean(1)

    return loss
