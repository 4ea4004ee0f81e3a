"""Numbers as text and back: what stood in a file, and what is written into one."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from medsynai.data.schema import Column, Kind
from medsynai.data.source import Form, Source

Array = np.ndarray[Any, Any]
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
LIMITED = re.compile(rf"((?:[<>≤≥]=?\s?)?)({NUMBER.pattern})")  # "<0.5"


def parse_numbers(texts: Iterable[str]) -> Array:
    """Texts as float64, NaN for what is not a plain decimal number.

    "nan", "inf", "1_000" and hexadecimal, which Python or Arrow would take, are not numbers.

    >>> parse_numbers(["1.50", " 7", "1e3", ".5", "nan", "1_0"]).tolist()
    [1.5, 7.0, 1000.0, 0.5, nan, nan]
    """
    return np.array([float(t) if NUMBER.fullmatch(t.strip()) else np.nan for t in texts], float)


def round_numbers(values: Array, decimals: int) -> Array:
    """Rounded, except where float64 has no digits left to round: there it would add noise.

    >>> round_numbers(np.array([2.675000001, 7901.1936239999995]), 13).tolist()
    [2.675000001, 7901.1936239999995]
    """
    scaled = np.abs(values) * 10.0**decimals
    return np.where(scaled < 2.0**52, np.round(values, decimals), values)


def write_numbers(values: Any, column: Column, form: Form) -> list[str]:
    """Numbers as the shortest text that gives them back, with the column's decimal places.

    Args:
        values: float64, nothing missing.
        column: its kind and `decimals` say how far a number is rounded.
        form: its `places` says how many decimals stand at least ("11.0").
    """
    values = np.asarray(values, dtype="float64") + 0.0  # no "-0.0"
    if column.kind is Kind.INTEGER and form.places == 0:
        return list(map(str, np.rint(values).astype("int64").tolist()))
    if column.decimals is not None:
        values = round_numbers(values, column.decimals) + 0.0
    words = list(map(repr, values.tolist()))
    if form.places == 0:
        words = [w.removesuffix(".0") for w in words]
    joined = "".join(words)
    if "e" in joined and column.decimals is not None:
        fixed = f".{column.decimals}f"
        words = [_strip(format(float(w), fixed)) if "e" in w else w for w in words]
    if form.places > 1:
        words = [_pad(w, form.places) for w in words]
    return words


def _strip(word: str) -> str:
    """Without zeros at the end of its decimals.

    >>> _strip("0.0000012000"), _strip("1200")
    ('0.0000012', '1200')
    """
    return word.rstrip("0").rstrip(".") if "." in word else word


def _pad(word: str, places: int) -> str:
    """Zeros up to so many decimal places.

    >>> _pad("1.5", 2), _pad("2.0", 2), _pad("1e-07", 2)
    ('1.50', '2.00', '1e-07')
    """
    whole, point, decimals = word.partition(".")
    return f"{whole}.{decimals.ljust(places, '0')}" if point else word


def mark_numbers(words: Sequence[str], source: Source) -> list[str]:
    """Plain numbers with the source's decimal and thousands marks; other words as they are.

    >>> from medsynai.data.source import Format
    >>> mark_numbers(["1234.5", "<0.5", "n/a"], Source(Format.CSV, decimal=",", thousands="."))
    ['1.234,5', '<0,5', 'n/a']
    """
    found = [LIMITED.fullmatch(w) for w in words]
    return [m[1] + _mark(m[2], source) if m else w for m, w in zip(found, words, strict=True)]


def _mark(word: str, source: Source) -> str:
    whole, point, decimals = word.partition(".")
    if source.thousands and whole.lstrip("+-").isdigit():
        whole = f"{int(whole):,}".replace(",", source.thousands)
    return whole + (source.decimal if point else "") + decimals
