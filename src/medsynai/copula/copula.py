"""Gaussian copula on mixed tables: each column's own distribution, tied by normal scores.

Source: Nelsen 2006, An Introduction to Copulas, ch. 2; for synthetic tables Patki, Wedge and
Veeramachaneni 2016, The Synthetic Data Vault. Levels are ordered thresholds of a latent normal,
and whether a value is absent is a latent of its own.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai import store
from medsynai.copula import gaussian
from medsynai.copula.cells import Cells, Floats, Spans, fit_cells
from medsynai.data.schema import Kind, Schema
from medsynai.data.table import Table
from medsynai.errors import ConditionError, PlanError
from medsynai.generator import FREE, SEEDS, Condition, check_draw, check_settings
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Copula:
    """Settings of the Gaussian copula.

    Attributes:
        cells: about how many cells a column of numbers is cut into.
        min_cell: the fewest patients that a cell of numbers may stand for.
    """

    cells: int = 200
    min_cell: int = 10

    def __post_init__(self) -> None:
        check_settings("copula", self, {"cells": 1, "min_cell": 2})

    def fit(
        self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> "FittedCopula":
        """Learn the columns' distributions and their correlation; see `Generator.fit`.

        Raises:
            PlanError: fewer patients than a cell may stand for.
        """
        note = "cells of each column and one correlation matrix, without noise"
        (ledger or Ledger()).charge(Release("train the Gaussian copula", note=note))
        table = table.learnt()
        cells = in_order(table, fit_columns(table, self.cells, self.min_cell))
        scores = normal_scores(table, cells)
        return FittedCopula("copula", self, table.schema, cells, gaussian.correlate(scores))


def fit_columns(table: Table, most: int, min_cell: int) -> tuple[Cells, ...]:
    """The cells of every column, levels in the schema's order.

    Raises:
        PlanError: no columns, or fewer patients than a cell may stand for.
    """
    columns, whose = table.schema.columns, table.repeated()
    people = len(table) if whose is None else len(np.unique(whose))
    if people < min_cell or not columns:
        what = "rows" if whose is None else "patients' rows"
        raise PlanError(
            f"{people} {what} of {len(columns)} columns are too few to learn from; "
            f"this model needs at least {min_cell} {what} and one column"
        )
    return tuple(fit_cells(table.frame[c.name], c, most, min_cell, whose) for c in columns)


@dataclass(frozen=True)
class FittedCopula:
    """A fitted copula; with no correlation it is the shuffled-columns baseline.

    Latent dimensions: one for each column's value, then one for the absence of each column that
    is sometimes absent.

    Attributes:
        even: rows are spread evenly over each dimension where nothing is held; see `draw`.
    """

    model: str
    settings: Any
    schema: Schema
    cells: tuple[Cells, ...]
    correlation: Floats  # (d, d)
    even: bool = False

    def sample(
        self,
        n: int,
        seeds: Seeds = SEEDS,
        condition: Condition = FREE,
        given: Table | None = None,
    ) -> Table:
        """Draw exactly `n` rows; see `Fitted.sample`. Every row meets the condition.

        Raises:
            PlanError: `n` below 1.
            ConditionError: the condition or the given columns cannot be met.
        """
        check_draw(n, condition, given, both=True)
        within = self.within(n, condition, given)
        rng = seeds.of("copula").numpy()
        u = gaussian.draw(self.correlation, n, within, rng, self.even)
        drawn, flags = {}, flag_dimensions(self.cells)
        for i, cells in enumerate(self.cells):
            missing = u[:, flags[i]] < cells.missing if i in flags else np.full(n, cells.empty)
            drawn[cells.column.name] = cells.values_at(u[:, i], missing)
        for wanted in condition.wanted:
            cells = self.cells[self._position(wanted.column)]
            drawn[wanted.column] = cells.narrowed(drawn[wanted.column], wanted)
        if given is not None:
            drawn |= {c: given.frame[c].reset_index(drop=True) for c in given.schema.names}
        return Table(pd.DataFrame(drawn), self.schema, "synthetic")

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into `folder`."""
        facts = {"missing": [c.missing for c in self.cells]}
        arrays: store.Arrays = {"correlation": self.correlation, **pack(self.cells)}
        write_model(folder, Saved(self.model, self.settings, self.schema, facts, arrays))

    def _position(self, column: str) -> int:
        for i, cells in enumerate(self.cells):
            if cells.column.name == column:
                return i
        raise ConditionError(f"no column {column!r}; columns: {', '.join(self.schema.names)}")

    def within(self, n: int, asked: Condition, given: Table | None) -> dict[int, Spans]:
        """The spans that each held latent dimension must lie in.

        Raises:
            ConditionError: the condition or the given columns cannot be met.
        """
        within: dict[int, Spans] = {}
        flags = flag_dimensions(self.cells)
        for wanted in asked.wanted:
            i = self._position(wanted.column)
            share = self.cells[i].missing
            if wanted.absent and share == 0:
                raise ConditionError(f"column {wanted.column!r} is never missing")
            if not wanted.absent:
                within[i] = self.cells[i].spans_for(wanted)
            if i in flags:
                low, high = (0.0, share) if wanted.absent else (share, 1.0)
                within[flags[i]] = (np.full((1, 1), low), np.full((1, 1), high))
        if given is None:
            return within
        for name in given.schema.names:
            if name in asked.columns:
                raise ConditionError(f"column {name!r} is both kept and conditioned; choose one")
            i = self._position(name)
            values = given.frame[name]
            within[i] = self.cells[i].spans_of(values)
            if i in flags:
                absent = values.isna().to_numpy(bool)[:, None]
                share = self.cells[i].missing
                within[flags[i]] = (np.where(absent, 0.0, share), np.where(absent, share, 1.0))
        return within


def flag_dimensions(cells: tuple[Cells, ...]) -> dict[int, int]:
    """For each column that is sometimes absent, the latent dimension of its absence."""
    some = [i for i, c in enumerate(cells) if 0.0 < c.missing < 1.0]
    return {i: len(cells) + k for k, i in enumerate(some)}


def normal_scores(table: Table, cells: tuple[Cells, ...]) -> Floats:
    """Each row's mean latent normal (rows, d); NaN for a value that is absent."""
    columns = [_ranked(table.frame[c.column.name], c) for c in cells]
    for i in flag_dimensions(cells):
        columns.append(_ranked(table.frame[cells[i].column.name].notna().astype(float), None))
    return np.column_stack(columns)


def _ranked(values: pd.Series, cells: Cells | None) -> Floats:
    """E[z | tie] of each value, where tied values share the latent interval of their ranks."""
    from scipy.special import ndtri

    if cells is not None and cells.column.kind.is_level:
        place = np.empty(len(cells.column.categories or ()))
        place[cells.low.astype(int)] = np.arange(len(cells.low), dtype=float)
        values = pd.Series(np.r_[place, np.nan][values.cat.codes.to_numpy()])
    n = int(values.notna().sum())
    if n == 0:
        return np.full(len(values), np.nan)
    low = ndtri((values.rank(method="min").to_numpy(float) - 1) / n)
    high = ndtri(values.rank(method="max").to_numpy(float) / n)
    share = (values.rank(method="max") - values.rank(method="min") + 1).to_numpy(float) / n
    density = (np.exp(-(low**2) / 2) - np.exp(-(high**2) / 2)) / np.sqrt(2 * np.pi)
    scores: Floats = density / share
    return scores


def in_order(table: Table, cells: tuple[Cells, ...]) -> tuple[Cells, ...]:
    """Put unordered levels in the order of the rows' first principal score.

    Thresholds on one latent need an order; the order of names would tie levels at random.
    """
    nominal = [c.column.kind is Kind.CATEGORICAL and len(c.low) > 2 for c in cells]
    known = tuple(c for c, is_nominal in zip(cells, nominal, strict=True) if not is_nominal)
    if not any(nominal) or len(known) < 2:
        return cells
    scores = normal_scores(table, known)
    _, vectors = np.linalg.eigh(gaussian.correlate(scores))
    first = np.nan_to_num(scores) @ vectors[:, -1]
    return tuple(
        _arranged(c, table.frame[c.column.name], first) if is_nominal else c
        for c, is_nominal in zip(cells, nominal, strict=True)
    )


def _arranged(cells: Cells, values: pd.Series, score: Floats) -> Cells:
    codes = values.cat.codes.to_numpy()
    seen = codes >= 0
    count = np.bincount(codes[seen], minlength=len(cells.low))
    total = np.bincount(codes[seen], weights=score[seen], minlength=len(cells.low))
    order = np.argsort(total / np.maximum(count, 1), kind="stable")
    edges = np.r_[0.0, np.cumsum(np.diff(cells.edges)[order])]
    edges[-1] = 1.0
    return replace(cells, edges=edges, low=cells.low[order], high=cells.high[order])


def pack(cells: tuple[Cells, ...], prefix: str = "") -> store.Arrays:
    """The arrays of some cells, by the names that `unpack` reads."""
    arrays: store.Arrays = {}
    for i, one in enumerate(cells):
        parts = {"edges": one.edges, "low": one.low, "high": one.high}
        arrays |= {f"{prefix}{i}.{name}": part for name, part in parts.items()}
    return arrays


def unpack(
    schema: Schema, arrays: store.Arrays, missing: list[float], prefix: str = ""
) -> tuple[Cells, ...]:
    """The cells of every column, from their arrays and shares of missing values."""
    found = []
    for i, column in enumerate(schema.columns):
        edges, low, high = (arrays[f"{prefix}{i}.{part}"] for part in ("edges", "low", "high"))
        found.append(Cells(column, edges, low, high, missing[i]))
    return tuple(found)


def load(folder: Path) -> FittedCopula:
    """Open a saved copula.

    Raises:
        ModelError: a folder that is not a whole model of this kind.
    """
    return load_as(folder, "copula", Copula)


def load_as(folder: Path, model: str, settings: type[Any]) -> FittedCopula:
    """Open a saved model of this form under its own name.

    Raises:
        ModelError: a folder that is not a whole model of this kind.
    """
    return read_model(folder, model, settings, _rebuilt)


def _rebuilt(whole: Saved) -> FittedCopula:
    cells = unpack(whole.schema, whole.arrays, [float(x) for x in whole.facts["missing"]])
    return assembled(whole, cells, whole.arrays["correlation"])


def assembled(
    whole: Saved, cells: tuple[Cells, ...], correlation: Floats, even: bool = False
) -> FittedCopula:
    """A copula of saved parts.

    Raises:
        ValueError: cells and correlation of different sizes.
    """
    if len(correlation) != len(cells) + len(flag_dimensions(cells)):
        raise ValueError("the correlation matrix does not fit the columns")
    return FittedCopula(whole.model, whole.settings, whole.schema, cells, correlation, even)
