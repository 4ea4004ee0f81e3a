"""Canaries of networks: what noised gradients and noised votes tell of made-up patients."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from medsynai.learn.core import Batch, Modules, PerRow
from medsynai.learn.job import Job, Pace
from medsynai.learn.mechanism import DpSgd
from medsynai.learn.nets.mlp import linear
from medsynai.privacy.accounting import Spend
from medsynai.privacy.audit import Coins, Run
from medsynai.privacy.pate import Teachers, by_coins

LOUD = 1000.0  # times the clip: how long a canary's own gradient is
CLASS, LESSONS = 20, 10  # canaries a teacher, and how often it learns: each is seen, all but surely
ASKED = 50  # votes on each canary at most: a part of all votes proves less, never too much


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
        mine = replace(how, patients=np.arange(len(present)))
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


class _Witness(nn.Module):
    """A teacher that takes those rows for real, of all at right angles, that it has learnt from."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))

    def view(self, real: Tensor) -> Tensor:
        """As they are."""
        return real

    def forward(self, x: Tensor, asked: Tensor) -> Tensor:
        """(B,)."""
        return x @ self.weight


def vote_canaries(spend: Spend) -> Run:
    """Patients whom their one teacher knows by sight, each asked about by a row of its own.

    The shipped teachers are run: who has whom, what they learn, how their votes are counted.

    Args:
        spend: the noise of a vote, and how many there are.
    """

    def run(inside: Coins) -> np.ndarray:
        count, present = len(inside), np.flatnonzero(inside)
        asked, questions = min(spend.steps, ASKED), torch.eye(count)
        size = max(2, count // CLASS)
        whose = by_coins(np.arange(len(present)), size)
        paid = replace(spend, steps=asked * count)
        form = _Witness(count)
        staff = Teachers(
            form,
            [dict(form.named_parameters())] * size,
            questions[present],
            whose,
            paid,
            CLASS,
            1e-3,
        )
        random = torch.Generator()
        for _ in range(LESSONS):
            staff.learn(torch.zeros(1, count), random)
        return np.stack([staff.count(questions) for _ in range(asked)])

    return run
