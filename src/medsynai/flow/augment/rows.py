"""The bench of records that are rows of numbers and levels: the judge's models, and SMOTE."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medsynai.data.table import Table
from medsynai.evaluate.arms import Arm
from medsynai.evaluate.encode import Floats
from medsynai.evaluate.learners import BOOSTING, LINEAR, classify
from medsynai.evaluate.tasks import Task
from medsynai.flow.augment.lab import duplicates
from medsynai.seeds import Seeds

NEAR = 5  # neighbours of SMOTE
SCARCE = 500  # rows below which boosting, whose leaves hold ten rows, is no model to try with


@dataclass(frozen=True)
class RowBench:
    """See `lab.Bench`; records are rows of the encoding, (rows, columns).

    Attributes:
        task: what is told from what.
        draw: that many synthetic rows.
        parts: rows to learn from, to choose the ratio by, and of the holdout.
        draw_class: that many of one class; gives None of a class that cannot be asked for.
    """

    task: Task
    draw: Callable[[int, Seeds], Table]
    parts: tuple[Floats, Floats, Floats]
    draw_class: Callable[[int, Seeds, int], Table | None] | None = None

    @property
    def real(self) -> Floats:
        """The rows to learn from."""
        return self.parts[0]

    def added(self, arm: Arm, n: int, seeds: Seeds) -> Floats:
        """Rows to add; the classic ones are SMOTE's, in the classes' own shares."""
        if arm is Arm.DUPLICATED:
            repeated: Floats = self.real[duplicates(len(self.real), n, seeds)]
            return repeated
        if arm is Arm.CLASSIC:
            return smote(self.real, self.task, n, seeds)
        return self.task.known(self.draw(n, seeds))

    def evened(self, seeds: Seeds) -> tuple[Floats, Floats] | None:
        """Rows up to the number of the commonest class."""
        truth = self.task.truth(self.real).astype(int)
        counts = np.bincount(truth, minlength=len(self.task.classes))
        lacks = counts.max() - counts
        if self.draw_class is None or not lacks.any():
            return None
        repeated, drawn = [], []
        for k in np.flatnonzero(lacks):
            mine, many = self.real[truth == k], int(lacks[k])
            made = self.draw_class(many, seeds.of("drawn", int(k)), int(k))
            if made is None:
                return None
            repeated.append(mine[duplicates(len(mine), many, seeds.of("repeated", int(k)))])
            drawn.append(self.task.known(made))
        return np.vstack(repeated), np.vstack(drawn)

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
    made: Floats = np.where(np.isfinite(a) & np.isfinite(b), a + step * (b - a), either)
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
