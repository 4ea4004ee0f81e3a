"""Drawing rows from trained networks, freely or under a condition that every row meets."""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medsynai.codec.layout import Layout
from medsynai.errors import ConditionError

POOLS = (1, 4, 16, 64)  # rows begun for each row wanted under a condition
ENOUGH, TOO_FEW = 0.8, 0.1  # effective rows for each row wanted
POOL_ROWS = 200_000


@dataclass(frozen=True)
class Asked:
    """Which codes may be drawn.

    Attributes:
        able: (width,) places that may be drawn: they occurred, and meet the condition.
        columns: positions of the columns conditioned.
    """

    able: Bool[Tensor, " width"]
    columns: tuple[int, ...]


class Drawer(Protocol):
    """What is kept of a trained model: it begins rows, then completes them."""

    def begin(self, n: int, asked: Asked, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(n, k) rows begun, and (n,) how likely each was to meet what is asked."""
        ...

    def complete(self, state: Tensor, asked: Asked, generator: torch.Generator) -> Tensor:
        """(n, columns) codes of the rows begun."""
        ...

    def given(self, rows: Tensor) -> Tensor:
        """Rows begun from codes that are to be kept, NaN where free.

        Raises:
            ConditionError: this model cannot keep columns exactly.
        """
        ...


def begin_under(drawer: Drawer, n: int, asked: Asked, generator: torch.Generator) -> Tensor:
    """(n, k) rows begun in proportion to how likely they are to meet the condition.

    Raises:
        ConditionError: so few ways to meet it that rows would repeat each other.
    """
    for pool in POOLS:
        state, weight = drawer.begin(n * pool, asked, generator)
        share = weight.double()
        effective = float(share.sum() ** 2 / (share**2).sum().clamp_min(1e-300))
        if effective >= ENOUGH * n or n * pool * 4 > max(POOL_ROWS, n):
            break
    if effective < max(TOO_FEW * n, 1.0):
        raise ConditionError(
            "too few kinds of rows meet the condition, so rows would repeat each other; "
            "widen it, or draw fewer rows"
        )
    ends = torch.cumsum(share, 0)
    u = torch.rand(1, generator=generator, dtype=torch.float64)
    at = (torch.arange(n) + u) / n * ends[-1]  # systematic resampling: least noise
    pick = torch.searchsorted(ends, at).clamp_max(len(share) - 1)
    return state[pick[torch.randperm(n, generator=generator)]]


def pick_code(logits: Float[Tensor, "n size"], generator: torch.Generator) -> Float[Tensor, " n"]:
    """A code for each row, in proportion to exp(logits).

    Source: the Gumbel-max trick, Maddison, Tarlow and Minka 2014, A* sampling, section 2.
    """
    return (logits - torch.empty_like(logits).exponential_(generator=generator).log()).argmax(1)


def pick_codes(
    layout: Layout, logits: Float[Tensor, "n width"], generator: torch.Generator
) -> Float[Tensor, "n columns"]:
    """A code in each column's span; one draw a row and place."""
    shaken = logits - torch.empty_like(logits).exponential_(generator=generator).log()
    return torch.stack([shaken[:, s.places].argmax(1) for s in layout], dim=1).float()


def restrict(logits: Float[Tensor, "n size"], able: Bool[Tensor, " size"]) -> Tensor:
    """Minus infinity where a code may not be drawn."""
    return torch.where(able, logits, -torch.inf)
