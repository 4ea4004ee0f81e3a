"""Levels of a category: their natural order, and whether they form a scale."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

NUMBER = r"\d[\d,]*(?:\.\d+)?"
UNIT = r"\s*(?:[kK%]|[a-zA-Z]{1,6})?\s*"
RANGE = re.compile(
    rf"[\[(]?\s*[$€£]?\s*(?P<low>{NUMBER}){UNIT}(?:-|\u2013|\bto\b|,|\.\.|\s)\s*"
    rf"[$€£]?\s*(?P<high>{NUMBER}){UNIT}[\])]?"
)
BELOW = re.compile(
    rf"(?:<=?|≤|under|below|up to|less than)\s*[$€£]?\s*(?P<low>{NUMBER}){UNIT}", re.I
)
ABOVE = re.compile(
    rf"(?:>=?|≥|over|above|more than|more|at least)\s*[$€£]?\s*(?P<low>{NUMBER}){UNIT}"
    rf"|[$€£]?\s*(?P<from>{NUMBER}){UNIT}(?:\+|plus|and over|or more|and older|or older)",
    re.I,
)
PLAIN = re.compile(rf"(?P<low>{NUMBER}){UNIT}")
PIECES = re.compile(r"(\d+)")
MOST = 60  # more levels are codes, even if each looks like a range
COVERED = 0.5  # share of the filled rows that the levels of enough rows must have
SCALES = (
    ("never", "rarely", "sometimes", "often", "always"),
    ("none", "several", "most"),
    ("none", "mild", "moderate", "severe"),
    ("low", "medium", "high"),
    ("low", "normal", "high"),
    ("low", "intermediate", "high"),
    ("small", "medium", "large"),
    ("poor", "fair", "good", "vgood", "excellent"),
    ("poor", "fair", "good", "very good", "excellent"),
    ("i", "ii", "iii", "iv", "v"),
)


def arrange(texts: Iterable[str]) -> tuple[str, ...]:
    """Levels in their natural order: scales and ranges by value, numbers inside words by value.

    >>> arrange(["10", "9", "x10", "x9"])
    ('9', '10', 'x9', 'x10')
    >>> arrange(["[10-20)", "[0-10)", ">=100", "[90-100)"])
    ('[0-10)', '[10-20)', '[90-100)', '>=100')
    >>> arrange(["high", "low", "medium"])
    ('low', 'medium', 'high')
    """
    levels = list(texts)
    scale = _scale_of(levels)
    if scale:
        return tuple(sorted(levels, key=lambda t: scale.index(t.strip().lower())))
    places = [_place(t) for t in levels]
    if _is_range(levels):
        return tuple(t for _, t in sorted(zip(places, levels, strict=True), key=_by_place))
    return tuple(sorted(levels, key=_natural))


def patients_of_levels(codes: np.ndarray, patients: np.ndarray, levels: int) -> np.ndarray:
    """(levels,) different patients who have each level.

    Args:
        codes: (rows,) places of the levels, -1 for missing.
        patients: (rows,) whose row each is, by number from 0.
        levels: how many there are.

    >>> patients_of_levels(np.array([0, 0, 0, 1, -1]), np.array([7, 7, 7, 2, 2]), 3)
    array([1, 1, 0])
    """
    filled, people = codes >= 0, int(patients.max(initial=0)) + 1
    pairs = np.unique(codes[filled].astype(np.int64) * people + patients[filled])
    return np.bincount(pairs // people, minlength=levels)


def variants(texts: Sequence[str]) -> int:
    """How many levels are spelt as another one is, but for capitals and spaces.

    >>> variants(("F", " f", "f", "m"))
    3
    """
    alike = Counter(" ".join(t.split()).casefold() for t in texts)
    return sum(n for n in alike.values() if n > 1)


def owners(codes: np.ndarray, keys: int) -> np.ndarray:
    """(rows,) whose row each is, by number; a row without a key is a patient of its own.

    Args:
        codes: (rows,) place of each row's key, -1 for missing.
        keys: how many keys there are.

    >>> owners(np.array([0, -1, 0, 1, -1]), 2)
    array([0, 2, 0, 1, 3])
    """
    whose, lone = codes.astype(np.int64), codes < 0
    whose[lone] = keys + np.arange(int(lone.sum()))
    return whose


def is_near_identifier(counts: np.ndarray, least: int) -> bool:
    """Whether most filled cells hold a level that fewer than `least` have.

    Args:
        counts: (levels,) patients of each level, or rows where no patient is known.
        least: the number below which a level points to persons.

    >>> is_near_identifier(np.array([1, 2, 1, 1, 3]), 3)
    True
    >>> is_near_identifier(np.array([50, 2]), 3), is_near_identifier(np.array([0]), 3)
    (False, False)
    """
    return bool(counts[counts >= least].sum() < COVERED * counts.sum())


def is_scale(texts: Sequence[str]) -> bool:
    """Whether the levels have an order that their words show: ranges or a known scale.

    >>> is_scale(["<18", "18-64", "65+"]), is_scale(["NO", "<30", ">30"])
    (True, False)
    """
    return len(texts) > 2 and (bool(_scale_of(texts)) or _is_range(texts))


def _scale_of(texts: Sequence[str]) -> tuple[str, ...]:
    words = {t.strip().lower() for t in texts}
    if len(words) < max(3, len(texts)):
        return ()
    return next((s for s in SCALES if words <= set(s)), ())


def _is_range(texts: Sequence[str]) -> bool:
    if any(_place(t) is None for t in texts):
        return False
    plain = sum(PLAIN.fullmatch(t.strip().replace("_", " ")) is not None for t in texts)
    return plain < len(texts) <= MOST


def _by_place(pair: tuple[tuple[float, int] | None, str]) -> tuple[float, int, str]:
    place, text = pair
    return (*(place or (0.0, 0)), text)


def _place(text: str) -> tuple[float, int] | None:
    """Where a range starts, and whether it lies below (-1), at (0) or above (1) that number."""
    text = text.strip().replace("_", " ")
    found = RANGE.fullmatch(text)
    if found:
        low, high = _value(found["low"]), _value(found["high"])
        return (low, 0) if low <= high else None
    if found := PLAIN.fullmatch(text):
        return _value(found["low"]), 0
    if found := BELOW.fullmatch(text):
        return _value(found["low"]), -1
    if found := ABOVE.fullmatch(text):
        return _value(found["low"] or found["from"]), 1
    return None


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _natural(text: str) -> list[tuple[int, float, str]]:
    try:
        return [(0, float(text), "")]
    except ValueError:
        pieces = PIECES.split(text)
        return [(1, 0.0, "")] + [
            (2, float(p), "") if p.isdigit() else (3, 0.0, p.lower()) for p in pieces
        ]
