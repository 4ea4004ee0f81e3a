"""How a gradient may leave the real rows, and what the ledger writes for it."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from medsynai.learn.core import Batch, Loss, Modules, Phase, planned_releases
from medsynai.privacy.ledger import Release


class Mechanism(Protocol):
    """What stands between a loss on real rows and the weights."""

    def charge(self, purpose: str, phases: tuple[Phase, ...]) -> Release:
        """What the ledger writes for all the phases, before a row is read."""
        ...

    def gradients(
        self, loss: Loss, modules: Modules, trains: tuple[str, ...], batch: Batch
    ) -> Tensor:
        """Fill `grad` of the weights in `trains`; gives the mean loss, for the records."""
        ...


@dataclass(frozen=True)
class Plain:
    """The gradient of the mean loss, as it is: no protection."""

    def charge(self, purpose: str, phases: tuple[Phase, ...]) -> Release:
        """An unprotected release that says how many steps read real rows."""
        note = f"at most {planned_releases(phases)} gradient steps on real rows, without noise"
        return Release(purpose, note=note)

    def gradients(
        self, loss: Loss, modules: Modules, trains: tuple[str, ...], batch: Batch
    ) -> Tensor:
        """Exact gradients of the batch's mean."""
        weights = [p for name in trains for p in modules[name].parameters()]
        mean = loss(modules, batch).mean()
        slopes = torch.autograd.grad(mean, weights)
        for weight, slope in zip(weights, slopes, strict=True):
            weight.grad = slope
        return mean.detach()
