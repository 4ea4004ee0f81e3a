"""What a generator is asked for at each step, and which real rows stand beside it.

What can be asked for is cut into *kinds*: one a combination of labels (conditional GAN), or one a
level of a column (CTGAN). A step draws kinds, and for each a train row of that kind, so the critic
compares rows that answer the same question. Drawing looks at how many rows each kind has.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.codec.tokens import one_hot
from medsynai.errors import PlanError

PICKED = "rows are picked by what is asked for"  # why differential privacy refuses a loss of them


class Pick(NamedTuple):
    """The rows of a batch: where they stand, what they are, what the generator is asked for."""

    rows: Int64[Tensor, " n"]
    labels: Float[Tensor, "n condition"]
    condition: Float[Tensor, "n condition"]


class Asking(Protocol):
    """A source of conditions; made from train rows, whose shares it holds."""

    @property
    def fair(self) -> "Asking":
        """The same, asking as often as the train rows do: for looks at what is learnt."""
        ...

    def pick(self, rows: Tensor, n: int, generator: torch.Generator) -> Pick:
        """`n` of the rows, with their labels and as many conditions."""
        ...


@dataclass(frozen=True)
class Nothing:
    """No condition: rows at random."""

    @property
    def fair(self) -> "Nothing":
        """See `Asking`."""
        return self

    def pick(self, rows: Tensor, n: int, generator: torch.Generator) -> Pick:
        """See `Asking`."""
        none = torch.zeros(n, 0)
        return Pick(torch.randint(len(rows), (n,), generator=generator), none, none)


@dataclass(frozen=True)
class OwnClass:
    """Rows at random, and of the generator the class that each of them ends in."""

    @property
    def fair(self) -> "OwnClass":
        """See `Asking`."""
        return self

    def pick(self, rows: Tensor, n: int, generator: torch.Generator) -> Pick:
        """See `Asking`."""
        which = torch.randint(len(rows), (n,), generator=generator)
        told = rows[which, -1:]
        return Pick(which, told, told)


@dataclass(frozen=True)
class EvenedClass:
    """The same, but a class comes as the root of how many rows it has: rare ones are learnt too.

    What a model makes of a class does not hang on how often the class comes, only how well it has
    learnt it. The root is halfway between the rows' own shares and equal ones, of which the latter
    would show the few images of a rare class so often that they might be learnt by heart.
    """

    @property
    def fair(self) -> OwnClass:
        """See `Asking`."""
        return OwnClass()

    def pick(self, rows: Tensor, n: int, generator: torch.Generator) -> Pick:
        """See `Asking`."""
        label = rows[:, -1].long()
        often = torch.bincount(label).double().rsqrt()[label]
        which = torch.multinomial(often, n, replacement=True, generator=generator)
        told = rows[which, -1:]
        return Pick(which, told, told)


@dataclass(frozen=True)
class Kinds:
    """Kinds of rows to ask for, and where the train rows of each stand.

    Attributes:
        asks: (kinds, condition) what the generator is given for each.
        fixed: (kinds, columns) codes that a kind settles; NaN where it settles nothing.
        shares: (kinds,) how often the train rows are of each.
        often: (kinds,) how often a step asks for each.
        members: positions of the rows of the first kind, then of the second ...
        starts: (kinds,) where each kind begins there.
        sizes: (kinds,) how many rows it has.
    """

    asks: Float[Tensor, "kinds condition"]
    fixed: Float[Tensor, "kinds columns"]
    shares: Float[Tensor, " kinds"]
    often: Float[Tensor, " kinds"]
    members: Int64[Tensor, " members"]
    starts: Int64[Tensor, " kinds"]
    sizes: Int64[Tensor, " kinds"]

    @property
    def fair(self) -> "Kinds":
        """See `Asking`."""
        return replace(self, often=self.shares)

    def pick(self, rows: Tensor, n: int, generator: torch.Generator) -> Pick:
        """See `Asking`; the rows must be those that the kinds were made from."""
        ends = torch.cumsum(self.often.double(), 0)
        u = torch.rand(2, n, generator=generator, dtype=torch.float64)
        kind = torch.searchsorted(ends, u[0] * ends[-1], right=True).clamp_max(len(ends) - 1)
        place = self.starts[kind] + (u[1] * self.sizes[kind]).long()
        asks = self.asks[kind]
        return Pick(self.members[place], asks, asks)


def anything(rows: Float[Tensor, "n columns"]) -> Kinds:
    """The one kind of rows there is where nothing is asked."""
    n, columns = rows.shape
    all_of, one = torch.arange(n), torch.ones(1)
    fixed, start = torch.full((1, columns), torch.nan), torch.zeros(1, dtype=torch.long)
    return Kinds(torch.zeros(1, 0), fixed, one, one, all_of, start, start + n)


def with_levels(space: Space) -> tuple[int, ...]:
    """The columns that `by_level` asks about: all whose cells have no positions."""
    return tuple(j for j in range(len(space.cells)) if j not in space.placed)


def named(space: Space, names: tuple[str, ...]) -> tuple[int, ...]:
    """Positions of columns.

    Raises:
        PlanError: a name that is no learnt column's.
    """
    known = [s.name for s in space.cells]
    for name in names:
        if name not in known:
            raise PlanError(f"no column {name!r} to be asked for; columns: {', '.join(known)}")
    return tuple(known.index(name) for name in names)


def asked_places(space: Space, columns: tuple[int, ...]) -> Int64[Tensor, " condition"]:
    """Places of these columns' cells: what each number of a condition speaks of."""
    spans = [space.cells.spans[j] for j in columns]
    return torch.tensor([p for s in spans for p in range(s.start, s.stop)], dtype=torch.long)


def _asks(space: Space, fixed: Tensor, columns: tuple[int, ...]) -> Float[Tensor, "kinds asked"]:
    """One-hot over the columns' cells what each kind settles; zeros where it settles nothing."""
    return torch.nan_to_num(one_hot(space.cells, fixed))[:, asked_places(space, columns)]


def by_level(space: Space, rows: Float[Tensor, "n columns"]) -> Kinds:
    """A level of one column: columns equally often, their levels by the log of their rows.

    The logarithm takes one row more than there are, so that a level of one row is asked for too.

    Source: training-by-sampling, Xu et al. 2019, Modeling tabular data using conditional GAN,
    section 4.3.
    """
    columns, parts = with_levels(space), []
    if not columns:
        return anything(rows)
    for j in columns:
        counts = torch.bincount(rows[:, j].long(), minlength=space.cells.sizes[j])
        level = torch.nonzero(counts)[:, 0]
        fixed = torch.full((len(level), len(space.cells)), torch.nan)
        fixed[:, j] = level.float()
        often = torch.log1p(counts[level].double())
        often /= often.sum() * len(columns)
        parts.append((fixed, often.float(), torch.argsort(rows[:, j], stable=True), counts[level]))
    fixed, often, members, sizes = (torch.cat(p) for p in zip(*parts, strict=True))
    shares, starts = sizes / sizes.sum(), torch.cumsum(sizes, 0) - sizes
    return Kinds(_asks(space, fixed, columns), fixed, shares, often, members, starts, sizes)


def by_label(
    space: Space, rows: Float[Tensor, "n columns"], labels: tuple[str, ...], least: int
) -> Kinds:
    """Codes of all labels at once, as often as the train rows have them.

    Combinations of fewer than `least` rows are never asked for, and not kept.

    Source: Mirza and Osindero 2014, Conditional generative adversarial nets, section 3.2.

    Raises:
        PlanError: a label that is no column; too few rows of every combination.
    """
    columns = named(space, labels)
    if not columns:
        return anything(rows)
    found, kind, sizes = torch.unique(
        rows[:, columns], dim=0, return_inverse=True, return_counts=True
    )
    kept = torch.nonzero(sizes >= min(least, len(rows)))[:, 0]
    if not len(kept):
        raise PlanError(f"no {least} rows share their {', '.join(labels)}: take fewer labels")
    fixed = torch.full((len(kept), len(space.cells)), torch.nan)
    fixed[:, columns] = found[kept]
    members, starts = torch.argsort(kind, stable=True), torch.cumsum(sizes, 0) - sizes
    shares = sizes[kept] / sizes[kept].sum()
    asks = _asks(space, fixed, columns)
    return Kinds(asks, fixed, shares, shares, members, starts[kept], sizes[kept])
