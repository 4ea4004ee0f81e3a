"""The study on cohorts: patients by summaries of their course until a landmark, and their outcome.

Who dies early has a short record, so any count of events tells who died, afterwards. Everybody is
therefore looked at until one moment after the beginning, the landmark, and only those are in the
study whose record goes on until then and of whom the outcome is not known yet (Anderson et al.
1983, landmark method). What has no time may have been told afterwards, and is left out.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from medsynai.data.canonical import text_of
from medsynai.data.cohort import Clock, Cohort
from medsynai.data.outcomes import FATAL, happened, outcome_of
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.errors import ModelError, PlanError
from medsynai.evaluate.cohorts.accusing import some
from medsynai.evaluate.cohorts.stays import Summaries, looked_at
from medsynai.evaluate.cohorts.trial import FEWEST
from medsynai.evaluate.cohorts.view import View, names_of
from medsynai.evaluate.encode import Encoding, Floats
from medsynai.evaluate.tasks import Task
from medsynai.flow.augment.rows import RowBench
from medsynai.flow.cohorts import stages
from medsynai.flow.cohorts.asking import asked_of
from medsynai.flow.kind_stages import Run
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch
from medsynai.generator import FREE, Condition, FittedCohort, Wanted
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

DEATH = "death"
EARLY = 0.1  # share of a class whose record may end before the landmark
TRIES, BATCH = 30, 20  # draws until enough patients reach the landmark, and the fewest of one


@dataclass(frozen=True)
class Question:
    """What is foretold, and how much of a course may be looked at.

    Attributes:
        static: the column that tells the outcome; "" where a time of death does.
        classes: its two levels in order; the last is the outcome.
        until: the landmark, in microseconds from a patient's beginning.
        variables: kind, code and unit of what may be looked at.
    """

    static: str
    classes: tuple[str, ...]
    until: float
    variables: pd.Index

    @staticmethod
    def of(train: Cohort, target: str | None) -> "Question":
        """By train patients.

        Raises:
            PlanError: no such outcome, or none of two levels.
        """
        static = outcome_of(train) if target in (None, DEATH) else target
        if static is None:
            raise PlanError(
                "no outcome: nobody dies, and no static of two levels is named after death; name "
                "a static of two levels with --target"
            )
        if static and static not in train.subjects:
            raise PlanError(f"no static {static!r}: name what is told of a patient once, or death")
        words = ["no", "yes"] if not static else sorted(set(_said(train, static).dropna()))
        if len(words) != 2:
            raise PlanError(f"the outcome must have two levels, and {static!r} has {len(words)}")
        names = names_of(train).unique().sort_values()
        told = [n for n in names if not FATAL.search(n) and n.split("|")[1] != static]
        open_end = Question(static, tuple(words), 0.0, pd.Index(told, dtype=object))
        truth, seen = open_end.happened(train), _seen(train)
        ends = [seen[(truth == k) & np.isfinite(seen)] for k in (0, 1)]
        if not min(map(len, ends)):
            raise PlanError("of one of the outcome's levels no patient has an event with a time")
        until = min(float(np.quantile(e, EARLY, method="lower")) for e in ends)
        return replace(open_end, until=until)

    def happened(self, cohort: Cohort) -> Floats:
        """(patients,) 1 and 0, NaN where it is not known."""
        if not self.static:
            return happened(cohort, "")
        said = _said(cohort, self.static)
        return np.where(said.isna(), np.nan, (said == self.classes[1]).astype(float))

    def truth(self, cohort: Cohort) -> Floats:
        """The same; NaN also of those who are not seen until the landmark, or die before it."""
        late = ~(_since(cohort, cohort.subjects["death"].to_numpy()) <= self.until)
        there = late & (_seen(cohort) >= self.until)
        return np.where(there, self.happened(cohort), np.nan)

    def view(self, cohort: Cohort) -> View:
        """Events with a time, until the landmark."""
        passed = cohort.elapsed().to_numpy("float64", na_value=np.nan)
        events = cohort.events[passed <= self.until].reset_index(drop=True)
        return View.of(replace(cohort, events=events, extras={}), self.variables)


def _said(cohort: Cohort, static: str) -> pd.Series:
    said = cohort.subjects[static].astype(object)
    return said.map(lambda v: None if pd.isna(v) else text_of(v)).astype(object)


def _since(cohort: Cohort, moments: np.ndarray) -> Floats:
    """(patients,) microseconds from each one's beginning to a moment; NaN where one is missing."""
    passed = moments - cohort.begins()
    if cohort.clock is Clock.CALENDAR:
        whole = passed.astype("timedelta64[us]")
        return np.where(np.isnat(whole), np.nan, whole.astype("int64").astype(float))
    return np.asarray(passed, float) * cohort.clock.microseconds


def _seen(cohort: Cohort) -> Floats:
    """(patients,) microseconds until the last event, or the end of follow-up; NaN: neither."""
    passed = cohort.elapsed().to_numpy("float64", na_value=np.nan)
    last = pd.Series(passed).groupby(cohort.places(cohort.events["subject_id"])).max()
    ends: Floats = np.fmax(
        last.reindex(range(len(cohort))).to_numpy(),
        _since(cohort, cohort.subjects["exit"].to_numpy()),
    )
    return ends


@dataclass(frozen=True)
class CohortLab:
    """See `lab.Lab`; patients whose outcome is open at the landmark."""

    plan: Plan
    train: Cohort
    holdout: Cohort
    question: Question
    unit: str = "patients"

    @property
    def classes(self) -> tuple[str, ...]:
        """Levels of the outcome."""
        return self.question.classes

    @cached_property
    def labels(self) -> np.ndarray:
        """(train patients,) 1 who has the outcome."""
        return self.question.happened(self.train).astype(int)

    @property
    def patients(self) -> np.ndarray:
        """(train patients,) each is one record."""
        return np.arange(len(self.train))

    @cached_property
    def views(self) -> tuple[View, View]:
        """Train and holdout until the landmark."""
        return self.question.view(self.train), self.question.view(self.holdout)

    def bench(self, learn: np.ndarray, held: np.ndarray, seeds: Seeds) -> RowBench:
        """Fit the generator to the patients to learn from; their variables are looked at.

        Raises:
            InputError: patients that the model cannot be fitted to.
        """
        learn, held = np.sort(learn), np.sort(held)
        real = self.train.only(learn)
        models = stages.MODELS if len(real) >= stages.FEW else stages.QUICK
        model = models.load(models.named(self.plan), models.settings(self.plan))
        fitted = model.fit(real, Ledger(), seeds.of("fit"))
        train, holdout = self.views
        form = Form.of(some(train, learn), self.question)
        tables = [
            form.table(some(train, learn), self.labels[learn]),
            form.table(some(train, held), self.labels[held]),
            form.table(holdout, self.question.happened(self.holdout)),
        ]
        task = form.task(tables[0])
        values = [task.encoding.values(t) for t in tables]
        drawn = Drawn(fitted, form)
        return RowBench(task, drawn, (values[0], values[1], values[2]), drawn.of_class)


@dataclass(frozen=True)
class Form:
    """Patients as rows: summaries of some variables, and the outcome behind them."""

    question: Question
    variables: np.ndarray

    @staticmethod
    def of(real: View, question: Question) -> "Form":
        """The commonest variables that three of these patients have."""
        width = len(question.variables)
        pairs = np.unique(real.patient * width + real.code) % max(width, 1)
        often = np.bincount(pairs, minlength=width) >= FEWEST
        looked = looked_at(real, width)
        return Form(question, looked[often[looked]])

    @property
    def schema(self) -> Schema:
        """Numbers, and the outcome."""
        width = 5 * len(self.variables) + 1
        numbers = (Column(str(i), Kind.CONTINUOUS) for i in range(width))
        classes = self.question.classes
        return Schema((*numbers, Column("outcome", Kind.CATEGORICAL, categories=classes)))

    def table(self, view: View, truth: np.ndarray) -> Table:
        """A row a patient; not how long the record is."""
        schema = self.schema
        frame = pd.DataFrame(
            Summaries.of(view, self.variables).table()[:, :-1], columns=schema.names[:-1]
        )
        codes = pd.Categorical.from_codes(
            truth.astype(int), categories=pd.Index(self.question.classes)
        )
        return Table(frame.assign(outcome=codes), schema)

    def task(self, real: Table) -> Task:
        """The outcome from all the rest."""
        place = len(real.schema.names) - 1
        encoding = Encoding.of(real)
        return Task("outcome", place, tuple(range(place)), self.question.classes, (0, 1), encoding)


@dataclass(frozen=True)
class Drawn:
    """Synthetic patients as rows."""

    fitted: FittedCohort
    form: Form

    def of_class(self, n: int, seeds: Seeds, which: int) -> Table | None:
        """The same with, or without, the outcome; None where nobody can be asked to live on."""
        question = self.form.question
        if not question.static:
            return self(n, seeds, asked_of(self.fitted, ("death=yes",))) if which else None
        level = (question.classes[which],)
        return self(n, seeds, Condition((Wanted(question.static, level),)))

    def __call__(self, n: int, seeds: Seeds, condition: Condition = FREE) -> Table:
        """Exactly `n` who reach the landmark.

        Raises:
            ModelError: hardly any does.
        """
        parts: list[Table] = []
        while (short := n - sum(map(len, parts))) > 0:
            if len(parts) == TRIES:
                raise ModelError("hardly any synthetic patient is seen until the landmark")
            made = self.fitted.sample(
                max(short, n // 4, BATCH), seeds.of("drawn", len(parts)), condition
            )
            truth = self.form.question.truth(made)
            kept = np.flatnonzero(np.isfinite(truth))
            parts.append(self.form.table(some(self.form.question.view(made), kept), truth[kept]))
        frame = pd.concat([p.frame for p in parts], ignore_index=True).iloc[:n]
        return Table(frame, self.form.schema, "synthetic")


def open_lab(plan: Plan, watch: Watch) -> CohortLab:
    """Read and split as `synthesize` does; the landmark is set by train patients.

    Raises:
        PlanError: no outcome of two levels, or no holdout.
        InputError: as `flow.cohorts.stages`.
    """
    run = Run(replace(plan, target=None), Ledger(), watch)
    parts = stages.divide(stages.read(run), run)
    if parts.holdout is None:
        raise PlanError("a study needs a holdout: leave --holdout above 0")
    question = Question.of(parts.train, plan.target)
    train, holdout = (c.only(np.isfinite(question.truth(c))) for c in (parts.train, parts.holdout))
    return CohortLab(replace(plan, target=question.static or DEATH), train, holdout, question)
