"""Intervals that cost little: delete-a-group jackknife, DeLong for AUC, Wilson for shares."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
Interval = tuple[float | None, float | None]

GROUPS = 20
Z = 1.959963984540054
# 97.5 % quantile of Student's t by degrees of freedom, so that scipy is not loaded for it.
_T = {4: 2.776, 9: 2.262, 19: 2.093}


def jackknife(
    statistic: Callable[..., float],
    samples: Sequence[Rows],
    rng: np.random.Generator,
    groups: int = GROUPS,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """A 95 % interval of `statistic(*samples)` by the delete-a-group jackknife.

    The samples are independent of each other; rows are on axis 0. One random group is left out of
    every sample at a time. Unlike the bootstrap it repeats no row, which would look like a
    duplicate to a distance, and a distance's bias at the smaller size cancels in the spread.

    Args:
        statistic: takes the samples, gives one number; NaN where it is not defined.
        samples: arrays with rows on axis 0.
        rng: deals the rows into groups.
        groups: how many; lowered where there are fewer rows.
        bounds: the range that the statistic can take.

    Returns:
        low, high; None where fewer than five groups give a number.

    Source: Kott 2001, "The delete-a-group jackknife", J. Official Statistics 17(4).
    """
    groups = min(groups, *(len(s) for s in samples))
    if groups < 5:
        return None, None
    dealt = [rng.permutation(len(s)) % groups for s in samples]
    left = [
        statistic(*(s[d != g] for s, d in zip(samples, dealt, strict=True))) for g in range(groups)
    ]
    return jackknifed(statistic(*samples), np.array(left), bounds)


def jackknifed(value: float, left: Rows, bounds: tuple[float, float] = (0.0, 1.0)) -> Interval:
    """The interval of `value` from its values with one group left out each; see `jackknife`."""
    kept = left[np.isfinite(left)]
    if len(kept) < 5 or not math.isfinite(value):
        return None, None
    variance = (len(kept) - 1) / len(kept) * float(np.sum((kept - kept.mean()) ** 2))
    half = _t(len(kept) - 1) * math.sqrt(variance)
    return max(bounds[0], value - half), min(bounds[1], value + half)


def _t(freedom: int) -> float:
    return _T.get(max(f for f in _T if f <= freedom), Z)


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's 95 % score interval of a share.

    >>> low, high = wilson(0, 100)
    >>> low, round(high, 3)
    (0.0, 0.037)
    """
    if trials == 0:
        return None, None
    p, n = successes / trials, trials
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == trials else min(1.0, centre + half)


def midranks(values: Rows) -> NDArray[np.float64]:
    """Ranks from 1, ties sharing their mean rank.

    >>> midranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(values)])
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    return ranks


def auc(truth: Rows, score: Rows) -> float:
    """Area under the ROC curve; NaN where only one class is there.

    >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    0.75
    """
    truth = truth.astype(bool)
    ones, zeros = int(truth.sum()), int((~truth).sum())
    if ones == 0 or zeros == 0:
        return math.nan
    return float((midranks(score)[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def auc_interval(truth: Rows, score: Rows) -> Interval:
    """DeLong's 95 % interval of an AUC.

    Source: DeLong, DeLong and Clarke-Pearson 1988; midranks as in Sun and Xu 2014.
    """
    truth = truth.astype(bool)
    ones, zeros = int(truth.sum()), int((~truth).sum())
    if ones < 2 or zeros < 2:
        return None, None
    both = midranks(score)
    of_ones = (both[truth] - midranks(score[truth])) / zeros
    of_zeros = 1 - (both[~truth] - midranks(score[~truth])) / ones
    value = float(of_ones.mean())
    variance = of_ones.var(ddof=1) / ones + of_zeros.var(ddof=1) / zeros
    # A perfect separation has no spread; the rule of three keeps its interval from vanishing.
    half = Z * math.sqrt(variance) if variance > 0 else 3 / min(ones, zeros)
    return max(0.0, value - half), min(1.0, value + half)
