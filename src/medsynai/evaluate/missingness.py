"""Which values are missing, and which are missing together."""

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate.interval import Rows
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.sides import compare, take_sides, unassessed
from medsynai.evaluate.trial import Trial

CAP = 50_000

RATES = blank(
    "missing_rates",
    "Missing values: difference in rates",
    Family.FIDELITY,
    "low",
    "mean |p - q| of missing rates over the columns with any missing value",
    note="Shuffling keeps rates, so the shuffled anchor equals the holdout's here.",
)
PAIRS = blank(
    "missing_pairs",
    "Missing together: difference in the rates of pairs",
    Family.FIDELITY,
    "low",
    "mean |P(i and j missing) - Q(i and j missing)| over pairs of columns with missing values",
)


def measure(trial: Trial) -> Findings:
    """Missing rates of columns, and of pairs of columns.

    Raises:
        AssessmentError: too few rows, or nothing is missing anywhere.
    """
    tables = take_sides(trial, CAP)
    encoding = trial.encoding
    missing = tables.map(lambda t: np.isnan(encoding.values(t)).astype(np.float64))
    gaps = np.isnan(encoding.train).any(axis=0)
    gaps |= missing.reference.any(axis=0) | missing.synthetic.any(axis=0)
    if not gaps.any():
        raise AssessmentError("no value is missing in the real or the synthetic rows")
    sides = missing.map(lambda m: m[:, gaps])
    upper = np.triu_indices(int(gaps.sum()), 1)

    def rates(a: Rows, b: Rows) -> float:
        return float(np.abs(a.mean(axis=0) - b.mean(axis=0)).mean())

    def pairs(a: Rows, b: Rows) -> float:
        return float(np.abs(a.T @ a / len(a) - b.T @ b / len(b))[upper].mean())

    together = (
        compare(PAIRS, sides, pairs, trial.seeds)
        if len(upper[0])
        else unassessed(PAIRS, "fewer than two columns have missing values")
    )
    return Findings((compare(RATES, sides, rates, trial.seeds), together))
