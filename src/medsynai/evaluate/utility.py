"""Is a model trained on synthetic rows as good on real ones as a model trained on real rows?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from medsynai.evaluate import metrics
from medsynai.evaluate.encode import Floats
from medsynai.evaluate.interval import Interval, auc_interval, jackknife
from medsynai.evaluate.learners import BOOSTING, LEARNERS, Learner
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.tasks import Task, task_of
from medsynai.evaluate.trial import Trial

CAP = 20_000
# The second opinions (linear, forest) need fewer rows to say whether they agree.
CAP_OTHERS = 10_000
# The rows drawn once, when the question is how many to draw: five times as many stay affordable.
CAP_DRAWN = 6_000
TIMES = (1, 2, 5)
TSTR = "train on synthetic, test on real; holdout anchor: train on real (Esteban et al. 2017)"


@dataclass(frozen=True)
class Figure:
    """One metric: its key, what a reader sees, its direction, source and range."""

    name: str
    title: str
    better: Literal["low", "high", "info"]
    source: str
    metric: metrics.Metric
    bounds: tuple[float, float] = (0.0, 1.0)
    note: str = ""


CLASS_FIGURES = (
    Figure("auroc", "AUROC", "high", "Hanley and McNeil 1982", metrics.auroc),
    Figure(
        "average_precision",
        "average precision of the rarer class",
        "high",
        "Davis and Goadrich 2006",
        metrics.average_precision,
    ),
    Figure("accuracy", "accuracy", "high", "share of likeliest classes right", metrics.accuracy),
    Figure("precision", "precision", "high", "TP / (TP + FP)", metrics.precision),
    Figure("recall", "recall", "high", "TP / (TP + FN)", metrics.recall),
    Figure("f1", "F1", "high", "2 TP / (2 TP + FP + FN)", metrics.f1),
    Figure("brier", "Brier score", "low", "Brier 1950", metrics.brier),
    Figure(
        "calibration_slope",
        "calibration slope",
        "info",
        "slope of truth on predicted log-odds (Cox 1958)",
        metrics.calibration_slope,
        (-math.inf, math.inf),
        "1 is ideal; below 1 the predictions are too extreme.",
    ),
)
NUMBER_FIGURES = (
    Figure("r2", "R2", "high", "1 - SSE / SST", metrics.r2, (-math.inf, 1.0)),
    Figure("mae", "mean absolute error", "low", "mean |error|", metrics.mae, (0.0, math.inf)),
)

Stacks = dict[str, Floats]


def measure(trial: Trial) -> Findings:
    """TSTR beside TRTR for three model kinds, real and synthetic rows together, and more rows.

    Raises:
        AssessmentError: no target, no holdout, or rows that no figure can rest on.
    """
    task = task_of(trial)
    fits = fitting_rows(task, trial)
    assert trial.holdout is not None  # task_of has refused otherwise
    test = capped(task.known(trial.holdout), CAP, trial, "test")
    few = {name: capped(rows, CAP_OTHERS, trial, name) for name, rows in fits.items()}
    figures = CLASS_FIGURES if task.is_class else NUMBER_FIGURES
    by_learner = {
        learner.name: {
            name: task.predict(learner, rows, test, trial.seeds.of("utility"))
            for name, rows in few.items()
            if "+" not in name
        }
        for learner in LEARNERS[1:]
    } | {BOOSTING.name: boosted(task, trial, test, tuple(fits))}
    main = by_learner[BOOSTING.name]
    scores = [_tstr(f, main, BOOSTING, trial) for f in figures]
    scores.append(_gap(figures[0], main, trial))
    for learner in LEARNERS[1:]:
        scores.append(_tstr(figures[0], by_learner[learner.name], learner, trial))
    scores.append(_augmented(figures[0], main, trial))
    exhibits: dict[str, Any] = {
        "utility_rows": [
            _row(learner, name, len((fits if learner is BOOSTING else few)[name]), stack, figures)
            for learner in LEARNERS
            for name, stack in by_learner[learner.name].items()
        ]
    }
    more, exhibits["draws"] = _draws(task, trial, test, figures[0], main)
    return Findings((*scores, *more), exhibits)


def fitting_rows(task: Task, trial: Trial) -> Stacks:
    """The rows that models are fitted on, by name, with a known target and capped."""
    n = min(len(trial.train), len(trial.synthetic), CAP)
    train, synthetic, shuffled = (
        capped(task.known(t), n, trial, name)
        for name, t in (
            ("train", trial.train),
            ("synthetic", trial.synthetic),
            ("shuffled", trial.shuffled),
        )
    )
    return {
        "synthetic": synthetic,
        "real": train,
        "shuffled": shuffled,
        "real + synthetic": np.vstack([train, synthetic]),
        "real + shuffled": np.vstack([train, shuffled]),
    }


def boosted(task: Task, trial: Trial, test: Floats, names: Sequence[str]) -> Stacks:
    """What gradient boosting predicts for the test rows, fitted on the rows of each name.

    Worked out once a trial: usefulness and subgroups look at the same models.
    """
    done: Stacks = trial.shared.setdefault("boosted", {})
    fits = fitting_rows(task, trial) if any(n not in done for n in names) else {}
    for name in names:
        if name not in done:
            done[name] = task.predict(BOOSTING, fits[name], test, trial.seeds.of("utility"))
    return {name: done[name] for name in names}


def capped(values: Floats, cap: int, trial: Trial, name: str) -> Floats:
    """At most `cap` of the rows, chosen by seed."""
    if len(values) <= cap:
        return values
    rng = trial.seeds.of("utility", "cap", name).numpy()
    return values[np.sort(rng.choice(len(values), cap, replace=False))]


def interval(figure: Figure, stack: Floats, trial: Trial) -> Interval:
    """DeLong for the AUROC of two classes, else a jackknife over the test rows."""
    if figure.name == "auroc" and stack.shape[1] == 3:
        return auc_interval(stack[:, 0] == 1, stack[:, 2])
    rng = trial.seeds.of("utility", "interval", figure.name).numpy()
    return jackknife(figure.metric, (stack,), rng, bounds=figure.bounds)


def _tstr(figure: Figure, stacks: Stacks, learner: Learner, trial: Trial) -> Score:
    suffix = "" if learner is BOOSTING else f"_{learner.name}"
    score = blank(
        f"tstr_{figure.name}{suffix}",
        f"Trained on synthetic, tested on real: {figure.title} ({learner.title})",
        Family.UTILITY,
        figure.better,
        f"{TSTR}; {figure.source}",
        figure.note,
    )
    return _filled(score, figure, stacks, ("synthetic", "real", "shuffled"), trial)


def _augmented(figure: Figure, stacks: Stacks, trial: Trial) -> Score:
    score = blank(
        f"augmented_{figure.name}",
        f"Trained on real and synthetic together: {figure.title} ({BOOSTING.title})",
        Family.UTILITY,
        "info",
        f"{TSTR}; {figure.source}",
        "Holdout anchor: real rows alone; shuffled anchor: real and shuffled rows together.",
    )
    return _filled(score, figure, stacks, ("real + synthetic", "real", "real + shuffled"), trial)


def _filled(
    score: Score, figure: Figure, stacks: Stacks, names: tuple[str, str, str], trial: Trial
) -> Score:
    value, holdout, shuffled = (_finite(figure.metric(stacks[n])) for n in names)
    low, high = interval(figure, stacks[names[0]], trial)
    note = score.note
    if value is None:
        note = f"not assessed: no row was called positive, or one class is absent. {note}".strip()
        low = high = None
    return replace(
        score,
        value=value,
        low=low,
        high=high,
        holdout=holdout,
        shuffled=shuffled,
        n=len(stacks[names[0]]),
        note=note,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _gap(figure: Figure, stacks: Stacks, trial: Trial) -> Score:
    """What training on synthetic rows costs, on the same test rows."""
    width = stacks["real"].shape[1]

    def loss(name: str) -> tuple[float | None, Interval]:
        both = np.hstack([stacks["real"], stacks[name]])

        def difference(rows: Floats) -> float:
            return figure.metric(rows[:, :width]) - figure.metric(rows[:, width:])

        rng = trial.seeds.of("utility", "gap").numpy()
        bounds = (-math.inf, math.inf)
        return _finite(difference(both)), jackknife(difference, (both,), rng, bounds=bounds)

    value, (low, high) = loss("synthetic")
    score = blank(
        "utility_gap",
        f"Loss by training on synthetic instead of real rows: {figure.title}",
        Family.UTILITY,
        "low",
        f"TRTR - TSTR on the same test rows; {TSTR}",
        "The holdout anchor is 0 by definition.",
    )
    shuffled = loss("shuffled")[0]
    return replace(
        score,
        value=value,
        low=low,
        high=high,
        holdout=0.0,
        shuffled=shuffled,
        n=len(stacks["real"]),
    )


def _row(
    learner: Learner, trained_on: str, rows: int, stack: Floats, figures: Sequence[Figure]
) -> dict[str, Any]:
    found = {f.name: _finite(f.metric(stack)) for f in figures}
    rounded = {k: None if v is None else round(v, 4) for k, v in found.items()}
    return {"model": learner.title, "trained_on": trained_on, "fitted_rows": rows, **rounded}


def _draws(
    task: Task, trial: Trial, test: Floats, figure: Figure, main: Stacks
) -> tuple[list[Score], list[dict[str, Any]]]:
    """TSTR against the number of rows drawn: 1, 2 and 5 times the train rows."""
    if trial.draw is None:
        return [], []
    once = min(len(trial.train), CAP_DRAWN)
    drawn = task.known(trial.draw(max(TIMES) * once).only(trial.train.schema.names))
    scores, rows = [], []
    for times in TIMES:
        share = len(drawn) * times // max(TIMES)
        stack = task.predict(BOOSTING, drawn[:share], test, trial.seeds.of("draws"))
        score = blank(
            f"tstr_{figure.name}_{times}x",
            f"Trained on {times} x as many synthetic rows as train: {figure.title}",
            Family.UTILITY,
            figure.better,
            f"{TSTR}; {figure.source}",
            "" if once == len(trial.train) else f"1 x is {once} rows here, to save time.",
        )
        stacks = {**main, "synthetic": stack}
        scores.append(_filled(score, figure, stacks, ("synthetic", "real", "shuffled"), trial))
        rows.append({"times": times, "rows_drawn": share, figure.name: scores[-1].value})
    advice = _advice(scores)
    return [replace(s, note=" ".join(filter(None, (s.note, advice)))) for s in scores], rows


def _advice(scores: list[Score]) -> str:
    """What to draw for training, said only where the gain is more than noise of a thousandth."""
    first, last = scores[0].value, scores[-1].value
    if first is None or last is None:
        return ""
    if last - first > 0.002:
        return f"For training a model, draw {TIMES[-1]} times as many rows as train has."
    return "Drawing more rows than train has does not help training here."
