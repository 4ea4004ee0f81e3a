"""Shuffled columns: the baseline that keeps no relation between them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynai.copula.copula import FittedCopula, fit_columns, flag_dimensions, load_as
from medsynai.data.table import Table
from medsynai.generator import SEEDS, check_settings
from medsynai.privacy.ledger import Ledger, Release
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
