"""Baselines behind the same interface: shuffled columns, and a bootstrap copy of the rows.

The first keeps no relation between columns, the second keeps everything, patients included: a
good generator lies between them, and an attack must catch the second.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import ConditionError, PlanError
from medsynai.generator import FREE, SEEDS, Condition, check_draw, check_settings
from medsynai.models.copula import FittedCopula, fit_columns, flag_dimensions, load_as
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import never_saved
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Shuffle:
    """Every column on its own: the copula's columns without their correlation.

    Attributes:
        cells: about how many cells a column of numbers is cut into.
        min_cell: the fewest patients that a cell of numbers may stand for.
    """

    cells: int = 200
    min_cell: int = 10

    def __post_init__(self) -> None:
        check_settings("shuffle", self, {"cells": 1, "min_cell": 2})

    def fit(self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS) -> FittedCopula:
        """Learn each column's distribution; see `Generator.fit`.

        Raises:
            PlanError: fewer rows than a cell may stand for.
        """
        note = "cells of each column on its own, without noise"
        (ledger or Ledger()).charge(Release("learn the columns' distributions", note=note))
        table = table.learnt()
        cells = fit_columns(table, self.cells, self.min_cell)
        none = np.eye(len(cells) + len(flag_dimensions(cells)))
        return FittedCopula("shuffle", self, table.schema, cells, none)


def load_shuffle(folder: Path) -> FittedCopula:
    """Open a saved shuffled-columns baseline.

    Raises:
        ModelError: a folder that is not a whole model of this kind.
    """
    return load_as(folder, "shuffle", Shuffle)


@dataclass(frozen=True)
class Bootstrap:
    """Real rows drawn with replacement: the positive control of the attacks, never a release."""

    def fit(
        self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> "FittedBootstrap":
        """Hold the rows; see `Generator.fit`.

        Raises:
            PlanError: a table without rows or columns.
        """
        (ledger or Ledger()).charge(Release("copy real rows", note="a positive control"))
        table = table.learnt()
        if not len(table) or not table.schema.columns:
            raise PlanError("a bootstrap needs at least one row and one column")
        return FittedBootstrap(table)


@dataclass(frozen=True)
class FittedBootstrap:
    """The rows themselves, in memory only."""

    table: Table

    def sample(
        self,
        n: int,
        seeds: Seeds = SEEDS,
        condition: Condition = FREE,
        given: Table | None = None,
    ) -> Table:
        """Draw exactly `n` real rows that meet the condition; see `Fitted.sample`.

        Raises:
            PlanError: `n` below 1.
            ConditionError: no real row is as asked, or columns are given.
        """
        check_draw(n, condition, given)
        if given is not None:
            raise ConditionError("a bootstrap copies whole rows: it cannot keep some columns only")
        pool = np.flatnonzero(condition.met_by(self.table))
        if not len(pool):
            columns = ", ".join(condition.columns)
            raise ConditionError(f"no real row is as asked; ask for more of: {columns}")
        rows = self.table.rows(seeds.of("bootstrap").numpy().choice(pool, n))
        return Table(rows.frame, rows.schema, "synthetic")

    save = never_saved
