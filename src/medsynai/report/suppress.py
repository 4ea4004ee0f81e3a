"""Small cells: the last guard before an exhibit is printed or written.

Every measure suppresses small cells of real data itself. This module trusts none of them: it walks
an exhibit and withholds it whole if a count of fewer than 11 real rows shows, as a count or as a
share of a known number of rows that a reader can turn back into one. Zero is shown: that nobody is
in a cell tells of nobody in it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from medsynai.evaluate.score import Score

# A cell of 11 is a risk of 1/11 = 0.09, the smallest that US agencies and EMA Policy 0070 publish.
SMALLEST = 11
REAL = frozenset({"real", "train", "holdout", "members", "control"})
COUNTS = frozenset({"n", "count", "counts", "rows", "risk", "events", "patients", "deaths"})
LINKS = frozenset({"at", "of", "in", "number"})
BINNED = frozenset({"edges", "levels", "bins", "grid", "labels", "cells"})


@dataclass(frozen=True)
class Shown:
    """Exhibits that may be published, and why the others may not.

    Attributes:
        exhibits: plain data by name.
        withheld: a reason by name; it names the place, never the count.
    """

    exhibits: dict[str, Any]
    withheld: dict[str, str]


@dataclass(frozen=True)
class _Place:
    """Where the walk is: the keys above, and what is known of the rows below them."""

    keys: tuple[str, ...] = ()
    real: bool = False
    synthetic: bool = False
    rows: int | None = None
    binned: bool = False

    def below(self, key: str, parent: Mapping[str, Any]) -> "_Place":
        words = set(key.lower().split("_"))
        return _Place(
            keys=(*self.keys, key),
            real=self.real or bool(words & REAL),
            synthetic=self.synthetic or "synthetic" in words,
            rows=_rows(parent) or self.rows,
            binned=self.binned or bool(BINNED & set(parent)),
        )

    @property
    def counting(self) -> bool:
        """The last key names a count of rows: n, real_rows, n_holdout, at_risk."""
        words = set(self.keys[-1].lower().split("_")) if self.keys else set()
        return bool(words & COUNTS) and words <= COUNTS | REAL | LINKS


def withhold(exhibits: Mapping[str, Any]) -> Shown:
    """Split exhibits into those without a small real cell and the rest, which is withheld.

    >>> shown = withhold({"levels": {"real": [20, 3]}, "sizes": {"real": [20, 30]}})
    >>> list(shown.exhibits), list(shown.withheld)
    (['sizes'], ['levels'])
    """
    kept: dict[str, Any] = {}
    withheld: dict[str, str] = {}
    for name, exhibit in exhibits.items():
        place = next(_small_cells(exhibit, _Place()), None)
        if place is None:
            kept[name] = exhibit
        else:
            where = ".".join(place.keys) or name
            withheld[name] = (
                f"withheld: a figure at {where} rests on fewer than {SMALLEST} real rows"
            )
    return Shown(kept, withheld)


def withhold_group(score: Score) -> Score:
    """A group's score as it may be published: without a figure if it rests on few rows."""
    judged = score.value is not None or score.n > 0
    if not score.group or score.n >= SMALLEST or not judged:
        return score
    return replace(
        score,
        value=None,
        low=None,
        high=None,
        holdout=None,
        shuffled=None,
        control=None,
        n=0,
        note=f"fewer than {SMALLEST} rows",
    )


def _small_cells(value: Any, place: _Place) -> Iterator[_Place]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _small_cells(inner, place.below(str(key), value))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _small_cells(inner, place)
    elif isinstance(value, int | float) and not isinstance(value, bool) and _is_small(value, place):
        yield place


def _is_small(value: float, place: _Place) -> bool:
    if place.synthetic or not math.isfinite(value) or value <= 0:
        return False
    whole = float(value).is_integer()
    if place.counting or (place.real and isinstance(value, int)):
        return whole and value < SMALLEST
    if place.real and place.binned and whole and value > 1:
        return value < SMALLEST
    if place.real and place.binned and place.rows is not None and value <= 1:
        return (value + _rounding(value)) * place.rows < SMALLEST
    return False


def _rounding(value: float) -> float:
    """Half a unit of the last decimal written: a share may stand for a count that far above."""
    return 0.5 * 10.0 ** -len(f"{value:.9f}".rstrip("0").partition(".")[2])


def _rows(parent: Mapping[str, Any]) -> int | None:
    """The number of real rows that shares beside it are shares of."""
    for key in ("n_real", "real_n", "real_rows", "rows_real", "n_train", "n", "rows"):
        value = parent.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None
