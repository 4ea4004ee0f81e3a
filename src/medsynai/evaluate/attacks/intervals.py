"""Intervals of rates, differences, ranking (AUC) and residual risk; numbers in, numbers out."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[Any]]
Gain = Callable[[Any, Any], Any]  # what an attacker gains: rates found and accused -> figure


@dataclass(frozen=True)
class Interval:
    """A point with its two ends; an unassessable one is NaN throughout."""

    value: float
    low: float
    high: float


def quantile_of(level: float, comparisons: int = 1) -> float:
    """The two-sided normal quantile; `comparisons` > 1 is Bonferroni's correction.

    >>> round(quantile_of(0.95), 2), round(quantile_of(0.95, 3), 2)
    (1.96, 2.39)
    """
    return NormalDist().inv_cdf(1 - (1 - level) / (2 * comparisons))


def wilson(hits: float, n: int, z: float = 1.959964) -> Interval:
    """A rate with its score interval (Wilson 1927); `hits` may be a sum of probabilities.

    >>> i = wilson(0, 50)
    >>> i.value, i.low, round(i.high, 3)
    (0.0, 0.0, 0.071)
    """
    if n <= 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if hits <= 0 else max(0.0, middle - half)
    return Interval(p, low, 1.0 if hits >= n else min(1.0, middle + half))


def difference(a: Interval, b: Interval) -> Interval:
    """`a - b` of two independent rates by square-and-add (Newcombe 1998, method 10)."""
    value = a.value - b.value
    low = value - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = value + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Interval(value, max(-1.0, low), min(1.0, high))


def scaled(interval: Interval, factor: float) -> Interval:
    """Every end times a positive factor."""
    return Interval(interval.value * factor, interval.low * factor, interval.high * factor)


def capped(interval: Interval) -> Interval:
    """No end beyond -1 or 1."""
    return Interval(
        *(max(-1.0, min(1.0, x)) for x in (interval.value, interval.low, interval.high))
    )


def residual_risk(attack: Interval, control: Interval) -> Interval:
    """What the release adds to the attacker's success: (attack - control) / (1 - control).

    Giomi et al. 2022. It rises with `attack` and falls with `control`, so each end is the
    square-and-add of the two moves that push it there (Zou and Donner 2008). NaN if the control
    succeeds always: then nothing can be added.

    >>> i = residual_risk(wilson(60, 100), wilson(20, 100))
    >>> round(i.value, 2), i.low < 0.5 < i.high
    (0.5, True)
    """

    def risk(a: float, c: float) -> float:
        return (a - c) / (1 - c) if c < 1 else float("-inf")

    a, c = attack.value, control.value
    if isnan(a) or isnan(c) or c >= 1:
        return Interval(float("nan"), float("nan"), float("nan"))
    value = risk(a, c)
    low = value - np.hypot(value - risk(attack.low, c), value - risk(a, control.high))
    high = value + np.hypot(risk(attack.high, c) - value, risk(a, control.low) - value)
    return capped(Interval(value, float(low), float(high)))


def median(values: Numbers, z: float = 1.959964) -> Interval:
    """The median, between the order statistics that hold it (binomial, normal approximation)."""
    ranked, n = np.sort(values), len(values)
    half = z * sqrt(n) / 2
    low, high = max(0, int(n / 2 - half)), min(n - 1, int(np.ceil(n / 2 + half)))
    return Interval(float(np.median(ranked)), float(ranked[low]), float(ranked[high]))


def largest(intervals: list[Interval]) -> Interval:
    """The maximum of several quantities, from simultaneous intervals of each.

    If every interval was made at Bonferroni's level, the greatest low and the greatest high hold
    the true maximum with at least that level: the winner of a race is not flattered by it.
    """
    known = [i for i in intervals if not isnan(i.value)]
    if not known:
        return Interval(float("nan"), float("nan"), float("nan"))
    return Interval(
        max(i.value for i in known), max(i.low for i in known), max(i.high for i in known)
    )


def auc(inside: Numbers, outside: Numbers, z: float = 1.959964) -> Interval:
    """How often a score ranks an inside row above an outside one, with DeLong's interval.

    DeLong et al. 1988, by mid-ranks (Sun and Xu 2014). Half a record is added to the standard
    error, so that a perfect ranking of few rows does not pass for certainty.

    Args:
        inside: (m,) scores of the rows that should rank high; ties count one half.
        outside: (n,) scores of the others.
        z: normal quantile of the interval.

    >>> auc(np.array([3.0, 4.0]), np.array([1.0, 2.0])).value
    1.0
    """
    from scipy.stats import rankdata

    m, n = len(inside), len(outside)
    if m < 2 or n < 2:
        return Interval(float("nan"), float("nan"), float("nan"))
    pooled = rankdata(np.concatenate([inside, outside]))
    above = (pooled[:m] - rankdata(inside)) / n  # (m,): share of outside rows below each
    below = 1 - (pooled[m:] - rankdata(outside)) / m  # (n,): share of inside rows above each
    value = float(above.mean())
    spread = float(np.var(above, ddof=1) / m + np.var(below, ddof=1) / n)
    half = z * sqrt(spread + (0.5 / min(m, n)) ** 2)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def tpr_at(inside: Numbers, outside: Numbers, fpr: float, z: float = 1.959964) -> Interval:
    """The share of inside rows found while `fpr` of the outside rows are accused.

    Read off the empirical ROC by straight lines, which is what a coin tossed among tied rows
    reaches (Carlini et al. 2022). Wilson's interval on the inside rows.

    >>> tpr_at(np.array([1.0, 9.0]), np.arange(8.0), 0.01).value
    0.5...
    """
    if len(inside) < 2 or len(outside) < 2:
        return Interval(float("nan"), float("nan"), float("nan"))
    levels = np.unique(np.concatenate([inside, outside]))[::-1]
    found = 1 - np.searchsorted(np.sort(inside), levels, "left") / len(inside)
    accused = 1 - np.searchsorted(np.sort(outside), levels, "left") / len(outside)
    # np.interp wants one height a step; on a vertical stretch of the ROC that is its top
    keep = np.append(np.diff(accused) > 0, True)
    rate = float(np.interp(fpr, np.append(-1e-12, accused[keep]), np.append(0.0, found[keep])))
    return wilson(rate * len(inside), len(inside), z)


def advantage(inside: Numbers, outside: Numbers, z: float = 1.959964) -> Interval:
    """Share of inside rows accused less share of outside rows accused (Yeom et al. 2018).

    The cut is chosen on one half of the rows and used on the other, both ways round: the best cut
    of the same rows would be flattered by its own choice.
    """
    if len(inside) < 4 or len(outside) < 4:
        return Interval(float("nan"), float("nan"), float("nan"))
    hits_in, hits_out = _crossed(inside, outside, lambda found, accused: found - accused)
    return difference(wilson(hits_in, len(inside), z), wilson(hits_out, len(outside), z))


def f1_excess(inside: Numbers, outside: Numbers, members: float, z: float = 1.959964) -> Interval:
    """How far F1 exceeds that of accusing everybody, as a share of the way to 1.

    (F - N) / (1 - N) with N = 2p / (1 + p): El Emam, Mosquera and Fang 2022, JAMIA Open 5:ooac083.
    F1 alone tells nothing: without any knowledge it is .67 where half of the people are members and
    .89 where four in five are. It is put together from the rates of rows found and of rows falsely
    accused, so how many rows of either kind were tried does not matter. Cross-fitted cut, as in
    `advantage`.

    Args:
        inside: (m,) scores of train rows.
        outside: (n,) scores of others.
        members: p, the share of members among the people whom the attacker asks about.
        z: normal quantile of the interval.

    >>> f1_excess(np.full(10, 5.0), np.arange(5.0), 0.8).value
    1.0
    """
    if len(inside) < 4 or len(outside) < 4:
        return Interval(float("nan"), float("nan"), float("nan"))

    def excess(found: Any, accused: Any) -> Any:
        named = members * found + (1 - members) * accused
        f1, naive = 2 * members * found / (named + members), 2 * members / (1 + members)
        return (f1 - naive) / (1 - naive)

    hits_in, hits_out = _crossed(inside, outside, excess)
    a, c = wilson(hits_in, len(inside), z), wilson(hits_out, len(outside), z)
    value = float(excess(a.value, c.value))
    low = value - np.hypot(value - excess(a.low, c.value), value - excess(a.value, c.high))
    high = value + np.hypot(excess(a.high, c.value) - value, excess(a.value, c.low) - value)
    return capped(Interval(value, float(low), float(high)))


def _crossed(inside: Numbers, outside: Numbers, gain: Gain) -> tuple[int, int]:
    """Inside and outside rows accused, each half by the cut that gains most on the other."""
    hits_in = hits_out = 0
    for half in (0, 1):
        cut = _best_cut(inside[half::2], outside[half::2], gain)
        hits_in += int(np.sum(inside[1 - half :: 2] >= cut))
        hits_out += int(np.sum(outside[1 - half :: 2] >= cut))
    return hits_in, hits_out


def _best_cut(inside: Numbers, outside: Numbers, gain: Gain) -> float:
    levels = np.unique(np.concatenate([inside, outside]))
    found = 1 - np.searchsorted(np.sort(inside), levels, "left") / len(inside)
    accused = 1 - np.searchsorted(np.sort(outside), levels, "left") / len(outside)
    return float(levels[int(np.argmax(gain(found, accused)))])
