"""PATE as a mechanism: a student's loss sees generated rows and noised votes, never a real row."""

import secrets
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from medsynai.errors import PlanError
from medsynai.learn.core import Batch, Loss, Modules, Phase, planned_releases
from medsynai.learn.mechanism import Plain
from medsynai.learn.nets.mlp import initialise
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.ledger import Release
from medsynai.privacy.pate import Teachers, by_coins

if TYPE_CHECKING:
    from medsynai.learn.job import Job


@dataclass(frozen=True)
class Voting:
    """Every step that reads real rows asks sealed teachers about generated ones.

    **Guarantee:** each vote is one Laplace release of sensitivity 1; all votes together cost what
    `charge` says, and the student learns from them alone.

    Attributes:
        noise: scale of the noise on a count of votes.
        teachers: each with patients of its own.
        asked: rows that are voted on in a step.
        lessons: steps of every teacher before each vote.
        lesson: real rows of each teacher's own, in one lesson.
        lr: learning rate of the teachers.
        staff: the teachers; None before anybody's rows are there.
    """

    noise: float = 1.0
    teachers: int = 10
    asked: int = 64
    lessons: int = 1
    lesson: int = 32
    lr: float = 1e-3
    staff: Teachers | None = None

    def at(self, noise: float, steps: int) -> "Voting":
        """As much noise a vote as makes all of them cost what one release with `noise` does."""
        return replace(self, noise=noise * max(1, steps * self.asked) ** 0.5)

    def spend(self, phases: tuple[Phase, ...]) -> Spend:
        """A release for each vote, not for each batch of them."""
        votes = planned_releases(phases) * self.asked
        return Spend(Kind.LAPLACE, self.noise, steps=votes)

    def charge(self, purpose: str, phases: tuple[Phase, ...]) -> Release:
        """Every vote of the plan."""
        spend = self.spend(phases)
        note = f"{spend.steps} votes of {self.teachers} teachers, each of whom saw other patients"
        return Release(purpose, "pate", note=note, spends=(spend,))

    def at_work(self, job: "Job", rows: Tensor, patients: np.ndarray, expected: float) -> "Voting":
        """With teachers of the student's form, each on patients of its own; split once."""
        fresh = torch.Generator().manual_seed(secrets.randbits(63))
        form, first = deepcopy(job.modules["critic"]), []
        for _ in range(self.teachers):
            initialise(form, fresh)
            first.append({name: w.detach().clone() for name, w in form.named_parameters()})
        whose, spend = by_coins(patients, self.teachers), self.spend(job.phases)
        staff = Teachers(form, first, rows, whose, spend, self.lesson, self.lr)
        return replace(self, staff=staff)

    def batch(self, job: "Job", rows: Tensor, generator: torch.Generator) -> Batch:
        """Lessons, then rows of the generator with the teachers' noised verdicts as labels.

        Raises:
            PlanError: teachers that have not met anybody's rows.
            BudgetError: more votes than were paid for.
        """
        if self.staff is None:
            raise PlanError("there are no teachers yet: a plan alone cannot vote")
        for _ in range(self.lessons):
            self.staff.learn(_made(job, self.lesson, generator)[1], generator)
        noise, made = _made(job, self.asked, generator)
        verdicts = torch.from_numpy(self.staff.answer(made)).float()[:, None]
        none = torch.zeros(self.asked, 0)
        return Batch(rows[:0], verdicts, none, noise)

    def gradients(
        self, loss: Loss, modules: Modules, trains: tuple[str, ...], batch: Batch
    ) -> Tensor | None:
        """Exact: what comes of noised votes costs nothing more."""
        return Plain().gradients(loss, modules, trains, batch)


@torch.no_grad()
def _made(job: "Job", n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise, and the rows that the generator makes of it."""
    noise = torch.randn(n, job.noise, generator=generator)
    return noise, job.modules["generator"](noise, noise[:, :0])
