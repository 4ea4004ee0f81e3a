"""From a budget to a fitted marginal model: everything is charged before a row is read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.codec.bought import (
    Bought,
    budget_of,
    buy,
    lawful_rows,
    learnable,
    noise_within,
    planned,
)
from medsynai.codec.table import ColumnCodec, TableCodec
from medsynai.constraints import Implies, Op, parse
from medsynai.data.contract import check_contract
from medsynai.data.schema import Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import ModelError, PlanError
from medsynai.marginal.estimate import Measurement, Model
from medsynai.marginal.fitted import FittedMarginal
from medsynai.marginal.select import LAST, Candidate, Prices, Rows, Search, candidates_of
from medsynai.marginal.tree import Clique, cells_of
from medsynai.privacy.ledger import Ledger, Release


@dataclass(frozen=True)
class Shape:
    """What both marginal models share; public.

    Attributes:
        bins: about how many bins a number has.
        coarse: groups that those bins may be put in when a pair is measured.
        singles: share of the budget for one-way histograms.
        choices: share for choosing pairs.
        cells: cells of the graphical model at most.
        work: cells that fits may handle in all, which bounds their time; see `Effort`.
    """

    bins: int = 10
    coarse: int = 6
    singles: float = 0.3
    choices: float = 0.1
    cells: int = 50_000
    work: float = 5e9

    def __post_init__(self) -> None:
        if min(self.bins, self.coarse) < 2 or min(self.cells, self.work) < 100:
            raise PlanError("shape: bins and coarse at least 2, cells and work at least 100")
        if not (0 < self.singles < 1 and 0 < self.choices < 1 - self.singles):
            raise PlanError("shape: singles and choices are shares that leave some over")


Grow = Callable[[Search, list[Candidate], Prices, float], Model | None]


@dataclass(frozen=True)
class Way:
    """How a model grows: pairs that it measures, extra weight of pairs with the outcome.

    Attributes:
        random: draws the pairs that are looked at where there are too many; not the noise.
    """

    rounds: int
    grow: Grow
    random: np.random.Generator
    target: float = 1.0


def fit_marginal(
    settings: Any, shape: Shape, way: Way, table: Table, ledger: Ledger
) -> FittedMarginal:
    """Charge, buy the bins, measure pairs, fit; see `Generator.fit`.

    **Guarantee:** the ledger's, for one patient: of the rows of each subject at most
    `schema.max_rows` are kept, and where no column names the subject each row must be a patient of
    its own. After the charges, rows are read by `buy`, `Rows.score` (for
    `Rows.choose` alone) and `Rows.measure`.

    Raises:
        PlanError: a ledger without a budget, or several rows a patient and no subject column.
        SchemaError: a schema whose facts are inferred.
        BudgetError: the budget is spent.
        ModelError: no column.
    """
    budget, schema = budget_of(ledger, settings.name), learnable(table)
    if not schema.columns:
        raise ModelError("there is no column to learn")
    check_contract(schema)
    rounds = way.rounds if len(schema.columns) > 1 else 0
    prices, before = Prices(planned(schema), rounds, shape.singles, shape.choices), ledger.spends
    noise = noise_within(budget, before, prices.spends)
    ledger.charge(*_releases(settings.name, prices, noise))
    lawful = lawful_rows(table)[0]
    bought = buy(lawful, prices.single(noise), shape.bins)
    codec = bought.codec
    codes = codec.encode(lawful).astype(np.int64)
    rows = Rows(codes, codec.sizes, schema.max_rows)
    zeros = _zeros(schema, codec, shape.cells)
    search = Search(rows, bought.total, _first(bought), zeros, shape.cells, shape.work)
    model = way.grow(search, _candidates(codec, shape, way), prices, noise)
    model = search.fit(model, 2000, LAST)
    pairs = [[schema.names[v] for v in m.columns] for m in search.found]
    facts = {"pairs": pairs, "cells": model.tree.cells}
    return FittedMarginal(settings, schema, codec, model, facts)


def _candidates(codec: TableCodec, shape: Shape, way: Way) -> list[Candidate]:
    columns = [c.column for c in codec.columns]
    weights = {i: way.target for i, c in enumerate(columns) if c.role == "target"}
    ordered = [c.kind.is_number or c.kind == "ordinal" for c in columns]
    return candidates_of(codec.sizes, ordered, weights, shape.coarse, way.random)


def _releases(name: str, prices: Prices, noise: float) -> list[Release]:
    """Everything that will be asked of the rows."""
    single = (replace(prices.single(noise), steps=prices.histograms),)
    note = f"{prices.histograms} histograms: bins, quantiles and first marginals"
    found = [Release(f"{name}: count each column", "gaussian", note=note, spends=single)]
    if prices.rounds:
        chosen = (replace(prices.choice(noise), steps=prices.rounds),)
        note = f"{prices.rounds} choices among pairs of columns"
        found.append(Release(f"{name}: choose pairs", "exponential", note=note, spends=chosen))
        pairs = (replace(prices.pair(noise), steps=prices.rounds),)
        note = f"{prices.rounds} tables of two columns"
        found.append(Release(f"{name}: measure pairs", "gaussian", note=note, spends=pairs))
    return found


def _first(bought: Bought) -> list[Measurement]:
    """The one-way measurements that came with the bins."""
    lines = zip(bought.codec.sizes, bought.counts, bought.variances, strict=True)
    return [
        Measurement((place,), (np.arange(size),), counts, variances)
        for place, (size, counts, variances) in enumerate(lines)
    ]


def _zeros(schema: Schema, codec: TableCodec, most: int) -> list[tuple[Clique, np.ndarray]]:
    """Cells that cannot be: missing where nothing may be, and what declared rules forbid.

    A rule that would take the tree beyond `most` cells is left to the repair of drawn rows.
    """
    zeros: list[tuple[Clique, np.ndarray]] = []
    for place, column in enumerate(codec.columns):
        if not column.column.missing:
            zeros.append(((place,), np.arange(column.size) == column.size - 1))
    for text in schema.rules:
        rule = parse(text, schema)
        if isinstance(rule, Implies) and _is_exact(rule, schema):
            places = tuple(sorted(schema.names.index(c) for c in rule.columns))
            if cells_of(codec.sizes, [*(c for c, _ in zeros), places]) > most:
                continue
            zeros.append((places, _forbidden(rule, [codec.columns[p] for p in places], schema)))
    return zeros


def _is_exact(rule: Implies, schema: Schema) -> bool:
    """Whether codes decide the rule: levels, or whether a value is there."""
    tests, presence = (rule.then, rule.when), (Op.MISSING, Op.PRESENT)
    apart = rule.then.column != rule.when.column
    return apart and all(schema[t.column].kind.is_level or t.op in presence for t in tests)


def _forbidden(rule: Implies, pair: list[ColumnCodec], schema: Schema) -> np.ndarray:
    """(codes of the first, codes of the second): True where a row would break the rule."""
    shape = tuple(c.size for c in pair)
    codes = np.indices(shape).reshape(2, -1)
    frame = pd.DataFrame({c.column.name: _stand_in(c, k) for c, k in zip(pair, codes, strict=True)})
    return rule.broken(frame, schema).reshape(shape)


def _stand_in(codec: ColumnCodec, codes: np.ndarray) -> Any:
    """Any value with each of these codes."""
    if codec.column.kind.is_number:
        return np.where(codes == codec.size - 1, np.nan, 0.0)
    gone = np.where(codes == codec.size - 1, -1, codes)
    return pd.Categorical.from_codes(gone, dtype=canonical_dtype(codec.column))  # type: ignore[call-overload]
