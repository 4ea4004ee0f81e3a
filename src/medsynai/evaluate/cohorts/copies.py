"""Copies: does a synthetic patient's course run along a train patient's for longer than chance?

A run is neighbouring events with the same variables, values and gaps. Real patients share short
runs too, so the longest run of each synthetic patient is held against those of holdout patients.
"""

import numpy as np
import pandas as pd

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.codes.trial import LEAST, Numbers
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Findings

RUNS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256)
USUAL = 0.95  # of holdout patients have no longer run
WHOLE = np.uint64(0x9E3779B97F4A7C15)
COPIED = Heading(
    "copied_run",
    "Synthetic patients whose course runs along a train patient's, in excess",
    "share with a longer run of equal events than 95 % of holdout patients, less the holdout's own "
    "share; Newcombe 1998, method 10; the longest copied subsequence of Theodorou et al. 2023",
)


def measure(trial: CohortTrial) -> Findings:
    """The share of patients with a longer copied run than holdout patients have."""
    if trial.holdout is None:
        return Findings((COPIED.absent("needs a holdout"),))
    if min(map(len, (trial.train, trial.holdout, trial.synthetic))) < LEAST:
        return Findings((COPIED.absent(f"needs at least {LEAST} patients on every side"),))
    train = trial.views["train"]
    known = {k: np.unique(grams(train, k)[0]) for k in RUNS}
    sides = {
        "synthetic": trial.views["synthetic"],
        "fresh": trial.views["holdout"],
        "control": View.of(trial.copied, trial.variables),
        "shuffled": trial.sides.shuffled,
    }
    found = {name: longest(view, known) for name, view in sides.items()}
    usual = np.quantile(found["fresh"], USUAL, method="higher")
    share = {k: intervals.wilson(int((v > usual).sum()), len(v)) for k, v in found.items()}
    fresh = share.pop("fresh")
    excess = {name: intervals.difference(own, fresh) for name, own in share.items()}
    excess["holdout"] = Interval(0.0, 0.0, 0.0)
    note = f"95 % of holdout patients share no run of more than {int(usual)} events with train"
    return Findings((COPIED.score(excess, len(trial.synthetic), note),))


def _events(view: View) -> Numbers:
    """(events,) a 64-bit number for what happens, with its value and the gap before."""
    gap = np.where(view.first, -1, np.diff(view.time, prepend=0))
    frame = pd.DataFrame({"code": view.code, "value": np.round(view.value, 6), "gap": gap})
    hashed: Numbers = pd.util.hash_pandas_object(frame, index=False).to_numpy("uint64")
    return hashed


def grams(view: View, length: int) -> tuple[Numbers, Numbers]:
    """A 64-bit number for each run of so many events of one patient; and whose it is."""
    event, patient = _events(view), view.patient
    n = len(event) - length + 1
    if n < 1:
        return event[:0], patient[:0]
    run = np.zeros(n, np.uint64)
    for k in range(length):
        run = run * WHOLE + event[k : n + k]
    whole = patient[:n] == patient[length - 1 :]
    return run[whole], patient[:n][whole]


def longest(view: View, known: dict[int, Numbers]) -> Numbers:
    """(patients,) the longest run of each, of the lengths looked at, that train patients have."""
    most = np.zeros(len(view), np.int64)
    for length, runs in known.items():
        mine, whose = grams(view, length)
        found = np.unique(whose[np.isin(mine, runs)])
        if not len(found):
            break
        most[found] = length
    return most
