"""Utility without a chosen outcome: predict each of several columns from all others."""

from dataclasses import replace
from typing import Any

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate import metrics
from medsynai.evaluate.encode import Floats
from medsynai.evaluate.interval import Z
from medsynai.evaluate.learners import Learner
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.tasks import Task, check, leaks_of, task_for
from medsynai.evaluate.trial import Trial
from medsynai.evaluate.utility import capped

COLUMNS, CAP, CAP_TEST, ROUNDS = 12, 2_500, 2_500, 40
QUICK = Learner("boosting", "gradient boosting, short", "features", ROUNDS)

GLOBAL = blank(
    "global_utility",
    "Each of several columns predicted from the others: mean skill of models trained on synthetic",
    Family.UTILITY,
    "high",
    "skill: 2 AUROC - 1 for classes, R2 (at least -1) for numbers, mean over up to 12 columns; "
    "after TabStruct's global utility (Jiang et al. 2025)",
)


def measure(trial: Trial) -> Findings:
    """Mean skill over up to twelve columns, each predicted from the rest.

    Raises:
        AssessmentError: no holdout, or no column that can be predicted.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real rows that the generator never saw")
    rows = []
    for task in _tasks(trial):
        test = capped(task.known(trial.holdout), CAP_TEST, trial, "test")
        fits = [trial.synthetic, trial.train, trial.shuffled]
        n = min(len(trial.train), len(trial.synthetic), CAP)
        skills = []
        for name, table in zip(("synthetic", "train", "shuffled"), fits, strict=True):
            fit = capped(task.known(table), n, trial, name)
            skills.append(skill(task.predict(QUICK, fit, test, trial.seeds.of("global"))))
        rows.append((task.target, *skills))
    if not rows:
        raise AssessmentError("no column has enough rows of two classes, or varies as a number")
    found = np.array([r[1:] for r in rows])
    means = found.mean(axis=0)
    # The columns are the sample here: their spread of the loss is what another draw would change.
    loss = found[:, 1] - found[:, 0]
    half = Z * float(loss.std(ddof=1)) / len(rows) ** 0.5 if len(rows) > 1 else None
    score = replace(
        GLOBAL,
        value=float(means[0]),
        low=None if half is None else float(means[0]) - half,
        high=None if half is None else min(1.0, float(means[0]) + half),
        holdout=float(means[1]),
        shuffled=float(means[2]),
        n=min(len(trial.holdout), CAP_TEST),
        note=f"Over {len(rows)} columns; the interval is that of the mean loss over columns.",
    )
    return Findings((score,), {"global_utility": [_row(r) for r in rows]})


def skill(stack: Floats) -> float:
    """0 for no skill, 1 for perfect: 2 AUROC - 1 for classes, R2 (at least -1) for numbers."""
    if stack.shape[1] == 2:
        return max(-1.0, metrics.r2(stack))
    return 2 * metrics.auroc(stack) - 1


def _tasks(trial: Trial) -> list[Task]:
    names = list(trial.encoding.names)
    order = trial.seeds.of("global", "columns").numpy().permutation(len(names))
    found: list[Task] = []
    for place in order:
        if len(found) == COLUMNS:
            break
        name = names[int(place)]
        task = task_for(trial, name, leaks_of(trial, name) - set(trial.leaks))
        if _fits(task, trial):
            found.append(task)
    return found


def _fits(task: Task, trial: Trial) -> bool:
    try:
        check(task, trial)
    except AssessmentError:
        return False
    return True


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    name, *skills = row
    keys = ("trained_on_synthetic", "trained_on_real", "trained_on_shuffled")
    return {"column": name, **{k: round(s, 4) for k, s in zip(keys, skills, strict=True)}}
