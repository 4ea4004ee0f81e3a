"""Codes of a table whose every bin is public or paid for: the codec of private models.

Each column gives one noisy histogram over public cells: its categories, or cells between the
schema's bounds and edges. Cells of a number that turn out to be crowded are cut and counted once
more, and their counts smoothed. Bins, quantiles inside them and first marginals come from these.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from medsynai.codec.choices import Choices
from medsynai.codec.numbers import NumberCodec
from medsynai.codec.table import ColumnCodec, LevelCodec, TableCodec
from medsynai.data.contract import check_contract, conformed
from medsynai.data.schema import Column, Schema
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.calibrate import calibrate
from medsynai.privacy.histograms import monotone_counts, smoothed
from medsynai.privacy.ledger import UNPROTECTED, Budget, Ledger, Release
from medsynai.privacy.noise import noisy_counts
from medsynai.privacy.sampling import capped

CELLS = 32  # public cells that a number begins with, where it has no edges of its own
PLAIN = 100  # a number of at most so many lawful values has a cell for each
CUTS = 16  # parts that a crowded cell is cut into
KNOTS = 8  # steps of the quantile function inside a bin
CRUMBS = 5.0  # times the noise of a whole budget: beyond it nothing but noise is bought


@dataclass(frozen=True)
class Bought:
    """A codec with the noisy counts that it was made from.

    Attributes:
        counts: for each column, a noisy count for each code (missing is the last).
        variances: of these counts.
        total: noisy number of rows.
    """

    codec: TableCodec
    counts: tuple[np.ndarray, ...]
    variances: tuple[np.ndarray, ...]
    total: float


@dataclass(frozen=True)
class Cells:
    """Noisy counts over a number's cells; the last entry of `counts` is missing.

    Attributes:
        edges: (cells + 1,) between lattice values.
    """

    edges: np.ndarray
    counts: np.ndarray
    variances: np.ndarray


def budget_of(ledger: Ledger | None, name: str) -> Budget:
    """The ledger's budget.

    Raises:
        PlanError: there is none.
    """
    if ledger is None or ledger.budget is None:
        raise PlanError(
            f"{name} is differentially private and needs a budget, from Python: "
            "fit(table, Ledger(Budget(1.0, 1e-6)))"
        )
    return ledger.budget


def noise_within(
    budget: Budget, before: Sequence[Spend], planned: Callable[[float], Sequence[Spend]]
) -> float:
    """The least noise for which what was spent and what is planned keep the budget together.

    Raises:
        BudgetError: what is left of the budget buys nothing but noise.
    """
    noise = calibrate(planned, budget.epsilon, budget.delta)
    if not before:
        return noise
    most = CRUMBS * noise
    return calibrate(lambda s: (*before, *planned(s)), budget.epsilon, budget.delta, most)


def paid_equally(ledger: Ledger, purposes: Sequence[str]) -> float:
    """The noise of Gaussian releases that share what is left of a budget; 0 where there is none.

    All are written down before any is made.

    Raises:
        BudgetError: what is left of the budget buys nothing but noise.
    """
    budget, steps, noise = ledger.budget, len(purposes), 0.0
    if budget is not None:
        equal = partial(Spend, Kind.GAUSSIAN, steps=steps)
        noise = noise_within(budget, ledger.spends, lambda s: (equal(s),))
    paid = (Spend(Kind.GAUSSIAN, noise),) if noise else ()
    mechanism = "gaussian" if noise else UNPROTECTED
    ledger.charge(*(Release(purpose, mechanism, spends=paid) for purpose in purposes))
    return noise


def learnable(table: Table) -> Schema:
    """The columns that are learnt, once it is sure that patients can be told apart."""
    schema = table.schema
    if schema.max_rows > 1 and schema.subject is None and table.patients is None:
        raise PlanError(
            "max_rows above 1 needs the column whose role is 'subject': without it nobody can see "
            "that no patient has more rows"
        )
    return schema.only(tuple(c.name for c in schema.learnt))


def lawful_rows(table: Table) -> tuple[Table, np.ndarray]:
    """Learnable columns of at most `max_rows` rows of each patient, conformed, and whose each is.

    Returns:
        The rows, and (n,) patients, from 0.
    """
    schema, whose, named = table.schema, table.whose(), np.arange(len(table))
    if schema.subject is not None:  # of the others nobody knows whose they are: they are left out
        named = np.flatnonzero(table.frame[schema.subject].notna())
    kept = named[capped(whose[named], schema.max_rows)]
    patients = np.unique(whose[kept], return_inverse=True)[1]
    return conformed(table.rows(kept).learnt()), patients


def planned(schema: Schema) -> int:
    """How many histograms `buy` takes: public, from the schema alone."""
    return sum(1 + _is_cut(c) for c in schema.columns)


def stand_in(bought: Bought, rows: int, rng: np.random.Generator) -> np.ndarray:
    """(rows, columns) codes that follow the bought counts, every column by itself.

    For whatever wants to see rows and may not: all that they tell was paid for.
    """
    columns = []
    for counts in bought.counts:
        weights = monotone_counts(counts, max(float(counts.sum()), 1.0))
        ends = np.cumsum(weights) / weights.sum()
        at = (np.arange(rows) + rng.random()) / rows
        codes = np.searchsorted(ends, at, side="right").clip(0, len(ends) - 1)
        columns.append(rng.permutation(codes))
    return np.stack(columns, axis=1)


def public_codec(column: Column, bins: int | None = None) -> NumberCodec:
    """Bins of a declared number that nothing was bought for: of about equal width.

    Args:
        column: with minimum, maximum and decimals.
        bins: about how many at most; None: each of the column's public cells is one.
    """
    edges = _public_edges(column)
    wide = np.diff(edges)
    bin_of = np.arange(len(wide))
    if bins is not None:
        middle = (np.cumsum(wide) - wide / 2) / wide.sum()
        bin_of = np.unique((middle * bins).astype(np.int64), return_inverse=True)[1]
    return _number_codec(edges, wide / wide.sum(), bin_of, column)


def _is_cut(column: Column) -> bool:
    return column.kind.is_number and (bool(column.edges) or _values(column) > PLAIN)


def buy(table: Table, spend: Spend, bins: int) -> Bought:
    """Count every column once or twice, with noise.

    **Guarantee:** `planned` releases of Gaussian noise as `spend` says; the caller charged them. A
    patient is in one cell of each histogram with each of at most `max_rows` rows.

    Args:
        table: learnable columns, conformed, at most `max_rows` rows of each patient.
        spend: Gaussian noise of each histogram.
        bins: about how many bins a number gets.

    Raises:
        SchemaError: a schema with inferred or absent facts.
    """
    check_contract(table.schema)
    reach = table.schema.max_rows
    variance = (spend.noise * reach) ** 2
    fitted, counts, variances = [], [], []
    for column in table.schema.columns:
        values = table.frame[column.name]
        codec: NumberCodec | LevelCodec
        if column.kind.is_number:
            cells = _smooth(_count_number(values.to_numpy("float64"), column, spend, reach))
            codec, merged = _bins_of(cells, column, bins)
        else:
            size = len(column.categories or ())
            codes = ColumnCodec(column, LevelCodec(size)).encode(values)
            noised = noisy_counts(np.bincount(codes, minlength=size + 1), spend, reach)
            codec, merged = LevelCodec(size), (noised, np.full(size + 1, variance))
        fitted.append(ColumnCodec(column, codec))
        counts.append(_without_missing(merged[0], column))
        variances.append(merged[1])
    totals = np.array([c.sum() for c in counts])
    weights = 1 / np.array([v.sum() for v in variances])
    total = max(1.0, float((totals * weights).sum() / weights.sum()))
    return Bought(TableCodec(tuple(fitted)), tuple(counts), tuple(variances), total)


def _without_missing(counts: np.ndarray, column: Column) -> np.ndarray:
    """Where nothing may be missing, nothing is."""
    if not column.missing:
        counts = counts.copy()
        counts[-1] = 0.0
    return counts


def _grain(column: Column) -> float:
    return 10.0 ** -min(column.decimals or 0, 12)


def _values(column: Column) -> int:
    """How many lawful values a number has."""
    return round(((column.maximum or 0.0) - (column.minimum or 0.0)) / _grain(column)) + 1


def _public_edges(column: Column) -> np.ndarray:
    """Cuts half a grain below lawful values, from below the minimum to above the maximum."""
    low, grain = float(column.minimum or 0.0), _grain(column)
    count = _values(column)
    if column.edges:
        inside = np.round((np.array(column.edges) - low) / grain).astype(np.int64)
        places = np.unique(np.r_[0, inside, count])
    elif count <= PLAIN:
        places = np.arange(count + 1)
    else:
        places = np.unique(np.linspace(0, count, CELLS + 1).astype(np.int64))
    return low + (places - 0.5) * grain


def _histogram(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts of cells, missing ones last."""
    gone = np.isnan(values)
    place = np.clip(np.searchsorted(edges, values[~gone], side="right") - 1, 0, len(edges) - 2)
    return np.append(np.bincount(place, minlength=len(edges) - 1), gone.sum())


def _count_number(values: np.ndarray, column: Column, spend: Spend, reach: int) -> Cells:
    edges = _public_edges(column)
    variance = (spend.noise * reach) ** 2
    counts = noisy_counts(_histogram(values, edges), spend, reach)
    if not _is_cut(column):
        return Cells(edges, counts, np.full(len(counts), variance))
    grain = _grain(column)
    wide = np.diff(edges) > 1.5 * grain
    crowded = counts[:-1] > max(3 * math.sqrt(variance), counts[:-1].clip(0).sum() / (2 * CELLS))
    pieces, owner = [], []
    for cell in range(len(edges) - 1):
        parts = 1
        if wide[cell] and crowded[cell]:
            parts = min(CUTS, round((edges[cell + 1] - edges[cell]) / grain))
        steps = np.round(np.linspace(0, edges[cell + 1] - edges[cell], parts + 1) / grain)
        pieces.append(edges[cell] + steps[:-1] * grain)
        owner += [cell] * parts
    fine = np.append(np.concatenate(pieces), edges[-1])
    again = noisy_counts(_histogram(values, fine)[:-1], spend, reach)
    return _consistent(fine, np.array(owner), counts, again, variance)


def _smooth(cells: Cells) -> Cells:
    """Neighbouring cells tell of each other; what noise is left is no more than it was."""
    widths = np.diff(cells.edges)
    least = widths[widths > 0].min(initial=np.inf)
    if not np.isfinite(least):  # a single value
        return cells
    # far out, floats may be further apart than the column's grain: such cells have no width
    present = smoothed(cells.counts[:-1], np.maximum(widths, least), cells.variances[:-1])
    return replace(cells, counts=np.append(present, cells.counts[-1]))


def _consistent(
    fine: np.ndarray, owner: np.ndarray, counts: np.ndarray, again: np.ndarray, variance: float
) -> Cells:
    """Parts and wholes were counted apart: their least-squares union (Hay et al. 2010)."""
    parts = np.bincount(owner)
    sums = np.bincount(owner, weights=again)
    whole = (parts * counts[:-1] + sums) / (parts + 1)
    best = again + ((whole - sums) / parts)[owner]
    spread = variance * (1 - 1 / (parts + 1))[owner]
    return Cells(fine, np.append(best, counts[-1]), np.append(spread, variance))


def _bins_of(
    cells: Cells, column: Column, bins: int
) -> tuple[NumberCodec, tuple[np.ndarray, np.ndarray]]:
    """Bins of about equal noisy weight, with the noisy count of each and of missing."""
    present = max(float(cells.counts[:-1].sum()), 1.0)
    weights = monotone_counts(cells.counts[:-1], present)
    share = np.cumsum(weights) / weights.sum()
    middle = share - weights / weights.sum() / 2
    bin_of = np.minimum((middle * bins).astype(np.int64), bins - 1)
    bin_of = np.unique(bin_of, return_inverse=True)[1]
    size = int(bin_of[-1]) + 1
    owner = np.append(bin_of, size)
    counts = np.bincount(owner, weights=cells.counts)
    variances = np.bincount(owner, weights=cells.variances)
    return _number_codec(cells.edges, weights, bin_of, column), (counts, variances)


def _number_codec(
    edges: np.ndarray, weights: np.ndarray, bin_of: np.ndarray, column: Column
) -> NumberCodec:
    """Quantile functions inside the bins from the cells' weights; all values are lawful ones."""
    grain, bins = _grain(column), int(bin_of[-1]) + 1
    first = np.searchsorted(bin_of, np.arange(bins))
    last = np.append(first[1:], len(bin_of))
    low = np.append(edges[first], edges[-1])
    knots, centre = [], []
    heavy: tuple[list[int], list[float], list[float]] = ([], [], [])
    for b in range(bins):
        here = slice(first[b], last[b])
        own, inside = weights[here], edges[first[b] : last[b] + 1]
        own = own if own.sum() > 0 else np.diff(inside)
        if np.allclose(np.diff(inside), grain):  # every cell is one value
            heavy[0].extend([b] * len(own))
            heavy[1].extend(np.round(inside[:-1] + grain / 2, column.decimals or 0))
            heavy[2].extend(np.rint(own * 1024) + 1)  # whole numbers: their sums are exact
        at = np.interp(np.linspace(0, 1, KNOTS + 1), np.r_[0, np.cumsum(own) / own.sum()], inside)
        knots.append(np.clip(at, inside[0] + grain * 0.501, inside[-1] - grain * 0.501))
        centre.append(float((own * (inside[1:] + inside[:-1]) / 2).sum() / own.sum()))
    items = Choices.of(
        np.array(heavy[0], dtype=np.int64), np.array(heavy[1]), np.array(heavy[2]), bins
    )
    whole = np.isin(np.arange(bins), heavy[0]).astype(float)
    low[0] = float(column.minimum or 0.0)
    return NumberCodec(
        low=low[:-1],
        top=float(column.maximum or 0.0),
        centre=np.array(centre),
        heavy_share=whole,
        heavy=items,
        knots=np.concatenate(knots),
        knot_start=np.arange(bins + 1) * (KNOTS + 1),
        decimals=_decimals(column, low),
    )


def _decimals(column: Column, low: np.ndarray) -> Choices:
    """How many decimals each bin's values have: the column's, or what its digits leave."""
    bins, most = len(low) - 1, column.decimals or 0
    places = np.full(bins, most, dtype=np.int64)
    if column.digits is not None:
        size = np.maximum(np.abs((low[:-1] + low[1:]) / 2), 1e-12)
        places = np.clip(column.digits - 1 - np.floor(np.log10(size)), 0, most).astype(np.int64)
    return Choices.of(np.arange(bins), places, np.ones(bins), bins)
