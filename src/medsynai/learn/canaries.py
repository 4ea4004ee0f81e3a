"""Canaries that are gradients: what the noised steps of `DpSgd` tell of made-up patients."""

import numpy as np
import torch
from torch import nn

from medsynai.learn.core import Batch, Modules, PerRow
from medsynai.learn.job import Job, Pace
from medsynai.learn.mechanism import DpSgd
from medsynai.learn.nets.mlp import linear
from medsynai.privacy.audit import Coins, Run

LOUD = 1000.0  # times the clip: how long a canary's own gradient is


def gradient_canaries(how: DpSgd, steps: int) -> Run:
    """Patients whose gradients are long and at right angles to each other: nothing is worse.

    The mechanism's own sampler, clip, noise and divisor are run, on a net of one weight a canary.

    Args:
        how: the mechanism as it is shipped.
        steps: gradients of real rows.
    """

    def run(inside: Coins) -> np.ndarray:
        count, present = len(inside), np.flatnonzero(inside)
        net: nn.Linear = linear(count, 1)
        job = Job(nn.ModuleDict({"net": net}), (), 0, Pace())
        rows = torch.zeros(len(present), count)
        rows[torch.arange(len(present)), torch.from_numpy(present)] = LOUD * how.clip
        mine = DpSgd(how.noise, how.rate, how.clip, how.micro, how.divisor, np.arange(len(present)))
        told, random = [], torch.Generator()
        for _ in range(steps):
            mine.gradients(_along, job.modules, ("net",), mine.batch(job, rows, random))
            slope = net.weight.grad
            assert slope is not None
            told.append(slope[0].double().numpy() * how.divisor / how.clip)
        return np.stack(told)

    return run


def _along(modules: Modules, batch: Batch) -> PerRow:
    """A loss whose gradient is the row itself."""
    score: PerRow = modules["net"](batch.real)[:, 0]
    return score
