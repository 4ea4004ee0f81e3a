"""The study on tables: rows in the judge's encoding."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.levels import patients_of_levels
from medsynai.data.schema import Column
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.evaluate.tasks import task_for
from medsynai.evaluate.trial import Trial
from medsynai.flow import stages
from medsynai.flow.augment.rows import RowBench
from medsynai.flow.budget import within
from medsynai.flow.choose import CANDIDATES, FEW, MANY
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.settings import model_of
from medsynai.flow.training import ruled, tied_to_target
from medsynai.flow.watch import Watch
from medsynai.flow.withholding import LEAST, near_identifiers, withhold
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class TableLab:
    """See `lab.Lab`; rows whose class is not known are out."""

    plan: Plan
    train: Table
    holdout: Table
    target: str
    leaks: tuple[str, ...]
    unit: str = "rows"

    @property
    def classes(self) -> tuple[str, ...]:
        """Levels of the target."""
        return tuple(str(c) for c in self._target.cat.categories)

    @property
    def labels(self) -> np.ndarray:
        """(train rows,) the place of each row's class."""
        return self._target.cat.codes.to_numpy().astype(int)

    @property
    def patients(self) -> np.ndarray:
        """(train rows,) whose row it is, from 0 on."""
        return np.unique(self.train.whose(), return_inverse=True)[1]

    @property
    def _target(self) -> pd.Series:
        return self.train.frame[self.target].cat.remove_unused_categories()

    def bench(self, learn: np.ndarray, held: np.ndarray, seeds: Seeds) -> RowBench:
        """Rules are found, rare levels withheld, and the model fitted, on the rows to learn from.

        Raises:
            InputError: rows that the model cannot be fitted to.
        """
        names = _told(self.train.rows(learn), self.target)
        real, validation = (self.train.rows(x).only(names) for x in (learn, held))
        holdout = self.holdout.only(names)
        table = withhold(ruled(real, Ledger(), Watch()), LEAST, seeds.of("withhold")).table
        fitted = self._model(table, seeds).fit(table, Ledger(), seeds.of("fit"))
        rest = Table(pd.concat([validation.frame, holdout.frame]), real.schema)
        drawn = fitted.sample(len(real), seeds.of("levels")).only(names)
        trial = Trial(real, rest, drawn, self.target, seeds, self.leaks)
        task = task_for(trial, self.target, frozenset(self.leaks))
        values = [task.encoding.values(t) for t in (real, validation, holdout)]

        def draw(n: int, seeds: Seeds) -> Table:
            made: Table = fitted.sample(n, seeds).only(names)
            return made

        return RowBench(task, draw, (values[0], values[1], values[2]))

    def _model(self, table: Table, seeds: Seeds) -> Any:
        plan = self.plan
        name = plan.model if plan.model != "auto" else CANDIDATES[FEW <= len(table) < MANY]
        model = model_of(name, plan.preset, plan.settings)
        if plan.time_budget is None:
            return model
        return within(model, plan.time_budget, table, seeds.of("budget"))


def _told(rows: Table, target: str) -> tuple[str, ...]:
    """The columns of which anything may be learnt from so few rows: the models get no others."""
    closed = {c.name for c in near_identifiers(rows, LEAST)}
    for column in rows.schema.columns:
        if column.kind.is_level and not (_patients_of(rows, column) >= LEAST).any():
            closed.add(column.name)
    return tuple(n for n in rows.schema.names if n == target or n not in closed)


def _patients_of(rows: Table, column: Column) -> np.ndarray:
    codes = rows.frame[column.name].cat.codes.to_numpy()
    return patients_of_levels(codes, rows.whose(), len(column.categories or ()))


def open_lab(plan: Plan, watch: Watch) -> TableLab:
    """Read and split as `synthesize` does.

    Raises:
        PlanError: no target, a target that is a number, or no holdout.
        InputError: as `flow.stages.read` and `divide`.
    """
    loaded = stages.read(plan, Handed(), Ledger(), watch)
    parts = stages.divide(loaded, plan, watch)
    target = parts.train.schema.target
    if target is None or not parts.train.schema[target].kind.is_level:
        raise PlanError("a study needs a target of classes: name it with --target")
    if parts.holdout is None:
        raise PlanError("a study needs a holdout: leave --holdout above 0")
    train, holdout = (_known(t, target) for t in (parts.train, parts.holdout))
    partners = {
        n for p in train.schema.survival if target in (p.time, p.event) for n in (p.time, p.event)
    }
    tied = tied_to_target(ruled(train, Ledger(), watch).schema)
    leaks = tuple(dict.fromkeys((*plan.leaks, *tied, *sorted(partners - {target}))))
    return TableLab(replace(plan, target=target), train, holdout, target, leaks)


def _known(table: Table, target: str) -> Table:
    return table.rows(table.frame[target].notna().to_numpy())
