"""The words of the training loop: batches, losses, updates, phases.

An update that does not say `reads_real` is handed rows of NaN, so that what a model releases of
the real rows can be read off its phases.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

Modules = nn.ModuleDict
PerRow = Float[Tensor, " batch"]


class Batch(NamedTuple):
    """What a loss may look at.

    Attributes:
        real: (B, columns) codes of real rows: private.
        labels: (B, C) attributes of those rows: private.
        condition: (B, C) what the generator is asked for.
        noise: (B, Z) standard normal; all of a loss's randomness.
        patient: (B,) whose row each is, where the mechanism asks; else empty.
    """

    real: Tensor
    labels: Tensor
    condition: Tensor
    noise: Tensor
    patient: Tensor = torch.zeros(0, dtype=torch.long)

    def blind(self) -> "Batch":
        """The same without the real rows: NaN in their place."""
        return self._replace(real=self.real * torch.nan, labels=self.labels * torch.nan)

    def to(self, device: str) -> "Batch":
        """The same where a network is trained; no copy where it is there already."""
        return Batch(*(part.to(device) for part in self))


Loss = Callable[[Modules, Batch], PerRow]  # one number a row, never a mean


def batchwise(reason: str) -> Callable[[Loss], Loss]:
    """Mark a loss whose rows are not independent; differential privacy refuses it and says why."""

    def mark(loss: Loss) -> Loss:
        loss.batchwise = reason  # type: ignore[attr-defined]
        return loss

    return mark


def batchwise_reason(loss: Loss) -> str | None:
    """Why a loss needs its whole batch; None if each row stands alone."""
    reason: str | None = getattr(loss, "batchwise", None)
    return reason


@dataclass(frozen=True)
class Update:
    """One optimiser step: `trains` step down `loss`. Unless `reads_real`, rows come as NaN.

    Attributes:
        penalty: joins the loss every `every` rounds, `every` times as heavy, so that its weight
            does not hang on how seldom it is worked out (lazy regularisation, Karras et al. 2020,
            Analyzing and improving the image quality of StyleGAN, section 3.1).
    """

    trains: tuple[str, ...]
    loss: Loss
    reads_real: bool
    repeats: int = 1
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    penalty: Loss | None = None
    every: int = 1

    def at(self, number: int) -> Loss:
        """The loss of this round: with the penalty where it is due."""
        penalty, loss, heavy = self.penalty, self.loss, self.every
        if penalty is None or number % heavy:
            return loss

        def both(modules: Modules, batch: Batch) -> PerRow:
            return loss(modules, batch) + heavy * penalty(modules, batch)

        return batchwise(self.batchwise)(both) if self.batchwise else both

    def beside(self, other: Loss, reads_real: bool = False) -> "Update":
        """The same step down both losses; a pack's own gets its rows' mean of `other`."""
        mine = self.loss

        def both(modules: Modules, batch: Batch) -> PerRow:
            first, second = mine(modules, batch), other(modules, batch)
            return first + second.reshape(len(first), -1).mean(1)

        reason = batchwise_reason(mine) or batchwise_reason(other)
        whole = batchwise(reason)(both) if reason else both
        return replace(self, loss=whole, reads_real=self.reads_real or reads_real)

    def marked(self, reason: str) -> "Update":
        """The same, with a reason why its rows do not stand alone, unless it has one."""
        if self.batchwise:
            return self

        def loss(modules: Modules, batch: Batch) -> PerRow:
            return self.loss(modules, batch)

        return replace(self, loss=batchwise(reason)(loss))

    @property
    def batchwise(self) -> str | None:
        """Why its losses need their whole batch; None if each row stands alone."""
        return batchwise_reason(self.loss) or (self.penalty and batchwise_reason(self.penalty))


@dataclass(frozen=True)
class Phase:
    """Updates in turn, `rounds` times."""

    updates: tuple[Update, ...]
    rounds: int


def planned_releases(phases: tuple[Phase, ...]) -> int:
    """How many gradients of real rows are released at most: known before a row is read."""
    return sum(p.rounds * u.repeats for p in phases for u in p.updates if u.reads_real)
