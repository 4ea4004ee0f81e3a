"""The study on tables: the judge's models, and rows in its encoding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.levels import patients_of_levels
from medsynai.data.schema import Column
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.evaluate.arms import Arm
from medsynai.evaluate.encode import Floats
from medsynai.evaluate.learners import BOOSTING, LINEAR, classify
from medsynai.evaluate.tasks import Task, task_for
from medsynai.evaluate.trial import Trial
from medsynai.flow import stages
from medsynai.flow.augment.lab import duplicates
from medsynai.flow.budget import within
from medsynai.flow.choose import CANDIDATES, FEW, MANY
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.settings import model_of
from medsynai.flow.training import ruled, tied_to_target
from medsynai.flow.watch import Watch
from medsynai.flow.withholding import LEAST, near_identifiers, withhold
from medsynai.generator import Fitted
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

NEAR = 5  # neighbours of SMOTE
SCARCE = 500  # rows below which boosting, whose leaves hold ten rows, is no model to try with


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

    def bench(self, learn: np.ndarray, held: np.ndarray, seeds: Seeds) -> "TableBench":
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
        return TableBench(task, fitted, names, (values[0], values[1], values[2]))

    def _model(self, table: Table, seeds: Seeds) -> Any:
        plan = self.plan
        name = plan.model if plan.model != "auto" else CANDIDATES[FEW <= len(table) < MANY]
        model = model_of(name, plan.preset, plan.settings)
        if plan.time_budget is None:
            return model
        return within(model, plan.time_budget, table, seeds.of("budget"))


@dataclass(frozen=True)
class TableBench:
    """See `lab.Bench`; records are rows of the encoding, (rows, columns)."""

    task: Task
    fitted: Fitted
    names: tuple[str, ...]
    parts: tuple[Floats, Floats, Floats]

    @property
    def real(self) -> Floats:
        """The rows to learn from."""
        return self.parts[0]

    def added(self, arm: Arm, n: int, seeds: Seeds) -> Floats:
        """Rows to add; the classic ones are SMOTE's, in the classes' own shares."""
        if arm is Arm.DUPLICATED:
            return self.real[duplicates(len(self.real), n, seeds)]
        if arm is Arm.CLASSIC:
            return smote(self.real, self.task, n, seeds)
        return self.task.known(self.fitted.sample(n, seeds).only(self.names))

    def joined(self, parts: Sequence[Floats]) -> Floats:
        """One below another."""
        return np.vstack(parts)

    def tried(self, stages: Sequence[Floats], seeds: Seeds) -> tuple[Floats, Floats]:
        """Boosting, or of few rows a logistic regression.

        What one stage's model says is a feature of the next one's.
        """
        task, places = self.task, list(self.task.features)
        encoding, size = task.encoding.only(places), len(task.classes)
        learner = LINEAR if len(self.real) < SCARCE else BOOSTING
        rows = [learner.read(encoding, v[:, places]) for v in (*stages, *self.parts[1:])]
        width = rows[0].shape[1]
        levels = encoding.is_level if learner is BOOSTING else np.zeros(width, bool)
        told = [r[:, :0] for r in rows]
        said: list[Floats] = []
        for k, stage in enumerate(stages):
            more = np.hstack([levels, np.zeros(told[k].shape[1], bool)])
            y = task.truth(stage).astype(np.int64)
            seed = seeds.of(learner.name).integer()
            x = np.hstack([rows[k], told[k]])
            predict = classify(learner, more, x, y, size, seed)
            said = [predict(np.hstack([r, t])) for r, t in zip(rows, told, strict=True)]
            told = said
        stacks = [
            np.column_stack([task.truth(v), p])
            for v, p in zip(self.parts[1:], said[-2:], strict=True)
        ]
        return stacks[0], stacks[1]


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


def smote(rows: Floats, task: Task, n: int, seeds: Seeds) -> Floats:
    """Rows between a row and a near one of its class (Chawla et al. 2002, SMOTE-NC).

    Numbers lie on the line between both; a level, and a missing value, is that of either. Nearness
    is the mean over columns of the ranks' distance, or of being another level (Gower 1971).
    """
    rng, y = seeds.of("smote").numpy(), task.truth(rows)
    seed = duplicates(len(rows), n, seeds)
    scaled = _scaled(rows, task.encoding.is_level)
    other = np.array([_near(int(i), scaled, y, task.encoding.is_level, rng) for i in seed], int)
    a, b = rows[seed], rows[other]
    step = np.where(task.encoding.is_level, rng.random(a.shape) < 0.5, rng.random((n, 1)))
    either = np.where(rng.random(a.shape) < 0.5, a, b)
    made = np.where(np.isfinite(a) & np.isfinite(b), a + step * (b - a), either)
    made[:, task.place] = a[:, task.place]
    return made


def _scaled(rows: Floats, is_level: np.ndarray) -> Floats:
    ranks = np.argsort(np.argsort(np.nan_to_num(rows), axis=0), axis=0) / max(len(rows) - 1, 1)
    return np.where(is_level | ~np.isfinite(rows), rows, ranks)


def _near(i: int, rows: Floats, y: Floats, is_level: np.ndarray, rng: np.random.Generator) -> int:
    same = np.flatnonzero((y == y[i]) & (np.arange(len(rows)) != i))
    if not len(same):
        return i
    gap = np.abs(rows[same] - rows[i])
    gap = np.where(is_level, gap > 0, gap)
    far = np.where(np.isfinite(gap), gap, 1.0).mean(axis=1)
    return int(rng.choice(same[np.argsort(far, kind="stable")[:NEAR]]))


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
