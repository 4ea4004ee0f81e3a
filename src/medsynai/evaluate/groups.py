"""The protected groups that are judged one by one: levels, decades of age, quarters."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from medsynai.data.schema import Role
from medsynai.evaluate.encode import Encoding, Floats
from medsynai.evaluate.interval import Rows
from medsynai.evaluate.trial import Trial

LEAST = 50
DECADE, OLDEST = 10.0, 130.0
# The decade from 90 on is one group, as ages over 89 identify (45 CFR 164.514(b)(2)(i)(C)).
TOP = 9


@dataclass(frozen=True)
class Group:
    """Rows whose protected column is one level, or a number in [low, high).

    Attributes:
        name: what a reader sees, e.g. "sex=female" or "age 60 to 69".
        place: the column in the encoding.
        low, high: level code and the next one, or the number's range.
    """

    name: str
    place: int
    low: float
    high: float

    def of(self, values: Floats) -> Rows:
        """Which rows are in the group."""
        cell = values[:, self.place]
        return np.asarray((cell >= self.low) & (cell < self.high))


def protected_groups(trial: Trial) -> tuple[Group, ...]:
    """Every group of every protected column, small ones too, in schema order."""
    encoding = trial.encoding
    names = [n for n in trial.train.schema.having(Role.PROTECTED) if n in encoding.names]
    return tuple(g for n in names for g in _groups(n, encoding))


def _groups(name: str, encoding: Encoding) -> Iterator[Group]:
    place = encoding.names.index(name)
    cell = encoding.train[:, place]
    present = cell[np.isfinite(cell)]
    if encoding.is_level[place]:
        for code, level in enumerate(encoding.levels[place]):
            yield Group(f"{name}={level}", place, code, code + 1)
    elif len(present) == 0:
        return
    elif present.min() >= 0 and 2 * DECADE < present.max() <= OLDEST:
        first, last = (int(v // DECADE) for v in (present.min(), present.max()))
        for k in range(first, min(last, TOP) + 1):
            low, end = k * DECADE, "and over" if k == TOP else f"to {(k + 1) * DECADE - 1:.0f}"
            high = np.inf if k == TOP else low + DECADE
            yield Group(f"{name} {low:.0f} {end}", place, low, high)
    else:
        cuts = np.unique(np.quantile(present, [0.25, 0.5, 0.75]))
        ends = [-np.inf, *cuts, np.inf]
        for k, (low, high) in enumerate(itertools.pairwise(ends), start=1):
            # The cuts are patients' values, so the name counts the quarters instead.
            yield Group(f"{name}: part {k} of {len(ends) - 1}", place, float(low), float(high))
