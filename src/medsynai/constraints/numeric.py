"""Relations between numbers: never above, equal, sum of two."""

from itertools import combinations
from typing import Any

import numpy as np

from medsynai.constraints.evidence import LEAST, MOST_LEVELS, SIDE, SMALL, SURPRISE, Rows
from medsynai.constraints.rules import NEAR, Op, Order, Sum, Test, slack

Array = np.ndarray[Any, Any]
OVERLAP = 0.05  # shuffled, at least this share of rows must break an order for it to say something
VARIED = 10  # different values that a relation between numbers must be shown on


def find_orders(rows: Rows) -> list[Order]:
    """Pairs of numbers of which one is never above the other, though their ranges overlap."""
    few = rows.sampled()
    names = [n for n, v in few.numbers.items() if len(np.unique(v[~np.isnan(v)])) >= 3]
    pairs = set()
    for low in names:
        for high in names:
            if low != high and _seems_below(few, low, high) and _is_below(rows, low, high):
                pairs.add((low, high))
    # Of two columns that are equal wherever both are there, neither order says anything.
    pairs = {(a, b) for a, b in pairs if (b, a) not in pairs}
    middle = {(a, c) for a, b in pairs for b2, c in pairs if b == b2 and _covers(rows, a, b, c)}
    return [Order(a, b) for a, b in sorted(pairs - middle, key=_places(rows))]


def _places(rows: Rows) -> Any:
    place = {n: i for i, n in enumerate(rows.named)}
    return lambda pair: tuple(place[n] for n in pair)


def _seems_below(few: Rows, low: str, high: str) -> bool:
    with np.errstate(invalid="ignore"):
        return not (few.numbers[low] > few.numbers[high]).any()


def _is_below(rows: Rows, low: str, high: str) -> bool:
    """All rows keep the order, and many would not if the columns were shuffled."""
    a, b = rows.numbers[low], rows.numbers[high]
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b, heft = a[both], b[both], rows.heft(both)
    if heft < LEAST or (a > b).any() or not (a < b).any():
        return False
    chance = float(1 - np.searchsorted(np.sort(a), b, side="right").mean() / len(a))
    return chance >= OVERLAP and chance * heft >= SURPRISE


def _covers(rows: Rows, low: str, middle: str, high: str) -> bool:
    """Wherever both ends are there, the middle is too, so that the order follows."""
    ends = ~rows.absent(low) & ~rows.absent(high)
    return not rows.absent(middle)[ends].any()


def find_sums(rows: Rows) -> list[Sum]:
    """Totals of two parts, columns that are equal, and columns that are equal for some level."""
    few = rows.sampled()
    names = list(few.numbers)
    equal = [(a, b) for a, b in combinations(names, 2) if _holds(few, Sum(b, ((a, 1),)), SIDE)]
    twins = [Sum(b, ((a, 1),)) for a, b in equal if _holds(rows, Sum(b, ((a, 1),)), LEAST)]
    same = {b for twin in twins for b in (twin.total,)}
    names = [n for n in names if n not in same]
    return [*twins, *_find_totals(rows, few, names), *_find_equal_where(rows, few, names)]


def _holds(rows: Rows, rule: Sum, least: int) -> bool:
    """Whether all rows that have every number keep the rule, with different values."""
    total, given = rows.numbers[rule.total], _added(rows, rule)
    whole = ~np.isnan(total) & ~np.isnan(given)
    if rows.heft(whole) < least:
        return False
    total, given = total[whole], given[whole]
    room = NEAR * np.maximum(1.0, np.abs(total)) + slack(rows.column(rule.total))
    if (np.abs(total - given) > room).any() or len(np.unique(total)) < VARIED:
        return False
    # Each part must matter in rows enough: x = x + 0 is no sum.
    parts = [rows.numbers[name][whole] for name, _ in rule.parts]
    weight = rows.weight[whole]
    moved = [len(np.unique(p)) >= 3 and weight[p != 0].sum() >= SIDE for p in parts]
    return all(moved)


def _added(rows: Rows, rule: Sum) -> Array:
    given: Array = np.sum([sign * rows.numbers[name] for name, sign in rule.parts], axis=0)
    return given


def _find_totals(rows: Rows, few: Rows, names: list[str]) -> list[Sum]:
    """Every c = a + b, sought on a few rows at a time so that hundreds of pairs cost little."""
    found: list[Sum] = []
    for total in names:
        wanted = few.numbers[total]
        here = np.flatnonzero(~np.isnan(wanted))
        if len(here) < SIDE:
            continue
        others = [n for n in names if n != total]
        values = np.column_stack([few.numbers[n][here] for n in others]) if others else None
        for i, j in _seeming_sums(wanted[here], values) if values is not None else ():
            rule = Sum(total, ((others[i], 1), (others[j], 1)))
            if _holds(few, rule, SIDE) and _holds(rows, rule, LEAST):
                found.append(rule)
    return found


def _seeming_sums(wanted: Array, values: Array) -> list[tuple[int, int]]:
    """Pairs of columns whose sum is the wanted one in the first rows that have all three."""
    width = values.shape[1]
    pairs = np.array(list(combinations(range(width), 2)), dtype=int).reshape(-1, 2)
    seen = np.zeros(len(pairs), dtype=int)
    for start in range(0, min(len(wanted), 1024), 64):
        block, goal = values[start : start + 64], wanted[start : start + 64, None]
        off = np.abs(block[:, pairs[:, 0]] + block[:, pairs[:, 1]] - goal)
        with np.errstate(invalid="ignore"):
            wrong = (off > 0.5 + NEAR * np.abs(goal)).any(axis=0)
        seen = (seen + (~np.isnan(off)).sum(axis=0))[~wrong]
        pairs = pairs[~wrong]
    return [(int(i), int(j)) for (i, j), n in zip(pairs, seen, strict=True) if n >= SIDE]


def _find_equal_where(rows: Rows, few: Rows, names: list[str]) -> list[Sum]:
    """Columns that are equal in all rows of one level, such as the dead, and not in the others."""
    found = []
    pairs = list(combinations(names, 2))
    for given, codes in few.levels.items():
        levels = rows.column(given).categories or ()
        if not 2 <= len(levels) <= MOST_LEVELS or not pairs:
            continue
        for level in range(len(levels)):
            here = np.flatnonzero(codes == level)[:SIDE]
            if len(here) < SIDE:
                continue
            values = {n: few.numbers[n][here] for n in names}
            for a, b in pairs:
                both = ~np.isnan(values[a]) & ~np.isnan(values[b])
                if not both.any() or (values[a] != values[b])[both].any():
                    continue
                test = Test(given, Op.IS, (levels[level],))
                rule = Sum(b, ((a, 1),), test)
                if _is_equal_where(rows, rule, rows.levels[given] == level):
                    found.append(rule)
    return found


def _is_equal_where(rows: Rows, rule: Sum, inside: Array) -> bool:
    a, b = rows.numbers[rule.parts[0][0]], rows.numbers[rule.total]
    both = ~np.isnan(a) & ~np.isnan(b)
    here, there = both & inside, both & ~inside
    if rows.heft(here) < LEAST or (a != b)[here].any() or len(np.unique(a[here])) < VARIED:
        return False
    if len(np.unique(rows.patients[there])) < SMALL:
        return False
    apart = float((a != b)[there].mean())
    return apart * rows.heft(here) >= SURPRISE
