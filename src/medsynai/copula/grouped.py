"""Grouped Gaussian copula: a copula within each level of the outcome, on shared margins.

Source: a Gaussian mixture with known classes, on normal scores (Marbac, Biernacki and Vandewalle
2017, Model-based clustering of Gaussian copulas for mixed data); the covariance within a class by
common factors (Ghahramani and Hinton 1996; McLachlan, Peel and Bean 2003, factor analyzers).

A number's cells are those of all rows; which group a row of a cell is likely in follows a logistic
law quadratic in the cell's normal score, as for normals of unlike means and spreads. So all groups
together keep the column's own margin, and a group needs two figures a column. Levels and gaps have
their own shares in each group.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medsynai import store
from medsynai.copula import gaussian
from medsynai.copula.cells import Cells, Floats, Spans
from medsynai.copula.copula import (
    FittedCopula,
    assembled,
    fit_columns,
    flag_dimensions,
    in_order,
    normal_scores,
    pack,
    unpack,
)
from medsynai.copula.groups import Mask, groups_of, separating
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.errors import ConditionError, PlanError
from medsynai.generator import FREE, SEEDS, Condition, check_draw, check_settings
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

MODEL = "grouped-copula"
DRAWS_ONE, DRAWS_EACH = 20_000, 50  # for one condition on all rows, and for each kept row
NARROW = 1e-6  # share of its cell that stands for a kept number


@dataclass(frozen=True)
class GroupedCopula:
    """Settings of the grouped Gaussian copula.

    Attributes:
        by: the level column whose levels are the groups. None: the target if it is a level column,
            else the column of 2 to 8 levels that best separates the numbers.
        factors: common factors behind the correlation: fewer tell less of single patients.
        own: weight of a group's own correlation, 0 to 1; the rest is the correlation within groups
            that all share. Less tells less of single patients (Friedman 1989, regularized
            discriminant analysis).
        min_group: levels of fewer patients share one group.
        cells: about how many cells a column of numbers is cut into.
        min_cell: the fewest patients that a cell of numbers may stand for.
    """

    by: str | None = None
    factors: int = 4
    own: float = 0.0
    min_group: int = 30
    cells: int = 10
    min_cell: int = 25

    def __post_init__(self) -> None:
        check_settings(MODEL, self, {"factors": 1, "min_group": 2, "cells": 1, "min_cell": 2})
        if not 0 <= self.own <= 1:
            raise PlanError(f"{MODEL}: own must lie between 0 and 1")

    def fit(
        self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> "FittedGrouped":
        """Learn the columns' distributions and each group's correlation; see `Generator.fit`.

        Raises:
            PlanError: fewer patients than a cell may stand for, or `by` is no column of levels.
            SchemaError: `by` is no column.
        """
        note = "cells of each column; per group shares, means and a correlation, without noise"
        (ledger or Ledger()).charge(Release("train the grouped Gaussian copula", note=note))
        table = table.learnt()
        whole = in_order(table, fit_columns(table, self.cells, self.min_cell))
        scores = normal_scores(table, whole)[:, : len(whole)]
        by = self.by or table.schema.target
        if self.by and not table.schema[self.by].kind.is_level:
            raise PlanError(f"{MODEL}: by must be a column of levels, and {self.by!r} is not")
        if not by or not table.schema[by].kind.is_level:
            by = separating(table, scores, self.min_group)
        whose = table.repeated()
        members = [np.ones(len(table), bool)]
        if by:
            members = groups_of(table.frame[by], self.min_group, whose)
        margins = _margins(table, whole, members, self.min_cell)
        latent = [
            normal_scores(table.rows(g), cells) for g, cells in zip(members, margins, strict=True)
        ]
        places = [_places(cells, whole) for cells in margins]
        common = _common(latent, places)
        parts = []
        for own, place, cells in zip(latent, places, margins, strict=True):
            mixed = (1 - self.own) * common[np.ix_(place, place)]
            mixed += self.own * gaussian.correlate(own)
            tied = gaussian.factorise(mixed, self.factors)
            parts.append(FittedCopula(MODEL, self, table.schema, cells, tied, even=True))
        shares = np.array([g.mean() for g in members])
        return FittedGrouped(self, table.schema, by or "", whole, shares, tuple(parts))


def _places(cells: tuple[Cells, ...], whole: tuple[Cells, ...]) -> list[int]:
    """Where a group's latent dimensions stand among those of all rows."""
    all_flags = flag_dimensions(whole)
    return [*range(len(whole)), *(all_flags[i] for i in flag_dimensions(cells))]


def _common(latent: list[Floats], places: list[list[int]]) -> Floats:
    """The correlation within groups that all share, from each group's normal scores."""
    width = max(max(place) for place in places) + 1
    rows = []
    for scores, place in zip(latent, places, strict=True):
        wide = np.full((len(scores), width), np.nan)
        # a column of one value in this group says nothing of how others go along with it
        varied = np.abs(np.nan_to_num(scores)).max(axis=0) > 1e-9
        wide[:, place] = np.where(varied, scores, np.nan)
        rows.append(wide)
    return gaussian.correlate(np.vstack(rows))


def _margins(
    table: Table, whole: tuple[Cells, ...], members: list[Mask], least: int
) -> list[tuple[Cells, ...]]:
    """For each group, the cells of every column in it."""
    from sklearn import linear_model  # noqa: F401  the limit holds for libraries loaded already
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # thirty small fits: threads only get into their own way
        by_column = [_column_margins(table, cells, members, least) for cells in whole]
    return list(zip(*by_column, strict=True))


def _column_margins(table: Table, cells: Cells, members: list[Mask], least: int) -> list[Cells]:
    values = table.frame[cells.column.name]
    present = values.notna().to_numpy(bool)
    mine = [g & present for g in members]
    if cells.column.kind.is_level or cells.empty:
        edges = [_level_edges(values[m], cells) for m in mine]
    else:
        people = [len(np.unique(table.whose()[m])) for m in mine]
        told = [g for g, n in enumerate(people) if n >= least]
        edges = _number_edges(cells, [values[m] for m in mine], told)
    nothing = Cells(cells.column, np.zeros(1), np.empty(0), np.empty(0), 1.0)
    return [
        replace(cells, edges=e, missing=float(1 - present[g].mean()))
        if present[g].any()
        else nothing
        for g, e in zip(members, edges, strict=True)
    ]


def _level_edges(values: pd.Series, cells: Cells) -> Floats:
    """Borders of a group's own shares of levels."""
    if not len(values):
        return np.zeros(1)
    counts = np.bincount(values.cat.codes, minlength=len(cells.low))[cells.low.astype(int)]
    return np.r_[0.0, np.cumsum(counts) / counts.sum()]


def _number_edges(cells: Cells, parts: list[pd.Series], told: list[int]) -> list[Floats]:
    """Borders of each group's shares of cells of numbers: P(cell) P(group | cell) over their sum.

    The log odds of the groups are quadratic in the cell's normal score, as they are for normals of
    unlike means and spreads, with a standard normal prior on the two slopes. A group that is not
    `told`, of too few patients with a value, has the shares of all rows, as its own would tell of
    them.
    """
    from scipy.special import ndtri
    from sklearn.linear_model import LogisticRegression

    edges = [cells.edges] * len(parts)
    if len(told) < 2 or len(cells.low) < 2:
        return edges
    counts = np.array([cells.counts_of(parts[g]) for g in told], float)  # (told, cells)
    z = ndtri((cells.edges[:-1] + cells.edges[1:]) / 2)
    features = np.column_stack([z, z**2])
    model = LogisticRegression(C=1.0, max_iter=1000).fit(
        np.tile(features, (len(told), 1)),
        np.repeat(told, len(z)),
        sample_weight=counts.ravel(),
    )
    mass = np.diff(cells.edges)[:, None] * model.predict_proba(features)  # (cells, told)
    for place, g in enumerate(told):
        # the last digit of a sum may lie beyond 1, which has no normal score
        edges[g] = np.r_[0.0, np.minimum(np.cumsum(mass[:, place]) / mass[:, place].sum(), 1.0)]
        edges[g][-1] = 1.0
    return edges


@dataclass(frozen=True)
class FittedGrouped:
    """A fitted grouped copula.

    Attributes:
        by: the column of the groups; "" if there is one group of all rows.
        whole: the cells of every column over all groups.
        shares: (groups,) of the train rows.
        parts: one copula a group, in all columns.
    """

    settings: GroupedCopula
    schema: Schema
    by: str
    whole: tuple[Cells, ...]
    shares: Floats
    parts: tuple[FittedCopula, ...]

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
        group = self._groups(n, seeds, condition, given)
        frames = []
        for g in np.unique(group):
            at = np.flatnonzero(group == g)
            kept = None if given is None else given.rows(at)
            drawn = self.parts[g].sample(len(at), seeds.of("group", g), condition, kept)
            frames.append(drawn.frame.set_axis(at))
        return Table(pd.concat(frames).sort_index(), self.schema, "synthetic")

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into `folder`."""
        missing = [[c.missing for c in cells] for cells in self._all_cells]
        arrays: store.Arrays = {"shares": self.shares}
        for g, cells in enumerate(self._all_cells):
            arrays |= pack(cells, f"{g}.")
        arrays |= {f"{g}.correlation": part.correlation for g, part in enumerate(self.parts)}
        facts = {"by": self.by, "missing": missing}
        write_model(folder, Saved(MODEL, self.settings, self.schema, facts, arrays))

    @property
    def _all_cells(self) -> list[tuple[Cells, ...]]:
        return [*(part.cells for part in self.parts), self.whole]

    def _groups(
        self, n: int, seeds: Seeds, asked: Condition, given: Table | None
    ) -> NDArray[np.int64]:
        """Each row's group (n,): by share and how probable it makes what is asked and given."""
        margins = FittedCopula(MODEL, self.settings, self.schema, self.whole, np.eye(0))
        margins.within(n, asked, given)  # refuses, in the words of all rows, what no group has
        log_odds = np.array(
            [
                np.log(share) + _log_odds(part, n, seeds.of("odds", g), asked, given)
                for g, (share, part) in enumerate(zip(self.shares, self.parts, strict=True))
            ]
        )  # (groups, 1 or n)
        top = log_odds.max(axis=0)
        if np.isneginf(top).any():
            raise ConditionError(self._refusal(asked, given))
        odds = np.exp(log_odds - top)
        ends = (odds.cumsum(axis=0) / odds.sum(axis=0))[:-1]
        rng = seeds.of("groups").numpy()
        # without kept rows the groups' counts are their shares, to within one row
        u = rng.random(n)
        if given is None:
            u = rng.permutation((np.arange(n) + u[0]) / n)
        return (u >= ends).sum(axis=0)

    def _refusal(self, asked: Condition, given: Table | None) -> str:
        names = (*asked.columns, *(given.schema.names if given is not None else ()))
        return (
            f"what is asked of {', '.join(names)} never occurs together in one level of "
            f"{self.by!r}; ask for fewer columns at once"
        )


def _log_odds(
    part: FittedCopula, n: int, seeds: Seeds, asked: Condition, given: Table | None
) -> Floats:
    """How probable a group makes what is asked and given, up to a factor that all share.

    (1,) without given rows, else (n,).
    """
    try:
        within = part.within(n, asked, given)
    except ConditionError:  # no value of this group is as asked: other groups have it
        return np.array([-np.inf])
    impossible = np.zeros(1, bool)
    for name in given.schema.names if given is not None else ():
        i = part.schema.names.index(name)
        absent = given.frame[name].isna().to_numpy(bool)  # type: ignore[union-attr]
        impossible = impossible | (absent & (part.cells[i].missing == 0.0))
        impossible = impossible | (~absent & (part.cells[i].missing == 1.0))
        within[i] = _widened(part.cells[i], within[i])
    draws = DRAWS_ONE if given is None else DRAWS_EACH
    found = gaussian.log_likelihood(part.correlation, within, draws, seeds.numpy())
    return np.where(impossible, -np.inf, found)


def _widened(cells: Cells, spans: Spans) -> Spans:
    """Points as spans of one small length in the column's own units, for every group the same."""
    low, high = spans
    if cells.empty:
        return spans
    k = np.clip(np.searchsorted(cells.edges, low, side="right") - 1, 0, len(cells.low) - 1)
    half = np.where(low == high, NARROW / 2 * np.diff(cells.edges)[k], 0.0)
    return np.clip(low - half, 0.0, 1.0), np.clip(high + half, 0.0, 1.0)


def load(folder: Path) -> FittedGrouped:
    """Open a saved grouped copula.

    Raises:
        ModelError: a folder that is not a whole model of this kind.
    """
    return read_model(folder, MODEL, GroupedCopula, _rebuilt)


def _rebuilt(whole: Saved) -> FittedGrouped:
    cells = [
        unpack(whole.schema, whole.arrays, [float(x) for x in missing], f"{g}.")
        for g, missing in enumerate(whole.facts["missing"])
    ]
    parts = tuple(
        assembled(whole, c, whole.arrays[f"{g}.correlation"], even=True)
        for g, c in enumerate(cells[:-1])
    )
    shares, by = whole.arrays["shares"], str(whole.facts["by"])
    if len(shares) != len(parts):
        raise ValueError("as many shares as groups")
    return FittedGrouped(whole.settings, whole.schema, by, cells[-1], shares, parts)
