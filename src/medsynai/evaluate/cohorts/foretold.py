"""Does a model of what comes next, learnt from synthetic patients, foretell it of real ones?

Two questions, each answered by one boosted model for all variables (which one is asked of is a
feature), trained on synthetic patients and tested on the holdout: what a variable's next value is,
and which variables come at a patient's next step. A step is a visit where most events name one, a
day where patients are followed for a month, or else a moment at which anything happens.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.prediction import aucs
from medsynai.evaluate.codes.trial import GROUPS, Numbers
from medsynai.evaluate.cohorts.accusing import some
from medsynai.evaluate.cohorts.history import (
    ENOUGH,
    MOST,
    Moments,
    Scale,
    Tracks,
    drawn,
    in_steps,
    unit_of,
)
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.interval import jackknifed
from medsynai.evaluate.learners import Learner, classify, regress
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.seeds import Seeds

BOOSTING = Learner("boosting", "gradient boosting", "features", rounds=100)
PAIRS, STEPS = 1_000, 1_500  # values of a variable, and steps, that are learnt from at most
TRIED = 2  # times as many are tried
EACH = 20  # values of a variable, or steps, of one patient
SEEN = 10  # holdout values of a variable, or holdout steps with it and without it

_TSTR = "train on synthetic, test on real (Esteban et al. 2017)"
VALUE = blank(
    "tstr_next_value",
    "A variable's next value, by a model trained on synthetic patients: mean R2 on real ones",
    Family.UTILITY,
    "high",
    f"{_TSTR}; 1 - SSE / SST of each variable, -1 at worst; gradient boosting on what was before",
)
VISIT = blank(
    "tstr_next_visit",
    "What comes at the next step, by a model trained on synthetic patients: mean AUC on real ones",
    Family.UTILITY,
    "high",
    f"{_TSTR}; AUC of each variable, as next-visit prediction of codes (Theodorou et al. 2023, "
    "HALO); gradient boosting on what was before",
)


@dataclass(frozen=True)
class Asked:
    """Questions of one side: features, the answer, of which variable, and whose."""

    x: Numbers
    y: Numbers
    variable: Numbers
    patient: Numbers


Figure = Callable[[Asked, Numbers, Numbers], float]


def next_value(trial: CohortTrial) -> Findings:
    """R2 on holdout values of models trained on synthetic, train and shuffled patients.

    Raises:
        AssessmentError: no holdout, or no variable whose numbers come again often enough.
    """
    views = {**trial.views, "copied": trial.sides.copied}
    sides = _sides(trial, views, trial.seeds.of("next value"))
    scale = Scale.of(sides["real"])
    seeds = trial.seeds.of("next value", "rows")
    asked = {
        k: values(v, scale, PAIRS * (TRIED if k == "test" else 1), seeds) for k, v in sides.items()
    }
    test = asked.pop("test")
    often = np.bincount(test.variable) >= SEEN
    if not often.any():
        raise AssessmentError(f"no variable has {SEEN} holdout numbers with one before")

    def figure(test: Asked, guess: Numbers, kept: Numbers) -> float:
        found = _r2(test, guess, kept)[often]
        return float(np.maximum(found[np.isfinite(found)], -1).mean())

    guess = {k: _numbers(a, test, trial.seeds.of("next value").integer()) for k, a in asked.items()}
    carried = figure(test, test.x[:, 1], np.ones(len(test.y), bool))
    note = f"{int(often.sum())} variables. The value before carried forward: {carried:.3f}."
    return Findings((_scored(VALUE, test, guess, figure, trial, note),))


def next_visit(trial: CohortTrial) -> Findings:
    """AUC on holdout steps of models trained on synthetic, train and shuffled patients.

    Raises:
        AssessmentError: no holdout, or no variable that comes and stays away often enough.
    """
    unit = unit_of(trial.train)
    named = {"train": trial.train, "holdout": trial.holdout, "synthetic": trial.synthetic}
    named["copied"] = trial.copied
    views = {
        k: View.of(in_steps(c, unit), trial.variables) for k, c in named.items() if c is not None
    }
    sides = _sides(trial, views, trial.seeds.of("next visit"))
    variables = _come_and_go(sides["real"], unit)
    seeds = trial.seeds.of("next visit", "rows")
    asked = {
        k: steps(v, variables, STEPS * (TRIED if k == "test" else 1), seeds)
        for k, v in sides.items()
    }
    test = asked.pop("test")
    width = len(variables)
    ones = test.y.reshape(-1, width).sum(axis=0) if len(test.y) else np.zeros(width)
    often = np.minimum(ones, len(test.y) / width - ones) >= SEEN
    if not often.any():
        raise AssessmentError(
            f"no variable comes at {SEEN} holdout {unit}s and stays away at {SEEN}"
        )

    def figure(test: Asked, guess: Numbers, kept: Numbers) -> float:
        truth, told = (a.reshape(-1, width)[kept[::width]][:, often] for a in (test.y, guess))
        found = aucs(truth > 0, told)
        return float(found[np.isfinite(found)].mean()) if np.isfinite(found).any() else np.nan

    seed = trial.seeds.of("next visit").integer()
    guess = {k: _chances(a, test, seed) for k, a in asked.items()}
    note = f"{int(often.sum())} variables at the next {unit}."
    return Findings((_scored(VISIT, test, guess, figure, trial, note),))


def _sides(trial: CohortTrial, views: dict[str, View], seeds: Seeds) -> dict[str, View]:
    """Who is tried, and equal numbers of patients to learn from."""
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real patients that the generator never saw")
    _ = trial.sides  # raises where patients or events are too few
    train, made = views["train"], views["synthetic"]
    n = min(len(train), len(made))
    sides = {"synthetic": made, "real": train, "copied": views["copied"]}
    sides |= {"shuffled": train.shuffled(seeds.of("shuffled"))}
    found = {
        k: some(v, np.sort(seeds.of(k).numpy().permutation(len(v))[:n])) for k, v in sides.items()
    }
    return {**found, "test": views["holdout"]}


def _scored(
    score: Score,
    test: Asked,
    guess: dict[str, Numbers],
    figure: Figure,
    trial: CohortTrial,
    note: str,
) -> Score:
    """The interval leaves out groups of holdout patients."""
    rng = trial.seeds.of("foretold", score.name).numpy()
    group = (rng.permutation(int(test.patient.max()) + 1) % GROUPS)[test.patient]
    whole = np.ones(len(test.y), bool)
    value = {k: figure(test, g, whole) for k, g in guess.items()}
    left = np.array([figure(test, guess["synthetic"], group != g) for g in range(GROUPS)])
    low, high = jackknifed(value["synthetic"], left, (-1.0 if score is VALUE else 0.0, 1.0))
    return replace(
        score,
        value=value["synthetic"],
        low=low,
        high=high,
        holdout=value["real"],
        shuffled=value["shuffled"],
        control=value["copied"],
        n=len(np.unique(test.patient)),
        note=note,
    )


def values(view: View, scale: Scale, most: int, seeds: Seeds) -> Asked:
    """Up to `most` values of each variable, and what was known before them.

    Features: variable, value before, the one before that, since when, mean so far, how many,
    how long in record, since the patient's last moment, and every variable's last value.
    """
    moments, width = Moments.read(view), len(scale.variables)
    t = Tracks.of(view, moments, scale.variables, numbers=True)
    z = scale.read(t)
    rows: list[Any] = []
    for v in range(width):
        mine = np.arange(t.starts[v], t.starts[v + 1])
        mine = mine[t.before[mine] > 0]
        rng = seeds.of("values", str(v)).numpy()
        rows.append(mine[drawn(t.patient[mine], most, EACH, rng)])
    row = np.concatenate(rows)
    total = np.cumsum(z) - z
    so_far = (total[row] - total[row - t.before[row]]) / t.before[row]
    second = np.where(t.before[row] > 1, z[row - 2], np.nan)
    at, whose = t.moment[row], t.patient[row]
    last = [t.latest(v, whose, at) for v in range(width)]
    x = [
        t.variable[row],
        z[row - 1],
        second,
        t.time[row] - t.time[row - 1],
        so_far,
        t.before[row],
        t.time[row],
        t.time[row] - moments.time[at - 1],
        *(np.where(r >= 0, z[r], np.nan) for r in last),
    ]
    return Asked(np.column_stack(x).astype(float), z[row], t.variable[row], whose)


def steps(view: View, variables: Numbers, most: int, seeds: Seeds) -> Asked:
    """Up to `most` steps with one before, each asked of every variable in turn.

    Features: variable, steps with it, their share, whether the last step has it, since when and how
    many steps ago it came; steps so far, since the first and the last, events of the last, and
    which variables the last step has.
    """
    moments, width = Moments.read(view), len(variables)
    t = Tracks.of(view, moments, variables, numbers=False)
    able = np.flatnonzero(moments.step > 0)
    m = able[drawn(moments.patient[able], most, EACH, seeds.of("steps").numpy())]
    whose, now = moments.patient[m], moments.time[m]
    last = np.stack([t.latest(v, whose, m) for v in range(width)], axis=1)
    known, shape = last >= 0, last.shape
    row = np.maximum(last, 0)
    empty = np.zeros(1)
    before, moment, time = ((a if len(a) else empty)[row] for a in (t.before, t.moment, t.time))
    often = np.where(known, before + 1, 0)
    held = known & (moment == m[:, None] - 1)
    own = [
        np.broadcast_to(np.arange(width), shape),
        often,
        often / moments.step[m][:, None],
        held,
        np.where(known, now[:, None] - time, np.nan),
        np.where(known, m[:, None] - moment, np.nan),
    ]
    of_step = np.column_stack(
        [moments.step[m], now, now - moments.time[m - 1], moments.width[m - 1], held]
    )
    x = np.column_stack([*(a.ravel() for a in own), np.repeat(of_step, width, axis=0)])
    y = np.stack([t.there(v, m) for v in range(width)], axis=1)
    return Asked(
        x.astype(float),
        y.ravel().astype(int),
        np.tile(np.arange(width), len(m)),
        np.repeat(whose, width),
    )


def _come_and_go(train: View, unit: str) -> Numbers:
    """The variables that come most often at a later step, and are not at nearly every one.

    Raises:
        AssessmentError: there is none.
    """
    moments = Moments.read(train)
    later = int((moments.step > 0).sum())
    every = np.arange(int(train.code.max(initial=0)) + 1)
    t = Tracks.of(train, moments, every, numbers=False)
    ones = np.bincount(t.variable[moments.step[t.moment] > 0], minlength=len(every))
    both = np.minimum(ones, later - ones)
    order = np.argsort(-both, kind="stable")[:MOST]
    found = order[both[order] >= ENOUGH]
    if not len(found):
        raise AssessmentError(
            f"no variable comes at {ENOUGH} train {unit}s behind a patient's first, and stays away "
            f"at {ENOUGH}"
        )
    return np.sort(found)


def _numbers(asked: Asked, test: Asked, seed: int) -> Numbers:
    """(tests,) what a model of these questions answers; the train mean where it has none."""
    if not len(asked.y):
        return np.zeros(len(test.y))
    levels = np.arange(asked.x.shape[1]) == 0
    return regress(BOOSTING, levels, asked.x, asked.y, seed)(test.x)[:, 0]


def _chances(asked: Asked, test: Asked, seed: int) -> Numbers:
    levels = np.arange(asked.x.shape[1]) == 0
    return classify(BOOSTING, levels, asked.x, asked.y, 2, seed)(test.x)[:, 1]


def _r2(test: Asked, guess: Numbers, kept: Numbers) -> Numbers:
    """(variables,) 1 - SSE / SST; NaN where a variable is not asked for, or does not vary."""
    of, y, width = test.variable[kept], test.y[kept], int(test.variable.max()) + 1
    n, total, squares, error = (
        np.bincount(of, weight, width) for weight in (None, y, y * y, (y - guess[kept]) ** 2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = squares - total**2 / n
        found: Numbers = 1 - error / spread
    return np.where(spread > 1e-9, found, np.nan)
