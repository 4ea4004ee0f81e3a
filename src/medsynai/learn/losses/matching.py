"""Flow matching: what a noisy row was, guessed column by column."""

from typing import Any

import torch

from medsynai.learn.core import Batch, Loss, Modules, PerRow
from medsynai.learn.nets.denoiser import log_spread

LATEST = 0.95  # the weight of a position's error grows with time up to here


def matching() -> Loss:
    """-E_t log q_t(row | (1 - t) noise + t row), one number a row.

    q_t is a product over the columns: shares of cells, and a normal for a position. Its mean gives
    the velocity field, so its likelihood is all that has to be learnt (Eijkelboom et al. 2024,
    Variational flow matching for graph generation, eq. 12; the straight path is that of Lipman et
    al. 2023, Flow matching for generative modeling, eq. 22). The noise is the row's, then one
    number for the time.
    """

    def loss(modules: Modules, batch: Batch) -> PerRow:
        net: Any = modules["net"]
        row, noise = net.place(batch.real), batch.noise[:, :-1]
        time = torch.special.ndtr(batch.noise[:, -1])
        noisy = torch.lerp(noise, row, time[:, None])
        spread = log_spread(time.clamp_max(LATEST))[:, None]
        return net.sight.surprise(net(noisy, time), batch.real, spread).sum(1)

    return loss
