"""Cells as numbers: values, decile codes, features for trees, a flat space for linear models."""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medsynai.data.schema import Column
from medsynai.data.table import Table

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

BINS = 10
# scikit-learn's histogram boosting takes at most 255 levels of a category.
MAX_LEVELS = 250
# scikit-learn's forests read float32; infinite values count as missing for the same reason.
LARGEST = 1e30
# A level or a missing flag gets a column of its own in the flat space from this many train rows.
FLAT_ROWS, FLAT_LEVELS = 10, 20


@dataclass(frozen=True)
class Encoding:
    """How cells become numbers, learnt from the train rows so that every table is read alike.

    Attributes:
        columns: the columns, in the order of every array below.
        levels: for level columns: all levels of all tables given, train's first; else ().
        train: the train rows' values, as `values` gives them.
    """

    columns: tuple[Column, ...]
    levels: tuple[tuple[str, ...], ...]
    train: Floats

    @staticmethod
    def of(train: Table, *others: Table) -> "Encoding":
        """Learn levels from all tables and everything else from the train rows."""
        columns = train.schema.columns
        tables = (train, *others)
        levels = tuple(
            tuple(dict.fromkeys(chain.from_iterable(_levels(t.frame[c.name]) for t in tables)))
            if c.kind.is_level
            else ()
            for c in columns
        )
        return Encoding(columns, levels, _values(train, columns, levels))

    @property
    def names(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(c.name for c in self.columns)

    def only(self, places: list[int]) -> "Encoding":
        """The encoding of these columns alone."""
        return Encoding(
            tuple(self.columns[j] for j in places),
            tuple(self.levels[j] for j in places),
            self.train[:, places],
        )

    @cached_property
    def is_level(self) -> NDArray[np.bool_]:
        """Which columns hold levels, (columns,)."""
        return np.array([c.kind.is_level for c in self.columns], dtype=bool)

    def values(self, table: Table) -> Floats:
        """Numbers as they are, levels as codes, NaN for missing: (rows, columns)."""
        return _values(table, self.columns, self.levels)

    @cached_property
    def edges(self) -> tuple[Floats, ...]:
        """Inner decile edges of the train rows' numbers, the same as bench/measure.py's."""
        return tuple(
            np.empty(0) if level else _edges(self.train[:, j])
            for j, level in enumerate(self.is_level)
        )

    @cached_property
    def sizes(self) -> Codes:
        """How many codes each column has, its code for missing (the last one) included."""
        pairs = zip(self.levels, self.edges, self.is_level, strict=True)
        return np.array([(len(le) if is_le else len(e) + 1) + 1 for le, e, is_le in pairs])

    def codes(self, table: Table) -> Codes:
        """Deciles of train for numbers, levels for categories, the last code for missing."""
        return self.codes_of(self.values(table))

    def codes_of(self, values: Floats) -> Codes:
        """The codes of rows that `values` gave."""
        out = np.empty(values.shape, dtype=np.int64)
        for j, size in enumerate(self.sizes):
            cell = values[:, j]
            filled = np.nan_to_num(cell, posinf=np.inf, neginf=-np.inf)
            code = filled if self.is_level[j] else np.searchsorted(self.edges[j], filled, "right")
            out[:, j] = np.where(np.isnan(cell), size - 1, code)
        return out

    @cached_property
    def _common(self) -> tuple[Codes, ...]:
        """For level columns: each level's place by train frequency, the rare ones sharing one."""
        out = []
        for j, levels in enumerate(self.levels):
            present = self.train[~np.isnan(self.train[:, j]), j].astype(np.int64)
            counts = np.bincount(present, minlength=len(levels)) if levels else np.empty(0, int)
            place = np.empty(len(levels), dtype=np.int64)
            place[np.argsort(-counts, kind="stable")] = np.arange(len(levels))
            out.append(np.minimum(place, MAX_LEVELS - 1))
        return tuple(out)

    def features_of(self, values: Floats) -> Floats:
        """For trees: as `values`, levels by train frequency, at most 250 of them."""
        out = np.clip(np.where(np.isfinite(values), values, np.nan), -LARGEST, LARGEST)
        for j in np.flatnonzero(self.is_level):
            seen = ~np.isnan(out[:, j])
            out[seen, j] = self._common[j][out[seen, j].astype(np.int64)]
        return out

    def features(self, table: Table) -> Floats:
        """For trees: (rows, columns) with NaN for missing."""
        return self.features_of(self.values(table))

    def flat_of(self, values: Floats) -> Floats:
        """For linear models and projections: about unit scale, nothing missing.

        Numbers become normal scores of their train rank (missing: 0, and a flag where train has
        enough of them); common levels become indicators.
        """
        features, fitted = self.features_of(values), self.features_of(self.train)
        parts = [np.zeros((len(values), 0))]
        for j, level in enumerate(self.is_level):
            cell, known = features[:, j], fitted[:, j]
            if level:
                counts = np.bincount(known[~np.isnan(known)].astype(int), minlength=1)
                common = np.flatnonzero(counts[:FLAT_LEVELS] >= FLAT_ROWS)
                parts.append((cell[:, None] == common[None, :]).astype(float))
            else:
                parts.append(_scores(cell, known)[:, None])
            if np.isnan(known).sum() >= FLAT_ROWS:
                parts.append(np.isnan(cell).astype(float)[:, None])
        return np.hstack(parts)

    def flat(self, table: Table) -> Floats:
        """For linear models and projections: (rows, width)."""
        return self.flat_of(self.values(table))


def _levels(cells: pd.Series) -> list[str]:
    return [str(v) for v in cells.astype("category").cat.categories]


def _values(
    table: Table, columns: tuple[Column, ...], levels: tuple[tuple[str, ...], ...]
) -> Floats:
    out = np.empty((len(table), len(columns)))
    for j, (column, known) in enumerate(zip(columns, levels, strict=True)):
        cells = table.frame[column.name]
        if not column.kind.is_level:
            out[:, j] = pd.to_numeric(cells).to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        grouped = cells.astype("category").cat
        place = {level: i for i, level in enumerate(known)}
        lookup = np.array([*(place[str(v)] for v in grouped.categories), np.nan])
        out[:, j] = lookup[grouped.codes.to_numpy()]
    return out


def _edges(cells: Floats) -> Floats:
    present = cells[np.isfinite(cells)]
    if len(present) == 0:
        return np.empty(0)
    edges: Floats = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)))[1:-1]
    return edges


def _scores(cells: Floats, known: Floats) -> Floats:
    """Normal scores of mid-ranks among the known cells; 0 where missing."""
    from scipy.special import ndtri

    present = np.sort(known[~np.isnan(known)])
    if len(present) == 0:
        return np.zeros(len(cells))
    filled = np.nan_to_num(cells)
    ranks = np.searchsorted(present, filled, "left") + np.searchsorted(present, filled, "right")
    share = (ranks / 2 + 0.5) / (len(present) + 1)
    return np.where(np.isnan(cells), 0.0, ndtri(share))
