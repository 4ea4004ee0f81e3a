"""Fresh keys: the pattern of a column's keys, new ones in it, and rows grouped under them."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from medsynai.deidentify.recipe import Bucket, KeyRule, Pattern

Array = np.ndarray[Any, Any]
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NUMERAL = re.compile(r"(\D*?)(\d{1,15})((?:\D.*)?)", re.DOTALL)
LONG = re.compile(r"[1-9]\d{15,}")
DIGITS = "0123456789"
LEADING = "1234567"  # nineteen digits fit an int64 up to 9.2e18
ALPHABETS = (
    "123456789",
    DIGITS,
    "0123456789abcdef",
    "0123456789ABCDEF",
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
)
ANY = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FEW = 11  # what fewer keys have in common may be about a person
ROOM = 100  # places in a pattern for each key that is drawn, so that keys seldom meet by chance
ENDS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000)


def learn_pattern(values: Sequence[str]) -> Pattern:
    """What these distinct keys look like.

    >>> learn_pattern([f"P-{i:04d}" for i in range(1, 900)])
    Pattern(form='counter', prefix='P-', suffix='', width=4, padded=True, start=900, ...)
    """
    if values and all(UUID.fullmatch(v) for v in values):
        return Pattern("uuid", upper=all(v == v.upper() for v in values))
    if values and all(LONG.fullmatch(v) for v in values):
        # No place is held fixed: with few free places fresh keys would need more digits than fit.
        return Pattern("mixed", alphabets=(LEADING, *[DIGITS] * (max(map(len, values)) - 1)))
    found = [NUMERAL.fullmatch(v) for v in values]
    pieces = {(m[1], m[3]) for m in found if m}
    if values and all(found) and len(pieces) == 1:
        return _numbers([m[2] for m in found if m], *pieces.pop(), many=len(values) >= FEW)
    return Pattern("mixed", alphabets=_alphabets(values))


def _numbers(digits: list[str], prefix: str, suffix: str, many: bool) -> Pattern:
    numbers = [int(d) for d in digits]
    dense = max(numbers) - min(numbers) + 1 <= 1.5 * len(numbers)
    padded = any(d[0] == "0" and len(d) > 1 for d in digits)
    return Pattern(
        "counter" if dense else "number",
        prefix if many else "",
        suffix if many else "",
        width=max(map(len, digits)),
        padded=padded,
        start=_above(max(numbers)),
    )


def _above(number: int) -> int:
    """The next number of one digit and zeros: above it, and telling no more than its first digit.

    >>> _above(9105), _above(443867222), _above(7)
    (10000, 500000000, 10)
    """
    scale: int = 10 ** (len(str(number)) - 1)
    return (number // scale + 1) * scale if number > 9 else 10


def _alphabets(values: Sequence[str]) -> tuple[str, ...]:
    """The characters at each place, of the keys of the commonest length."""
    if not values:
        return (ANY,) * 8
    lengths = [len(v) for v in values]
    length = max(set(lengths), key=lengths.count)
    same = [v for v in values if len(v) == length]
    places = []
    for i in range(length):
        seen = {v[i] for v in same}
        if len(seen) == 1 and len(same) >= FEW and not seen & set(ANY):
            places.append(seen.pop())  # a dash, say
            continue
        if len(seen) == 1 and len(same) >= FEW and len(values) == len(same):
            places.append(seen.pop())  # a prefix of all keys
            continue
        places.append(next((a for a in ALPHABETS if seen <= set(a)), ANY))
    if length > 18 and places[0] in ALPHABETS[:2]:
        places[0] = LEADING
    return tuple(places)


def fresh_keys(pattern: Pattern, n: int, rng: np.random.Generator) -> list[str]:
    """So many different keys of this pattern.

    Numbers begin above every real one; other keys come from a space with room for a hundred times
    as many, widened with digits where the pattern has less.
    """
    if pattern.form == "uuid":
        return [_uuid(rng, pattern.upper) for _ in range(n)]
    if pattern.form == "mixed":
        return _mixed(pattern.alphabets, n, rng)
    if pattern.form == "counter":
        numbers = range(pattern.start + 1, pattern.start + 1 + n)
        return [_spell(pattern, i) for i in numbers]
    end = 10**pattern.width
    while end - pattern.start < 10 * n:
        end *= 10
    return [_spell(pattern, i) for i in _distinct(pattern.start, end, n, rng)]


def _spell(pattern: Pattern, number: int) -> str:
    digits = str(number).zfill(pattern.width) if pattern.padded else str(number)
    return pattern.prefix + digits + pattern.suffix


def _distinct(low: int, high: int, n: int, rng: np.random.Generator) -> list[int]:
    """Different whole numbers in [low, high), in random order."""
    kept: dict[int, None] = {}
    while len(kept) < n:
        kept.update(dict.fromkeys(rng.integers(low, high, n - len(kept)).tolist()))
    return list(kept)


def _uuid(rng: np.random.Generator, upper: bool) -> str:
    """A random UUID of version 4 (RFC 9562)."""
    raw = bytearray(rng.bytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return text.upper() if upper else text


def _mixed(alphabets: tuple[str, ...], n: int, rng: np.random.Generator) -> list[str]:
    room = float(np.prod([float(len(a)) for a in alphabets]))
    while room < ROOM * n:
        alphabets, room = (*alphabets, DIGITS), room * 10
    kept: dict[str, None] = {}
    while len(kept) < n:
        todo = n - len(kept)
        columns = [np.array(list(a))[rng.integers(0, len(a), todo)] for a in alphabets]
        kept.update(dict.fromkeys("".join(c) for c in zip(*columns, strict=True)))
    return list(kept)


def learn_sizes(counts: Array) -> tuple[Bucket, ...]:
    """In how many rows a key stands, in coarse steps; steps of few keys join the step below.

    Args:
        counts: rows of each key.
    """
    if counts.max(initial=1) == 1:
        return ()
    ends = [e for e in ENDS if e < counts.max()]
    while not ends or ends[-1] < counts.max():
        ends.append(next((e for e in ENDS if e >= counts.max()), int(ends[-1] * 2)))
    step = np.searchsorted(ends, counts)
    held = np.bincount(step, minlength=len(ends)).astype(float)
    for i in range(len(held) - 1, 0, -1):
        if 0 < held[i] < FEW:
            held[i - 1], held[i] = held[i - 1] + held[i], 0
    lows = [1, *(e + 1 for e in ends[:-1])]
    total = held.sum()
    return tuple(
        Bucket(low, high, round(float(share / total), 4))
        for low, high, share in zip(lows, ends, held, strict=True)
        if share
    )


def group_rows(
    blocks: Array, sizes: tuple[Bucket, ...], rng: np.random.Generator
) -> tuple[Array, int]:
    """Rows under keys: the group of each row, and the number of groups.

    Args:
        blocks: rows of one group never come from two blocks.
        sizes: in how many rows a key stands; empty for one row a key.
        rng: draws the sizes, and which rows of a block come together.
    """
    n = len(blocks)
    if not sizes:
        return np.arange(n), n
    order = np.lexsort((rng.random(n), blocks))
    share = np.array([b.share for b in sizes])
    pick = rng.choice(len(sizes), n, p=share / share.sum())
    low, high = np.array([b.low for b in sizes])[pick], np.array([b.high for b in sizes])[pick]
    ends = np.cumsum(rng.integers(low, high + 1))
    begins = np.zeros(n, dtype=bool)
    begins[:1] = True
    begins[ends[ends < n]] = True
    sorted_blocks = blocks[order]
    begins[1:] |= sorted_blocks[1:] != sorted_blocks[:-1]
    groups = np.empty(n, dtype=np.int64)
    groups[order] = np.cumsum(begins) - 1
    return groups, int(begins.sum())


def draw_column(rule: KeyRule, blocks: Array, rng: np.random.Generator) -> tuple[pd.Series, Array]:
    """A column of fresh keys as strings (None for absent), and each row's group (-1 for absent)."""
    n = len(blocks)
    there = rng.random(n) >= rule.absent
    groups = np.full(n, -1, dtype=np.int64)
    groups[there], count = group_rows(blocks[there], rule.sizes, rng)
    keys = np.array([*fresh_keys(rule.pattern, count, rng), None], dtype=object)
    return pd.Series(keys[groups], dtype=object), groups
