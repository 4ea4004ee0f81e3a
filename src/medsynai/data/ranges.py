"""Ranges that may be published: a table's extremes are patients, so they are rounded outward."""

from math import ceil, floor, log10
from typing import Any

import numpy as np

from medsynai.data.levels import patients_of_levels

Array = np.ndarray[Any, Any]

SHARED = (
    11  # what so many patients have is nobody's own: the risk of 1 in 11 that cells are held to
)
STEPS = 20  # about how many lattice steps a range spans


def public_range(values: Array, counts: Array, unit: float = 1.0) -> tuple[float, float]:
    """The least and the greatest value, each rounded outward unless several patients share it.

    The lattice has steps of 1, 2 or 5 times a power of ten, a twentieth to an eighth of the
    range, so two digits of a range are told and no patient's value. A range never crosses 0 by it:
    what was never negative stays so.

    Args:
        values: (n,) the column's values, at least one, none missing.
        counts: (n,) patients of each: thirty stays of one are nobody else's value.
        unit: what values are whole multiples of; a step is at least two units.

    >>> public_range(np.array([18.0, 44.0, 61.0, 101.0]), np.array([1, 300, 200, 1]))
    (15.0, 105.0)
    >>> public_range(np.array([0.0, 0.3, 9.7]), np.array([80, 20, 1]), 0.1)
    (0.0, 10.0)
    """
    low, high = float(values.min()), float(values.max())
    finest = 4 * float(np.spacing(max(abs(low), abs(high))))  # below it no step would be felt
    step, digits = _step(high - low, max(unit, finest))
    if counts[values == low].sum() < SHARED:
        low = _outward(low, step, digits, -1)
    if counts[values == high].sum() < SHARED:
        high = _outward(high, step, digits, 1)
    return low, high


def range_of(values: Array, whose: Array | None = None) -> tuple[float, float]:
    """`public_range` of a column of whole numbers as it stands, NaN where missing.

    Args:
        values: (rows,) the column.
        whose: (rows,) whose row each is, by number; None: each is another's.

    >>> range_of(np.array([3.0, np.nan, 48.0]))
    (0.0, 50.0)
    """
    whose, there = np.arange(len(values)) if whose is None else whose, ~np.isnan(values)
    found, codes = np.unique(values[there], return_inverse=True)
    return public_range(found, patients_of_levels(codes, whose[there], len(found)))


def _step(span: float, unit: float) -> tuple[float, int]:
    """The lattice's step, and the decimals that its points have."""
    wanted = max(span / STEPS, 2 * unit)
    power = floor(log10(wanted))
    part = next(m for m in (1, 2, 5, 10) if m * 10.0**power >= wanted * (1 - 1e-9))
    return part * 10.0**power, max(0, -power)


def _outward(value: float, step: float, digits: int, sign: int) -> float:
    """The lattice point at or beyond a value; `round` gives 0.3 and not 3 * 0.1."""
    place = ceil(value / step) if sign > 0 else floor(value / step)
    while (round(place * step, digits) - value) * sign < 0:  # a quotient may be off by an ulp
        place += sign
    return round(place * step, digits) + 0.0
