"""Drawing rows from trained networks, freely or under a condition that every row meets."""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from medsynai.codec.layout import Layout
from medsynai.codec.tokens import places
from medsynai.errors import ConditionError

POOLS = (1, 4, 16, 64)  # rows begun for each row wanted under a condition
ENOUGH, TOO_FEW = 0.8, 0.1  # effective rows for each row wanted
POOL_ROWS = 200_000
LEVEL_STEPS, LEVEL_MOST = 6, 3.0  # a share is mended by a factor of exp(3) at most


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
    """What is kept of a trained model: it begins rows, then completes them.

    Attributes:
        seen: (width,) codes that occurred.
    """

    seen: Tensor

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
    """A code for each row, in proportion to exp(logits); all rows together are spread evenly.

    Each row alone has its own distribution exactly. Rows of like distributions take neighbouring
    points of one shifted van der Corput sequence, so that shares among them come out with less
    noise of sampling than if each was drawn on its own.

    Source: L'Ecuyer, Lecot and Tuffin 2008, A randomized quasi-Monte Carlo simulation method for
    Markov chains (array-RQMC).
    """
    mass = torch.softmax(logits.double(), dim=1)
    mean = mass @ torch.arange(mass.shape[1], dtype=torch.float64)
    shift = torch.rand(1, generator=generator, dtype=torch.float64)
    u = torch.empty(len(mass), dtype=torch.float64)
    u[torch.argsort(mean, stable=True)] = (van_der_corput(len(mass)) + shift) % 1
    ends = torch.cumsum(mass, dim=1)
    at = (u * ends[:, -1])[:, None]
    place = torch.searchsorted(ends, at, right=True).squeeze(1)
    return place.clamp_max(mass.shape[1] - 1).float()


def van_der_corput(n: int) -> Float[Tensor, " n"]:
    """The first n points of the base 2 sequence in [0, 1).

    >>> van_der_corput(4).tolist()
    [0.0, 0.5, 0.25, 0.75]
    """
    left, points = torch.arange(n), torch.zeros(n, dtype=torch.float64)
    scale = 0.5
    while bool(left.any()):
        points += scale * (left % 2)
        left, scale = left // 2, scale / 2
    return points


def shares_of(layout: Layout, rows: Float[Tensor, "n columns"]) -> Float[Tensor, " width"]:
    """How large a share of the rows each code has, column by column."""
    here = places(layout, rows).flatten()
    return torch.bincount(here, minlength=layout.width).float() / max(len(rows), 1)


def levelled(
    scores: Float[Tensor, "n size"], target: Float[Tensor, " size"]
) -> Float[Tensor, " size"]:
    """What to add to log-probabilities so that their mean over the rows is `target`.

    By the steps of iterative proportional fitting (Deming and Stephan 1940); codes of no share
    are left alone, as they are never drawn.
    """
    wanted = target > 0
    level = torch.zeros_like(target)
    for _ in range(LEVEL_STEPS):
        mean = torch.softmax(restrict(scores + level, wanted), dim=1).mean(0)
        level[wanted] += torch.log(target[wanted] / mean[wanted].clamp_min(1e-12))
    return level.clamp(-LEVEL_MOST, LEVEL_MOST)


def restrict(logits: Float[Tensor, "n size"], able: Bool[Tensor, " size"]) -> Tensor:
    """Minus infinity where a code may not be drawn."""
    return torch.where(able, logits, -torch.inf)
