"""Numbers that look like codes for "unknown": reported to a person, never altered."""

import re
from typing import Any

import numpy as np

from medsynai.data.facts import Facts
from medsynai.data.names import phrase
from medsynai.data.schema import Column

Array = np.ndarray[Any, Any]
CODES = frozenset((-1, -9, -99, -999, -9999, 99, 98, 999, 998, 9999, 99999, 999999, 65526, 65535))
LEAST = 3  # a value of fewer patients is an outlier, not a code
# A living person has none of these at zero.
NEVER_ZERO = re.compile(
    r".*\b(glucose|blood pressure|bp|sbp|dbp|bmi|body mass index|skin thickness|insulin|height"
    r"|weight|heart rate|hr|hrt|pulse|temp|temperature|haemoglobin|hemoglobin|sodium|potassium"
    r"|cholesterol|creatinine|platelets?|meanbp|map)\b.*"
)


def odd_numbers(facts: Facts, column: Column) -> tuple[str, ...]:
    """Values that lie apart from the rest and come back, as text, lowest first.

    A value counts if it is the lowest or highest, three patients or more have it, and is impossible
    (a negative among positives, a zero of something that is never zero) or far from the rest:
    beyond the range of the others, or a customary code beyond a clear gap.
    """
    order = np.argsort(facts.numbers)
    values, counts = facts.numbers[order], facts.patients[order]
    if len(values) < 6:
        return ()
    found = []
    low, high = _is_low(values, counts, column.name), _is_high(values, counts)
    if low:
        found.append(values[0])
    if high:
        found.append(values[-1])
    return tuple(_spell(v) for v in found)


def _is_low(values: Array, counts: Array, name: str) -> bool:
    first, rest = values[0], values[1:]
    if counts[0] < LEAST:
        return counts[0] == 2 and first == 0 and _never_zero(name, rest)
    if first < 0 <= rest[0]:
        return True
    if first == 0 and _never_zero(name, rest):
        return True
    gap, step = rest[0] - first, float(np.median(np.diff(rest)))
    if gap > rest[-1] - rest[0]:
        return True
    return first == 0 and len(values) > 20 and gap >= 10 * step and gap >= 0.25 * np.median(rest)


def _never_zero(name: str, rest: Array) -> bool:
    return rest[0] > 0 and NEVER_ZERO.fullmatch(phrase(name)) is not None


def _is_high(values: Array, counts: Array) -> bool:
    last, rest = values[-1], values[:-1]
    if counts[-1] < LEAST:
        return False
    gap, step = last - rest[-1], float(np.median(np.diff(rest)))
    if gap > rest[-1] - rest[0]:
        return True
    return last in CODES and gap >= 5 * step


def _spell(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
