"""How a gradient may leave the real rows, and what the ledger writes for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from medsynai.errors import BudgetError, PlanError
from medsynai.learn.condition import Nothing
from medsynai.learn.core import Batch, Loss, Modules, Phase, batchwise_reason, planned_releases
from medsynai.learn.precision import exact
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.alone import Stack, add_clipped, add_each_clipped
from medsynai.privacy.gradients import clipped_sum
from medsynai.privacy.ledger import Release
from medsynai.privacy.noise import noisy_sums, normal, slack
from medsynai.privacy.sampling import PoissonSampler

if TYPE_CHECKING:
    from medsynai.learn.job import Job

SGD, ALONE = "dp-sgd", "dp-sgd, one by one"  # as a ledger names them


class Mechanism(Protocol):
    """What stands between a loss on real rows and the weights."""

    def charge(self, purpose: str, phases: tuple[Phase, ...]) -> Release:
        """What the ledger writes for all the phases, before a row is read."""
        ...

    def batch(self, job: "Job", rows: Tensor, generator: torch.Generator) -> Batch:
        """What one step sees of the rows."""
        ...

    def gradients(
        self, loss: Loss, modules: Modules, trains: tuple[str, ...], batch: Batch
    ) -> Tensor | None:
        """Fill `grad` of the weights in `trains`; gives the mean loss for the records, or None."""
        ...


class Way(Mechanism, Protocol):
    """A mechanism that can be planned, and paid for, before anybody's rows are there."""

    def at(self, noise: float, steps: int) -> "Way":
        """The same with as much noise a step as makes all cost what one release of `noise` does."""
        ...

    def at_work(self, job: "Job", rows: Tensor, patients: np.ndarray, expected: float) -> Mechanism:
        """The same with the rows: (n,) whose each is, and how many patients a step expects."""
        ...


def some_batch(job: "Job", rows: Tensor, n: int, generator: torch.Generator) -> Batch:
    """`n` of the rows as the job's asking picks them."""
    pick = job.asking.pick(rows, n, generator)
    noise = torch.randn(n, job.noise, generator=generator)
    return Batch(rows[pick.rows], pick.labels, pick.condition, noise)


@dataclass(frozen=True)
class Plain:
    """The gradient of the mean loss, as it is: no protection."""

    def charge(self, purpose: str, phases: tuple[Phase, ...]) -> Release:
        """An unprotected release that says how many steps read real rows."""
        note = f"at most {planned_releases(phases)} gradient steps on real rows, without noise"
        return Release(purpose, note=note)

    def batch(self, job: "Job", rows: Tensor, generator: torch.Generator) -> Batch:
        """So many rows as the pace says, as the job's asking picks them."""
        return some_batch(job, rows, job.pace.batch, generator)

    def gradients(
        self, loss: Loss, modules: Modules, trains: tuple[str, ...], batch: Batch
    ) -> Tensor | None:
        """Exact gradients of the batch's mean."""
        weights = [p for name in trains for p in modules[name].parameters()]
        mean = loss(modules, batch).mean()
        # where a table has one column, what ties columns has no part in the loss
        slopes = torch.autograd.grad(mean, weights, materialize_grads=True)
        for weight, slope in zip(weights, slopes, strict=True):
            weight.grad = slope
        return mean.detach()


class Called(torch.nn.Module):
    """A loss as a function of its weights."""

    def __init__(self, modules: Modules, loss: Loss) -> None:
        super().__init__()
        self.modules_, self.loss = modules, loss

    def forward(self, *row: Tensor) -> Tensor:
        """The losses of rows."""
        return self.loss(self.modules_, Batch(*row))

    def of(self, weights: dict[str, Tensor], row: Sequence[Tensor]) -> Tensor:
        """The loss of a row with these weights; all others stay."""
        named = {f"modules_.{k}": w for k, w in weights.items()}
        found: Tensor = torch.func.functional_call(self, named, tuple(row))
        return found


@dataclass(frozen=True)
class DpSgd:
    """Clipped patient by patient, summed, noised, divided by a constant (Abadi et al. 2016).

    **Guarantee:** each step is one Gaussian release of `noise` times its sensitivity `clip`, of
    patients who take part by coins of their own; all steps together cost what `charge` says. Coins,
    noise and the numbers that a row's loss uses come from the operating system's entropy.

    | step | what happens |
    |---|---|
    | nobody takes part | noise alone |
    | several rows of a patient | their sum is clipped, once |
    | a loss that needs its batch | refused |
    | a row whose gradient is no number | counts for nothing |
    | layers that work on something else than rows | refused, unless patients are taken `alone` |

    Attributes:
        noise: standard deviation over `clip`.
        rate: chance with which each patient takes part.
        clip: the most that a patient's gradient counts for, in L2 over all weights.
        micro: rows worked on at once.
        divisor: what the noised sum is divided by: public or paid for, never a batch's size.
        patients: (n,) whose row each is, from 0.
        alone: one backward pass a patient; what a loss's layers work on is then not asked.
        stacked: rows whose passes are worked out as one, where patients are taken alone; 0: none,
            as a loss's layers may not bear it.
    """

    noise: float
    rate: float = 1.0
    clip: float = 1.0
    micro: int = 512
    divisor: float = 1.0
    patients: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    alone: bool = False
    stacked: int = 0

    def at(self, noise: float, steps: int) -> "DpSgd":
        """Less noise where few take part, as that hides as well."""
        return replace(self, noise=noise * self.rate * max(1, steps) ** 0.5)

    def at_work(self, job: "Job", rows: Tensor, patients: np.ndarray, expected: float) -> "DpSgd":
        """With patients, and the divisor that is public or paid for."""
        return replace(self, divisor=max(1.0, self.rate * expected), patients=patients)

    def charge(self, purpose: str, phases: tuple[Phase, ...]) -> Release:
        """A noised gradient for every update that reads real rows.

        Raises:
            PlanError: an update whose loss needs its batch.
        """
        for update in (u for p in phases for u in p.updates if u.reads_real and u.batchwise):
            raise PlanError(
                f"differential privacy needs losses that take each row by itself, and that of "
                f"{', '.join(update.trains)} does not: {update.batchwise}"
            )
        steps = planned_releases(phases)
        note = (
            f"{steps} gradients, clipped at {self.clip:g}, each patient with chance {self.rate:g}"
        )
        spend = Spend(Kind.GAUSSIAN, self.noise, self.rate, steps)
        return Release(purpose, ALONE if self.alone else SGD, note=note, spends=(spend,))

    def batch(self, job: "Job", rows: Tensor, generator: torch.Generator) -> Batch:
        """The rows of the patients who take part.

        The numbers of noise that stand beside a row cannot be foreseen: if they could, one more
        row would shift them for all that follow it.
        """
        if type(job.asking) is not Nothing:
            raise PlanError(
                "differential privacy cannot pick rows by what they hold: set this model to ask for"
                " nothing"
            )
        taken = PoissonSampler(self.patients, self.rate).draw()
        none = torch.zeros(len(taken), 0)
        noise = torch.from_numpy(normal(len(taken), job.noise))
        who = torch.from_numpy(self.patients[taken])
        return Batch(rows[torch.from_numpy(taken)], none, none, noise, who)

    def gradients(
        self, loss: Loss, modules: Modules, trains: tuple[str, ...], batch: Batch
    ) -> Tensor | None:
        """The noised sum of clipped gradients over the divisor; nothing is told of the loss."""
        if reason := batchwise_reason(loss):
            raise PlanError(f"differential privacy refuses a loss that needs its batch: {reason}")
        weights = [p for name in trains for p in modules[name].parameters()]
        sizes = [w.numel() for w in weights]
        total = torch.zeros(sum(sizes))
        lines = zip(torch.split(total, sizes), weights, strict=True)
        sums = [part.view_as(weight) for part, weight in lines]
        spread = self.noise * self.clip
        clip = self.clip - slack(len(total), spread)
        if not clip > 0:
            raise BudgetError(
                "so much noise hides all that a patient may add; ask for more epsilon"
            )
        with exact():
            self._add(Called(modules, loss), trains, batch, clip, sums)
        noised = noisy_sums(total.numpy(), spread)
        slopes = torch.from_numpy(noised).div_(self.divisor).float()
        for weight, slope in zip(weights, torch.split(slopes, sizes), strict=True):
            weight.grad = slope.view_as(weight)
        return None

    def _add(
        self,
        called: "Called",
        trains: tuple[str, ...],
        batch: Batch,
        clip: float,
        sums: Sequence[Tensor],
    ) -> None:
        """Add the clipped gradients of the batch's patients to the sums."""
        named: dict[str, Tensor] = {
            f"{n}.{k}": w for n in trains for k, w in called.modules_[n].named_parameters()
        }
        weights = list(named.values())
        for part in parts_of(batch, (self.stacked or 1) if self.alone else self.micro):
            worked_out = partial(called.loss, called.modules_, part)
            if not self.alone:
                clipped_sum(worked_out, weights, part.patient, clip, sums)
            elif self.stacked and len(part.patient):
                # stacks of one size: no row's pass hangs on how many there are
                stack = Stack(part[:-1], part.patient, self.stacked)
                add_each_clipped(called.of, named, stack, clip, sums)
            elif len(part.patient):
                add_clipped(worked_out, weights, clip, sums)


def parts_of(batch: Batch, micro: int) -> Iterator[Batch]:
    """The batch in parts of about `micro` rows, all rows of a patient in one of them.

    Patients are numbered from 0 in each part.
    """
    each_alone = torch.equal(batch.patient, torch.arange(len(batch.patient)))
    if each_alone and len(batch.patient) <= micro:
        yield batch
        return
    order = torch.argsort(batch.patient, stable=True)
    _, group, sizes = torch.unique(batch.patient, return_inverse=True, return_counts=True)
    first = torch.cumsum(sizes, 0) - sizes  # where each patient's rows begin in that order
    part_of = (first // micro)[group[order]]
    for number in torch.unique(part_of):
        rows = order[part_of == number]
        who = group[rows] - group[rows].min()
        real, labels, condition, noise, _ = (x[rows] for x in batch)
        yield Batch(real, labels, condition, noise, who)
