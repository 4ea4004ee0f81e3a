"""Does a model of the outcome that learnt from synthetic patients work on real ones?

Boosting reads summaries of what happened to each patient, never the statics: those may tell the
outcome afterwards.
"""

from dataclasses import replace

import numpy as np

from medsynai.data.outcomes import happened, outcome_of
from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.trial import Numbers
from medsynai.evaluate.cohorts.stays import Summaries, looked_at
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.interval import auc, auc_interval
from medsynai.evaluate.learners import BOOSTING, classify
from medsynai.evaluate.score import Family, Findings, blank

FEWEST = 20  # patients with the outcome, and without it, on every side

TSTR = blank(
    "tstr_outcome",
    "Outcome predicted by a model trained on synthetic patients: AUC on real ones",
    Family.UTILITY,
    "high",
    "train on synthetic, test on real (Esteban et al. 2017); gradient boosting on summaries of a "
    "patient's variables; holdout anchor: trained on real",
)


def measure(trial: CohortTrial) -> Findings:
    """AUC on the holdout of a model trained on synthetic, on train, and on shuffled patients.

    Raises:
        AssessmentError: no outcome that can be told, no holdout, or too few of either kind.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real patients that the generator never saw")
    name = outcome_of(trial.train)
    if name is None:
        raise AssessmentError("no patient dies, and no static of two levels is named after death")
    truth = {"test": trial.holdout, "synthetic": trial.synthetic, "real": trial.train}
    y = {k: happened(c, name) for k, c in truth.items()}
    for side, had in y.items():
        known = had[np.isfinite(had)]
        if min(known.sum(), len(known) - known.sum()) < FEWEST:
            what = repr(name) if name else "a time of death"
            raise AssessmentError(f"fewer than {FEWEST} {side} patients with or without {what}")
    variables = looked_at(trial.views["train"], len(trial.variables))
    y["shuffled"], seed = y["real"], trial.seeds.of("outcome").integer()
    views = {
        "test": trial.sides.reference,
        "synthetic": trial.views["synthetic"],
        "real": trial.views["train"],
        "shuffled": trial.sides.shuffled,
    }
    x = {k: _read(v, variables) for k, v in views.items()}
    found = {k: _tested(x[k], y[k], x["test"], y["test"], seed) for k in x if k != "test"}
    low, high = auc_interval(*found["synthetic"])
    score = replace(
        TSTR,
        value=auc(*found["synthetic"]),
        low=low,
        high=high,
        holdout=auc(*found["real"]),
        shuffled=auc(*found["shuffled"]),
        n=len(found["synthetic"][0]),
        note=f"Outcome: {name or 'death'}.",
    )
    return Findings((score,))


def _read(view: View, variables: Numbers) -> Numbers:
    return Summaries.of(view, variables).table()[:, :-1]  # how long a stay was tells who died


def _tested(
    x: Numbers, y: Numbers, test: Numbers, truth: Numbers, seed: int
) -> tuple[Numbers, Numbers]:
    fit, known = np.isfinite(y), np.isfinite(truth)
    levels = np.zeros(x.shape[1], dtype=bool)
    chance = classify(BOOSTING, levels, x[fit], y[fit].astype(int), 2, seed)
    return truth[known].astype(int), chance(test[known])[:, 1]
