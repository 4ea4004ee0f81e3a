"""What is predicted from what: the target, its classes, and the columns that may be used."""

from dataclasses import dataclass

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate.encode import Encoding, Floats
from medsynai.evaluate.interval import Rows
from medsynai.evaluate.learners import Learner, classify, regress
from medsynai.evaluate.trial import Trial
from medsynai.seeds import Seeds

MIN_ROWS = 50
MIN_CLASS = 5
MAX_CLASSES = 10


@dataclass(frozen=True)
class Task:
    """One prediction problem on the columns of an encoding.

    Attributes:
        target: its name.
        place: its column in the encoding.
        features: the columns it is predicted from.
        classes: for a level target: its levels in alphabetical order, so that of two the positive
            one is the last ("yes" after "no", "1" after "0"); () for a number.
        groups: for a level target: the class of each level code; rare levels share the last.
    """

    target: str
    place: int
    features: tuple[int, ...]
    classes: tuple[str, ...]
    groups: tuple[int, ...]
    encoding: Encoding

    @property
    def is_class(self) -> bool:
        """Whether the target is a class, not a number."""
        return bool(self.classes)

    def known(self, table: Table) -> Floats:
        """The values of the rows whose target is known."""
        values = self.encoding.values(table)
        kept: Floats = values[np.isfinite(values[:, self.place])]
        return kept

    def truth(self, values: Floats) -> Floats:
        """Class codes or numbers of rows whose target is known."""
        found = values[:, self.place]
        if not self.is_class:
            return found
        return np.array(self.groups)[found.astype(np.int64)].astype(np.float64)

    def predict(self, learner: Learner, fit: Floats, test: Floats, seeds: Seeds) -> Floats:
        """Fit on some rows, predict others: a stack of truth and prediction (see metrics)."""
        places = list(self.features)
        encoding, seed = self.encoding.only(places), seeds.of(learner.name).integer()
        x, at = (learner.read(encoding, v[:, places]) for v in (fit, test))
        levels = (
            encoding.is_level if learner.form == "features" else np.zeros(x.shape[1], dtype=bool)
        )
        y = self.truth(fit)
        if self.is_class:
            predict = classify(learner, levels, x, y.astype(np.int64), len(self.classes), seed)
        else:
            predict = regress(learner, levels, x, y, seed)
        return np.column_stack([self.truth(test), predict(at)])


def task_of(trial: Trial) -> Task:
    """The trial's own task.

    Raises:
        AssessmentError: no target, no holdout, too few rows, one class, or nothing to predict from.
    """
    if trial.target is None:
        raise AssessmentError("no target column is set")
    if trial.target not in trial.train.schema:
        raise AssessmentError("the target is not among the columns that are compared")
    task = task_for(trial, trial.target, leaks_of(trial, trial.target))
    check(task, trial)
    return task


def leaks_of(trial: Trial, target: str) -> frozenset[str]:
    """Columns that tell the target: the trial's leaks and its partners in survival pairs."""
    partners = {
        name
        for pair in trial.train.schema.survival
        if target in (pair.time, pair.event)
        for name in (pair.time, pair.event)
    }
    return frozenset({*trial.leaks, *partners} - {target})


def task_for(trial: Trial, target: str, leaks: frozenset[str] = frozenset()) -> Task:
    """The task of predicting one column from all others but the leaks."""
    encoding = trial.encoding
    place = encoding.names.index(target)
    features = tuple(j for j, name in enumerate(encoding.names) if j != place and name not in leaks)
    if not encoding.is_level[place]:
        return Task(target, place, features, (), (), encoding)
    levels = encoding.levels[place]
    counts = np.bincount(
        encoding.train[np.isfinite(encoding.train[:, place]), place].astype(np.int64),
        minlength=len(levels),
    )
    classes, groups = _classes(levels, counts)
    return Task(target, place, features, classes, groups, encoding)


def _classes(levels: tuple[str, ...], counts: Rows) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Levels that train has, alphabetically; beyond ten, and those it lacks, share the last."""
    present = [i for i in np.argsort(-counts, kind="stable") if counts[i] > 0]
    own = sorted(
        (levels[i] for i in present[: MAX_CLASSES - (len(present) > MAX_CLASSES)]), key=str
    )
    place = {level: k for k, level in enumerate(own)}
    shared = len(present) > len(own)
    last = len(own) if shared else max(len(own) - 1, 0)
    names = (*own, "other levels") if shared else tuple(own)
    return names, tuple(place.get(level, last) for level in levels)


def check(task: Task, trial: Trial) -> None:
    """Refuse a task that no figure can rest on.

    Raises:
        AssessmentError: with the reason.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real rows that the generator never saw")
    if not task.features:
        raise AssessmentError("no column is left to predict the target from")
    for name, table in (("train", trial.train), ("holdout", trial.holdout)):
        truth = task.truth(task.known(table))
        if len(truth) < MIN_ROWS:
            raise AssessmentError(f"fewer than {MIN_ROWS} {name} rows with a known target")
        if task.is_class:
            counts = np.bincount(truth.astype(np.int64), minlength=len(task.classes))
            if (counts >= MIN_CLASS).sum() < 2:
                raise AssessmentError(
                    f"fewer than two classes of the target have {MIN_CLASS} {name} rows"
                )
        elif np.ptp(truth) == 0:
            raise AssessmentError(f"the target is constant in the {name} rows")
    if len(task.known(trial.synthetic)) < MIN_ROWS:
        raise AssessmentError(f"fewer than {MIN_ROWS} synthetic rows with a known target")
