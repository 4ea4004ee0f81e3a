"""One column's distribution as cells in order: a level, a heavy value, or an interval of numbers.

A cell of numbers stands for at least `min_cell` patients, and the ends of an interval are means of
several patients' values, so that no cell is one patient's. Cells map values to probabilities and
back, which is all that a copula needs of a margin.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medsynai.data.schema import Column, Kind
from medsynai.data.table import canonical_dtype
from medsynai.errors import ConditionError
from medsynai.generator import Wanted

Floats = NDArray[np.float64]
Owners = NDArray[np.int64]  # (rows,) whose row each is, by number
Spans = tuple[Floats, Floats]  # lower and upper probabilities, each (..., k)
TOUCH = 1e-6  # thirty thirtieths add up to a little less than one


@dataclass(frozen=True)
class Cells:
    """Cells of a column's present values, in the order of their values or level codes.

    Attributes:
        edges: (k + 1,) cumulative probability at the cells' borders, from 0 to 1.
        low, high: (k,) the numbers a cell runs between, equal for a heavy value; for levels both
            are the code in `column.categories`.
        missing: the share of rows without a value; 1 where none has one, and then k is 0.
    """

    column: Column
    edges: Floats
    low: Floats
    high: Floats
    missing: float

    @property
    def empty(self) -> bool:
        """No value was ever seen."""
        return len(self.low) == 0

    def values_at(self, u: Floats, missing: NDArray[np.bool_]) -> pd.Series:
        """The column's values at probabilities `u` in [0, 1], absent where `missing`. (n,)."""
        if self.empty:
            numbers = np.full(len(u), np.nan)
        else:
            k = _cell_at(self.edges, u)
            mass = np.diff(self.edges)[k]
            share = np.clip((u - self.edges[k]) / np.where(mass > 0, mass, 1.0), 0.0, 1.0)
            numbers = self.low[k] + share * (self.high[k] - self.low[k])
        return self._as_series(np.where(missing, np.nan, numbers))

    def counts_of(self, numbers: pd.Series) -> NDArray[np.int64]:
        """How many of some present numbers lie in each cell. (k,)."""
        return np.bincount(self._cells_of_numbers(numbers.to_numpy(float)), minlength=len(self.low))

    def spans_of(self, values: pd.Series) -> Spans:
        """Where given values lie, as spans of probability (n, 1); the whole [0, 1] if absent.

        Raises:
            ConditionError: a level that training never met.
        """
        absent = values.isna().to_numpy(bool)
        if self.empty:
            return np.zeros((len(values), 1)), np.ones((len(values), 1))
        if self.column.kind.is_level:
            k = self._cells_of_levels(values, absent)
        else:
            numbers = np.where(absent, self.low[0], values.to_numpy(np.float64, na_value=np.nan))
            k = self._cells_of_numbers(numbers)
        a, b = self.edges[k], self.edges[k + 1]
        width = self.high[k] - self.low[k]
        inside = (width > 0) & ~absent
        if inside.any():
            share = (numbers[inside] - self.low[k][inside]) / width[inside]
            point = a[inside] + np.clip(share, 0.0, 1.0) * (b - a)[inside]
            a[inside], b[inside] = point, point
        a[absent], b[absent] = 0.0, 1.0
        return a[:, None], b[:, None]

    def spans_for(self, wanted: Wanted) -> Spans:
        """The spans of probability (1, k) in which every value is as wanted.

        Raises:
            ConditionError: no value that was learnt is as wanted; the message says what was.
        """
        a, b = (
            self._level_spans(wanted) if self.column.kind.is_level else self._number_spans(wanted)
        )
        some = b > a
        if not some.any():
            raise ConditionError(self._refusal())
        first = np.r_[True, a[some][1:] > b[some][:-1]]
        last = np.r_[first[1:], True]
        return a[some][first][None, :], b[some][last][None, :]

    def narrowed(self, values: pd.Series, wanted: Wanted) -> pd.Series:
        """Numbers brought back inside what is wanted, where rounding took them out of it."""
        if self.column.kind.is_level:
            return values
        low, high = _on_lattice(self.column, wanted)
        return values.clip(low, high)

    def _as_series(self, numbers: Floats) -> pd.Series:
        if self.column.kind.is_level:
            codes = np.where(np.isnan(numbers), -1, numbers).astype(np.int64)
            dtype = cast(pd.CategoricalDtype, canonical_dtype(self.column))
            return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))
        decimals = _decimals(self.column)
        if decimals is not None:
            numbers = np.round(numbers, decimals) + 0.0
        return pd.Series(np.clip(numbers, self.column.minimum, self.column.maximum))

    def _cells_of_levels(self, values: pd.Series, absent: NDArray[np.bool_]) -> NDArray[np.int64]:
        cell_of = {self._name(k): k for k in range(len(self.low))}
        known = values.astype(object).map(cell_of)
        if known[~absent].isna().any():
            raise ConditionError(
                f"column {self.column.name!r} has kept levels that training never met; "
                "keep rows of the train part only"
            )
        return np.asarray(known.where(~absent, 0), np.int64)

    def _cells_of_numbers(self, numbers: Floats) -> NDArray[np.int64]:
        return np.searchsorted((self.high[:-1] + self.low[1:]) / 2, numbers, side="right")

    def _name(self, k: int) -> str:
        return (self.column.categories or ())[int(self.low[k])]

    def _level_spans(self, wanted: Wanted) -> tuple[Floats, Floats]:
        if wanted.levels is None:
            raise ConditionError(self._refusal())
        asked = set(wanted.levels)
        keep = np.array([self._name(k) in asked for k in range(len(self.low))], bool)
        return self.edges[:-1][keep], self.edges[1:][keep]

    def _number_spans(self, wanted: Wanted) -> tuple[Floats, Floats]:
        if wanted.levels is not None:
            raise ConditionError(self._refusal())
        low, high = _on_lattice(self.column, wanted)
        if low > high:
            raise ConditionError(self._refusal())
        decimals = _decimals(self.column)
        half = 0.0 if decimals is None else 0.5 * 10.0**-decimals
        width = self.high - self.low
        safe = np.where(width > 0, width, 1.0)
        start = np.clip((low - half - self.low) / safe, 0.0, 1.0)
        stop = np.clip((high + half - self.low) / safe, 0.0, 1.0)
        heavy = width == 0
        met = (self.low >= low) & (self.low <= high)
        start, stop = np.where(heavy, ~met, start), np.where(heavy, met, stop)
        mass = np.diff(self.edges)
        # the last digit of a sum may lie beyond the cell, and of the last cell beyond 1
        top = np.minimum(self.edges[:-1] + stop * mass, self.edges[1:])
        return np.minimum(self.edges[:-1] + start * mass, top), top

    def _refusal(self) -> str:
        name = self.column.name
        if self.empty:
            return f"column {name!r} has no values to ask for: all are missing"
        if self.column.kind.is_level:
            known = [self._name(int(k)) for k in np.flatnonzero(np.diff(self.edges))]
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            return f"column {name!r} cannot be asked for that; levels that occur: {shown}"
        low, high = self._as_series(np.array([self.low[0], self.high[-1]]))
        return f"column {name!r} cannot be asked for that; it runs from about {low:g} to {high:g}"


def _cell_at(edges: Floats, u: Floats) -> NDArray[np.int64]:
    """The occupied cell that each probability falls in."""
    k = np.searchsorted(edges, u, side="right") - 1
    occupied = np.flatnonzero(np.diff(edges) > 0)
    return np.clip(k, occupied[0], occupied[-1]).astype(np.int64)


def _decimals(column: Column) -> int | None:
    return 0 if column.kind is Kind.INTEGER else column.decimals


def fit_cells(
    values: pd.Series, column: Column, most: int, min_cell: int, whose: Owners | None = None
) -> Cells:
    """Cut a canonical column into at most about `most` cells of at least `min_cell` patients.

    Args:
        values: the column.
        column: what the schema says of it.
        most: cells of numbers, about.
        min_cell: patients that a cell of numbers stands for at least.
        whose: (rows,) whose row each is; None: every row is another patient's.
    """
    there = values.notna().to_numpy(bool)
    present = values[there]
    missing = 1.0 - len(present) / len(values)
    if column.kind.is_level:
        return _level_cells(present, column, missing)
    found = present.to_numpy(np.float64)
    order = np.argsort(found, kind="stable")
    heft = np.ones(len(order)) if whose is None else hefts(whose[there])[order]
    if heft.sum() > min_cell - TOUCH:
        low, high, count = _number_cells(found[order], heft, most, min_cell)
    elif len(order) and column.minimum is not None and column.maximum is not None:
        # too few patients to learn a shape from: only the public range is used
        low, high, count = np.array([column.minimum]), np.array([column.maximum]), np.array([1.0])
    else:
        return Cells(column, np.zeros(1), np.empty(0), np.empty(0), 1.0)
    edges = np.r_[0.0, np.cumsum(count) / count.sum()]
    return Cells(column, edges, low, high, missing)


def hefts(whose: Owners) -> Floats:
    """(rows,) one over how many of these rows are the same patient's.

    Rows that weigh so much together are of so many patients at least, whichever they are.

    >>> hefts(np.array([4, 4, 9])).tolist()
    [0.5, 0.5, 1.0]
    """
    place = np.unique(whose, return_inverse=True)[1]
    share: Floats = 1.0 / np.bincount(place)[place]
    return share


def _level_cells(present: pd.Series, column: Column, missing: float) -> Cells:
    count = present.value_counts(sort=False).reindex(list(column.categories or ())).fillna(0.0)
    if not len(present):
        return Cells(column, np.zeros(1), np.empty(0), np.empty(0), 1.0)
    codes = np.arange(len(count), dtype=np.float64)
    edges = np.r_[0.0, np.cumsum(count.to_numpy(np.float64)) / len(present)]
    edges[-1] = 1.0
    return Cells(column, edges, codes, codes.copy(), missing)


def _number_cells(
    numbers: Floats, heft: Floats, most: int, min_cell: int
) -> tuple[Floats, Floats, Floats]:
    """Low, high and row count of each cell of sorted `numbers`; `heft` says who stands behind."""
    size = max(min_cell, int(np.ceil(heft.sum() / most - TOUCH)))
    distinct, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    behind = np.add.reduceat(heft, first)
    heavy = behind > size - TOUCH
    found: list[tuple[float, float, float]] = []
    spare = 0.0  # light values too few for a cell of their own go to the heavy value beside them
    for start, stop in _runs(heavy):
        rows = float(counts[start:stop].sum())
        if heavy[start]:
            found.append((distinct[start], distinct[start], rows + spare))
            spare = 0.0
        elif behind[start:stop].sum() > min_cell - TOUCH or not heavy.any():
            mine = slice(first[start], first[stop - 1] + counts[stop - 1])
            found.extend(_intervals(numbers[mine], heft[mine], size, min_cell))
        elif found:
            low, high, count = found[-1]
            found[-1] = (low, high, count + rows)
        else:
            spare = rows
    cut = np.array(found, np.float64)
    return cut[:, 0], cut[:, 1], cut[:, 2]


def _runs(heavy: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Positions of each heavy value alone and of each run of light ones between them."""
    starts = np.flatnonzero(np.r_[True, heavy[1:] | heavy[:-1]])
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(heavy)], strict=True))


def _intervals(
    values: Floats, heft: Floats, size: int, min_cell: int
) -> list[tuple[float, float, float]]:
    """Cut sorted light values into intervals of about `size` heft with smoothed ends.

    The outermost are cut finer, where a number's range is widest for its rows.
    """
    before = np.r_[0.0, np.cumsum(heft)]
    whole = before[-1] + TOUCH
    cuts = np.linspace(0, whole, max(1, int(whole / size)) + 1).astype(int)
    fine = np.arange(min_cell, cuts[1] - min_cell + 1, min_cell)
    if len(cuts) > 2:
        cuts = np.r_[0, fine, cuts[1:-1], (cuts[-1] - fine)[::-1], cuts[-1]]
    near = max(min_cell // 2, 1)

    def place(at: NDArray[np.int_]) -> NDArray[np.int64]:
        """The first place before which so much heft lies."""
        return np.searchsorted(before, at - TOUCH).clip(0, len(values))

    ends = [
        float(np.average(values[a:b], weights=heft[a:b]))
        for a, b in zip(place(cuts - near), place(cuts + near), strict=True)
    ]
    borders = place(cuts)
    borders[-1] = len(values)
    rows = np.diff(borders).astype(float).tolist()
    return list(zip(ends[:-1], ends[1:], rows, strict=True))


def _on_lattice(column: Column, wanted: Wanted) -> tuple[float, float]:
    """The range asked for, within the column's own and inwards to numbers it can write."""
    bounds = (column.minimum, column.maximum)
    low = max(x for x in (wanted.low, bounds[0], -np.inf) if x is not None)
    high = min(x for x in (wanted.high, bounds[1], np.inf) if x is not None)
    decimals = _decimals(column)
    if decimals is None:
        return low, high
    scale = 10.0**decimals
    # the small step keeps 0.3 * 10 = 3.0000000000000004 on the lattice point it is
    inward = (np.ceil(low * scale - 1e-6) / scale, np.floor(high * scale + 1e-6) / scale)
    return float(np.round(inward[0], decimals)), float(np.round(inward[1], decimals))
