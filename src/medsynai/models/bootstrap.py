"""A copy of real rows: the positive control that an attack must catch, never a release.

With the shuffled columns it holds a good generator between them: it keeps everything, patients
included.
"""

from dataclasses import dataclass

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import ConditionError, PlanError
from medsynai.generator import FREE, SEEDS, Condition, check_draw
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import never_saved
from medsynai.seeds import Seeds


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
