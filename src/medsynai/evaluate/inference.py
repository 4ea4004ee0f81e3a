"""Would an analyst read the same effects? Coefficients of one regression, real and synthetic."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate.coefficients import (
    Coefficients,
    fit_linear,
    fit_logistic,
    overlap,
    sign_agreement,
)
from medsynai.evaluate.design import Design, design
from medsynai.evaluate.encode import Floats
from medsynai.evaluate.interval import Z, wilson
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.sides import Sides, compare, take_sides, unassessed
from medsynai.evaluate.tasks import Task, task_of
from medsynai.evaluate.trial import Trial

CAP = 20_000
WARNING = (
    "One synthetic table must not be analysed as if it were real: its standard errors leave out "
    "the generator's own and are too small (Decruyenaere et al. 2023)."
)
OVERLAP = blank(
    "ci_overlap",
    "Regression coefficients: overlap of 95 % intervals with the holdout's",
    Family.UTILITY,
    "high",
    "mean interval overlap over up to 12 coefficients (Karr et al. 2006), -1 to 1",
    note=WARNING,
)
SIGNS = blank(
    "sign_agreement",
    "Regression coefficients: clear effects with the same sign",
    Family.UTILITY,
    "high",
    "share of coefficients whose holdout interval leaves out 0 that keep their sign",
    note=WARNING,
)
Fit = Callable[[Floats], Coefficients]


def measure(trial: Trial) -> Findings:
    """CI overlap and sign agreement of a logistic or linear regression of the target.

    The terms are chosen on the train rows; the reference is the same regression on the holdout.

    Raises:
        AssessmentError: no usable target, or no term.
    """
    task = task_of(trial)
    train = task.known(trial.train)
    plan = design(task.encoding, train, _outcome(task, train), task.features)
    if not plan.terms:
        raise AssessmentError("no column is filled and varies enough for a regression")
    sides = take_sides(trial, CAP, needs_holdout=True).map(lambda t: _rows(task, plan, t))
    fit = _fitter(task)

    def overlapping(a: Floats, b: Floats) -> float:
        one, two = fit(a), fit(b)
        return overlap((one[0][1:], one[1][1:]), (two[0][1:], two[1][1:]))

    def agreeing(a: Floats, b: Floats) -> float:
        one, two = fit(a), fit(b)
        return sign_agreement((two[0][1:], two[1][1:]), (one[0][1:], one[1][1:]))

    scores = [compare(OVERLAP, sides, overlapping, trial.seeds, (-1.0, 1.0))]
    if np.isfinite(agreeing(sides.synthetic, sides.reference)):
        scores.append(_signs(compare(SIGNS, sides, agreeing, trial.seeds), fit(sides.reference)))
    else:
        scores.append(unassessed(SIGNS, "no coefficient of the holdout is clear of 0"))
    return Findings(tuple(scores), {"coefficients": _table(plan, sides, fit)})


def _signs(score: Score, reference: Coefficients) -> Score:
    """A share of few coefficients jumps: its interval is Wilson's over the clear ones."""
    beta, error = reference[0][1:], reference[1][1:]
    clear = int((np.abs(beta) > Z * error).sum())
    low, high = wilson(round((score.value or 0.0) * clear), clear)
    note = f"Over {clear} clear coefficients. {score.note}"
    return replace(score, low=low, high=high, note=note)


def _outcome(task: Task, values: Floats) -> Floats:
    """0 or 1 for the last class against the rest, or the number in train standard deviations."""
    truth = task.truth(values)
    if task.is_class:
        return (truth == len(task.classes) - 1).astype(float)
    known = task.encoding.train[:, task.place]
    known = known[np.isfinite(known)]
    return (truth - known.mean()) / known.std()


def _rows(task: Task, plan: Design, table: Table) -> Floats:
    """Outcome, then the design: one array, so that rows can be dealt into groups."""
    values = task.known(table)
    return np.column_stack([_outcome(task, values), plan.matrix(values)])


def _fitter(task: Task) -> Fit:
    return lambda rows: (fit_logistic if task.is_class else fit_linear)(rows[:, 1:], rows[:, 0])


def _table(plan: Design, sides: Sides[Floats], fit: Fit) -> list[dict[str, Any]]:
    """Estimates with intervals, one line a term; regression estimates are not small cells."""
    fits = {"holdout": fit(sides.reference), "synthetic": fit(sides.synthetic)}
    if sides.real is not None:
        fits["train"] = fit(sides.real)
    rows = []
    for k, name in enumerate(plan.names, start=1):
        row: dict[str, Any] = {"term": name}
        for side, (beta, error) in fits.items():
            row[f"{side}_estimate"] = round(float(beta[k]), 4)
            row[f"{side}_interval"] = (
                f"{beta[k] - Z * error[k]:.3f} to {beta[k] + Z * error[k]:.3f}"
            )
        rows.append(row)
    return rows
