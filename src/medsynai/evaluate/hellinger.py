"""Multivariate Hellinger distance between Gaussian copulas of real and synthetic rows."""

import math

import numpy as np

from medsynai.errors import AssessmentError
from medsynai.evaluate.encode import Floats
from medsynai.evaluate.interval import Rows, midranks
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.sides import compare, take_sides
from medsynai.evaluate.trial import Trial

CAP = 20_000
# Keeps a table of collinear columns from a determinant of zero.
SHRINK = 0.05

HELLINGER = blank(
    "hellinger",
    "All columns at once: Hellinger distance of Gaussian copulas",
    Family.FIDELITY,
    "low",
    "H^2 = 1 - |S|^(1/4) |T|^(1/4) / |(S + T) / 2|^(1/2) of normal-score correlations, shrunk by "
    f"{SHRINK} to the identity (El Emam et al. 2022, JMIR Med Inform 10(4):e35734)",
)


def measure(trial: Trial) -> Findings:
    """The Hellinger distance between two Gaussian copulas, missing as the lowest rank.

    Raises:
        AssessmentError: too few rows, or fewer than two columns that vary.
    """
    tables = take_sides(trial, CAP)
    encoding = trial.encoding
    features = encoding.features_of(encoding.train)
    varies = np.array(
        [len(np.unique(np.nan_to_num(c, nan=-1e300))) > 1 for c in features.T], dtype=bool
    )
    if varies.sum() < 2:
        raise AssessmentError("needs at least two columns that vary")
    sides = tables.map(lambda t: encoding.features(t)[:, varies])

    def statistic(a: Rows, b: Rows) -> float:
        return hellinger(copula(a), copula(b))

    return Findings((compare(HELLINGER, sides, statistic, trial.seeds),))


def copula(values: Floats) -> Floats:
    """The shrunk correlation of normal scores: (columns, columns)."""
    from scipy.special import ndtri

    filled = np.where(np.isnan(values), -np.inf, values)
    ranks = np.column_stack([midranks(c) for c in filled.T])
    scores = ndtri((ranks - 0.5) / len(values))
    scores -= scores.mean(axis=0)
    norm = np.sqrt((scores**2).sum(axis=0))
    scores /= np.where(norm > 0, norm, 1.0)
    table = (1 - SHRINK) * (scores.T @ scores)
    np.fill_diagonal(table, 1.0)
    return np.asarray(table, dtype=np.float64)


def hellinger(a: Floats, b: Floats) -> float:
    """The Hellinger distance between two centred Gaussians, in [0, 1].

    >>> hellinger(np.eye(2), np.eye(2))
    0.0
    """
    logs = [float(np.linalg.slogdet(m)[1]) for m in (a, b, (a + b) / 2)]
    affinity = math.exp(0.25 * logs[0] + 0.25 * logs[1] - 0.5 * logs[2])
    return math.sqrt(max(0.0, 1 - affinity))
