"""A space for mixed rows in which L1 distance counts columns, and nearest rows in it.

Each column adds at most about 1: numbers the difference of their ranks among real rows (0..1;
beyond the real range it keeps growing, in units of the range), levels 1 if they differ, and a
missing value 1 against a present one (numbers: plus the rank's distance from the middle). Levels
are compared as codes, never spread one-hot, so thousands of them cost as little as two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynai.data.table import Table

Numbers = np.ndarray[Any, np.dtype[Any]]

_BLOCK = 1 << 18  # pairs held at once: small enough to stay in a core's cache
_MISSING = -1  # pandas' own code for a missing level


@dataclass(frozen=True)
class Points:
    """Rows placed in the space, held column by column.

    Attributes:
        numbers: (numeric columns, rows) float32 ranks; missing sits at .5.
        codes: (level columns + numeric columns with gaps, rows) int32; equal or not is all.
        columns: the names that `numbers` and then `codes` stand for.
    """

    numbers: Numbers
    codes: Numbers
    columns: tuple[tuple[str, ...], tuple[str, ...]]

    def __len__(self) -> int:
        return int(self.numbers.shape[1])

    def rows(self, index: Numbers) -> "Points":
        """The rows at these positions (integers or a mask)."""
        return Points(self.numbers[:, index], self.codes[:, index], self.columns)

    def only(self, names: set[str]) -> "Points":
        """The part of the space that these columns span."""
        a = [i for i, c in enumerate(self.columns[0]) if c in names]
        b = [i for i, c in enumerate(self.columns[1]) if c in names]
        kept = (tuple(self.columns[0][i] for i in a), tuple(self.columns[1][i] for i in b))
        return Points(self.numbers[a], self.codes[b], kept)


@dataclass(frozen=True)
class Space:
    """Where rows lie, fixed by real rows of both sides.

    Train and holdout rows alike make the ranks. Ranks among train rows alone would give train
    values places of their own that no holdout value can take, and an attack would find its members
    by the ruler instead of by the release.

    Attributes:
        values: for each numeric column its distinct real values in order.
        ranks: their mid-ranks, 0 to 1.
        levels: for each level column its levels to codes.
    """

    values: dict[str, Numbers]
    ranks: dict[str, Numbers]
    levels: dict[str, dict[str, int]]

    @staticmethod
    def of(train: Table, holdout: Table, *others: Table) -> "Space":
        """The space of these real rows; `others` only add levels that those never had."""
        values, ranks, levels = {}, {}, {}
        for column in train.schema.columns:
            parts = [t.frame[column.name] for t in (train, holdout, *others)]
            if column.kind.is_number:
                real = np.concatenate([p.to_numpy(float) for p in parts[:2]])
                known, counts = np.unique(real[~np.isnan(real)], return_counts=True)
                values[column.name] = known
                ranks[column.name] = (np.cumsum(counts) - counts / 2) / max(1, counts.sum())
            elif column.kind.is_level:
                names = {str(v) for p in parts for v in p.astype("category").cat.categories}
                levels[column.name] = {v: i for i, v in enumerate(sorted(names))}
        return Space(values, ranks, levels)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that count."""
        return (*self.values, *self.levels)

    def place(self, table: Table) -> Points:
        """The rows of a table as points."""
        ranks = [self._ranks(c, table) for c in self.values]
        gaps = [table.frame[c].isna().to_numpy(np.int32) for c in self.values]
        codes = [self._codes(c, table) for c in self.levels]
        n = len(table)
        return Points(
            np.array(ranks, np.float32).reshape(len(ranks), n),
            np.array(codes + gaps, np.int32).reshape(len(codes) + len(gaps), n),
            (tuple(self.values), (*self.levels, *self.values)),
        )

    def _ranks(self, name: str, table: Table) -> Numbers:
        known, v = self.values[name], table.frame[name].to_numpy(float)
        if not len(known):
            return np.full(len(v), 0.5)
        # between real values by straight lines: equal places only for equal values
        q = np.interp(v, known, self.ranks[name])
        span = max(known[-1] - known[0], 1e-12)
        beyond = np.maximum(v - known[-1], 0) - np.maximum(known[0] - v, 0)
        # a constant column has no range to measure in; a far value must still stay finite
        return np.where(np.isnan(v), 0.5, q + np.clip(beyond / span, -1e3, 1e3))

    def _codes(self, name: str, table: Table) -> Numbers:
        values, known = table.frame[name].astype("category").cat, self.levels[name]
        own = [known[str(v)] for v in values.categories]
        return np.array([*own, _MISSING], np.int32)[values.codes.to_numpy()]


def nearest(points: Points, among: Points, k: int = 1) -> tuple[Numbers, Numbers]:
    """The `k` nearest rows of `among` to each row of `points`.

    Returns:
        Distances (rows, k) in rising order and positions in `among` (rows, k); `k` is cut to the
        rows that there are. Ties fall to any of the tied rows.
    """
    k = min(k, len(among))
    distances = np.empty((len(points), k), np.float32)
    index = np.empty((len(points), k), np.int64)
    for rows, block in blocks(points, among):
        if k == 1:
            at = block.argmin(axis=1)[:, None]
        else:
            at = np.argpartition(block, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(block, at, axis=1)
        order = np.argsort(near, axis=1, kind="stable")
        distances[rows] = np.take_along_axis(near, order, axis=1)
        index[rows] = np.take_along_axis(at, order, axis=1)
    return distances, index


def blocks(points: Points, among: Points) -> Iterator[tuple[slice, Numbers]]:
    """All distances, a few rows of `points` at a time: (slice of rows, (rows, among) float32)."""
    a, b = _varying(points, among)
    step = max(1, _BLOCK // max(len(among), 1))
    for start in range(0, len(points), step):
        rows = slice(start, min(len(points), start + step))
        total = np.zeros((rows.stop - start, len(among)), np.float32)
        gap = np.empty_like(total)
        for x, y in zip(points.numbers, among.numbers, strict=True):
            np.subtract(x[rows, None], y[None], out=gap)
            np.abs(gap, out=gap)
            total += gap
        flag = np.empty(total.shape, np.bool_)
        for first in range(0, len(a), 255):  # as many flags as a byte can count
            unlike = np.zeros(total.shape, np.uint8)
            for x, y in zip(a[first : first + 255], b[first : first + 255], strict=True):
                np.not_equal(x[rows, None], y[None], out=flag)
                np.add(unlike, flag.view(np.uint8), out=unlike)
            total += unlike
        yield rows, total


def _varying(points: Points, among: Points) -> tuple[Numbers, Numbers]:
    """Code columns that differ anywhere, in the smallest integers that hold them.

    The gaps of a numeric column without gaps are all equal: they must cost nothing.
    """
    both = np.concatenate([points.codes, among.codes], axis=1)
    keep = both.max(axis=1, initial=_MISSING) > both.min(axis=1, initial=1 << 30)
    top = int(both.max(initial=0))
    kind = np.int8 if top < 127 else np.int16 if top < 32767 else np.int32
    return points.codes[keep].astype(kind), among.codes[keep].astype(kind)


def nearest_without(points: Points, among: Points, hidden: tuple[str, ...]) -> Numbers:
    """The nearest row of `among` when one column is hidden, for each column in turn.

    One pass over all distances, from which each hidden column's own share is taken back.

    Returns:
        Positions in `among` (rows, hidden).
    """
    index = np.empty((len(points), len(hidden)), np.int64)
    parts = [(points.only({h}), among.only({h})) for h in hidden]
    for rows, block in blocks(points, among):
        for j, (x, y) in enumerate(parts):
            without = block.copy()
            for a, b in zip(x.numbers, y.numbers, strict=True):
                without -= np.abs(a[rows, None] - b[None])
            for a, b in zip(x.codes, y.codes, strict=True):
                without -= a[rows, None] != b[None]
            index[rows, j] = without.argmin(axis=1)
    return index
