"""Relations of the form "this follows from that": missing values, and levels from levels."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from medsynai.constraints.evidence import LEAST, MOST_LEVELS, ONE_WAY, SIDE, SMALL, SURPRISE, Rows
from medsynai.constraints.rules import Implies, Op, Test

Array = np.ndarray[Any, Any]


def find_absences(rows: Rows) -> list[Implies]:
    """When a value is missing: by a level, by a whole number, or together with another column.

    A column whose missing values a level explains to the last needs no other rule; for the others
    the condition is named that covers most rows.
    """
    share, few = rows.gone.mean(axis=0), rows.sampled()
    partly = [n for n, s in zip(rows.named, share, strict=True) if 0 < s < 1]
    found: list[Implies] = []
    explained = set()
    for name in partly:
        whole, best = _by_level(rows, few, name)
        if whole:
            found += whole
            explained.add(name)
            continue
        best = max(best, _by_number(rows, few, name), key=lambda c: c[0])
        found += [best[1]] if best[1] else []
    return found + _together(rows, [n for n in partly if n not in explained])


Candidate = tuple[float, Implies | None]  # patients covered, and the rule


def _by_level(rows: Rows, few: Rows, name: str) -> tuple[list[Implies], Candidate]:
    """Rules that explain every missing value by a level, else the levels that explain most."""
    gone = rows.absent(name)
    best: Candidate = (0, None)
    for given, codes in rows.levels.items():
        levels = rows.column(given).categories or ()
        if given == name or not 2 <= len(levels) <= MOST_LEVELS:
            continue
        if not _seems_absent(few.levels[given], few.absent(name), len(levels)):
            continue
        there, weight = codes >= 0, rows.weight
        size = np.bincount(codes[there], weight[there], len(levels))
        kept = np.bincount(codes[there & ~gone], weight[there & ~gone], len(levels))
        lost = np.bincount(codes[there & gone], weight[there & gone], len(levels))
        never, always = (lost == 0) & (size > 0), (kept == 0) & (size > 0)
        if (never | always)[size > 0].all() and there.all():
            sides = size[always].sum(), size[never].sum()
            if min(sides) >= SIDE and sum(sides) >= LEAST:
                rules = [
                    _absent_when(name, Op.MISSING, given, np.flatnonzero(always), levels),
                    _absent_when(name, Op.PRESENT, given, np.flatnonzero(never), levels),
                ]
                return rules, best
        clear = always & (size >= LEAST) & (size * (1 - gone.mean()) >= ONE_WAY)
        covered = float(size[clear].sum())
        if covered > best[0]:
            best = covered, _absent_when(name, Op.MISSING, given, np.flatnonzero(clear), levels)
    return [], best


def _seems_absent(codes: Array, gone: Array, width: int) -> bool:
    """Whether, in a few rows, some level comes with missing values only."""
    there = codes >= 0
    size = np.bincount(codes[there], minlength=width)
    return bool(((np.bincount(codes[there & gone], minlength=width) == size) & (size > 1)).any())


def _absent_when(
    name: str, op: Op, given: str, which: Iterable[int], levels: tuple[str, ...]
) -> Implies:
    return Implies(Test(name, op), Test(given, Op.IS, tuple(levels[int(i)] for i in which)))


def _by_number(rows: Rows, few: Rows, name: str) -> Candidate:
    """The whole number below (or above) which a column is always missing, as for the young."""
    gone = rows.absent(name)
    best: Candidate = (0, None)
    for given, values in rows.numbers.items():
        if given == name or rows.column(given).decimals != 0:
            continue
        some = few.numbers[given]
        known = some[~few.absent(name) & ~np.isnan(some)]
        if not len(known) or not ((some < known.min()) | (some > known.max())).any():
            continue
        told = ~gone & ~np.isnan(values)
        seen, whose = values[told], rows.patients[told]
        if rows.heft(told) < LEAST:
            continue
        for op, edge, side in (
            (Op.BELOW, seen.min(), values < seen.min()),
            (Op.ABOVE, seen.max(), values > seen.max()),
        ):
            covered = rows.heft(side)
            if covered < LEAST or covered <= best[0] or len(np.unique(whose[seen == edge])) < SMALL:
                continue
            # The share elsewhere says how many of these rows would have a value by chance.
            if covered * (1 - gone[~side].mean()) >= ONE_WAY:
                test = Test(given, op, (f"{int(edge)}",))
                best = covered, Implies(Test(name, Op.MISSING), test)
    return best


def _together(rows: Rows, names: list[str]) -> list[Implies]:
    """Columns that are missing together: equal patterns, and patterns inside another."""
    if len(names) < 2:
        return []
    gone = np.column_stack([rows.absent(n) for n in names]).astype(np.float32)
    both = gone.T @ gone
    inside = both == np.diag(both)[:, None]  # [i, j]: wherever i is missing, j is
    lost, total = rows.weight @ gone, float(rows.weight.sum())
    first = {i: int(np.flatnonzero(inside[i] & inside[:, i])[0]) for i in range(len(names))}
    found = []
    for i, j in first.items():
        if i != j and _tells(float(lost[i]), float(lost[i]), total, equal=True):
            found += [_both(names, i, j, Op.MISSING), _both(names, i, j, Op.PRESENT)]
    heads = sorted(set(first.values()))
    for j in heads:
        under = [i for i in heads if i != j and inside[i, j] and not inside[j, i]]
        # Of nested patterns only the widest inside: the others follow from it.
        top = [i for i in under if not any(inside[i, k] for k in under if k != i)]
        found += [
            _both(names, j, i, Op.MISSING)
            for i in top
            if _tells(float(lost[i]), float(lost[j]), total, equal=False)
        ]
    return found


def _tells(missing: float, partner: float, total: float, equal: bool) -> bool:
    """Whether enough patients lack the one column, and would not lack the other by chance."""
    chance = missing * (1 - partner / total)
    if equal:
        return missing >= SIDE and total >= LEAST and chance >= SURPRISE
    return missing >= LEAST and chance >= ONE_WAY


def _both(names: list[str], then: int, when: int, op: Op) -> Implies:
    return Implies(Test(names[then], op), Test(names[when], op))


def find_levels(rows: Rows) -> list[Implies]:
    """Levels, and fixed numbers, that follow from a level of another column."""
    few = rows.sampled()
    found: list[Implies] = []
    coded = few.levels | {n: _as_codes(v) for n, v in few.numbers.items()}
    for given, codes in few.levels.items():
        levels = rows.column(given).categories or ()
        if not 2 <= len(levels) <= MOST_LEVELS:
            continue
        for name in rows.named:
            if name == given:
                continue
            if not _is_mixed(codes, coded[name], len(levels)):
                found += _follow(rows, name, given, levels)
    return found


def _as_codes(values: Array) -> Array:
    codes = np.unique(values, return_inverse=True)[1].astype(np.int64)
    codes[np.isnan(values)] = -1
    return codes


def _range_by(codes: Array, target: Array, width: int) -> tuple[Array, Array, Array]:
    """For each level: the lowest and highest target code, and the number of rows."""
    low, high = np.full(width, np.iinfo(np.int64).max), np.full(width, -2)
    there = codes >= 0
    np.minimum.at(low, codes[there], target[there])
    np.maximum.at(high, codes[there], target[there])
    return low, high, np.bincount(codes[there], minlength=width)


def _is_mixed(codes: Array, target: Array, width: int) -> bool:
    """Whether no level that is frequent enough to matter has just one target value."""
    low, high, size = _range_by(codes, target, width)
    return not ((low == high) & (size >= 5)).any()


def _follow(rows: Rows, name: str, given: str, levels: tuple[str, ...]) -> list[Implies]:
    """`name = value when given in (levels)`, for each value that some levels fix."""
    codes = rows.levels[given]
    is_level = name in rows.levels
    target = rows.levels[name] if is_level else _as_codes(rows.numbers[name])
    low, high, _ = _range_by(codes, target, len(levels))
    there = codes >= 0
    size = np.bincount(codes[there], rows.weight[there], len(levels))
    fixed = (low == high) & (low >= 0)
    share = np.bincount(target[target >= 0], minlength=1) / max(len(target), 1)
    chance = np.zeros(len(levels))
    chance[fixed] = size[fixed] * (1 - share[low[fixed]])
    whole = bool(fixed[size > 0].all()) and size.sum() >= LEAST
    enough = fixed & (size >= (SIDE if whole else LEAST))
    enough &= chance >= (SURPRISE if whole else ONE_WAY)
    found = []
    for value in np.unique(low[enough]):
        which = np.flatnonzero(enough & (low == value))
        if is_level:
            word = (rows.column(name).categories or ())[int(value)]
        else:
            word = _spell(float(np.unique(rows.numbers[name])[int(value)]))
        when = Test(given, Op.IS, tuple(levels[int(i)] for i in which))
        found.append(Implies(Test(name, Op.IS, (word,)), when))
    return found


def _spell(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def without_echoes(rules: list[Implies], rows: Rows) -> list[Implies]:
    """The rules less those that an earlier one says the other way round.

    "death = 1 when chapter = 'heart'" follows from "chapter is missing when death = 0", as death
    is 0 or 1 and never missing.
    """
    kept: list[Implies] = []
    for rule in rules:
        if not any(_echoes(rule, other, rows) for other in kept):
            kept.append(rule)
    return kept


def _echoes(rule: Implies, other: Implies, rows: Rows) -> bool:
    column = rule.then.column
    if (column, rule.when.column) != (other.when.column, other.then.column):
        return False
    if rule.then.op is not Op.IS or other.when.op is not Op.IS or column not in rows.levels:
        return False
    rest = set(rows.column(column).categories or ()) - set(other.when.values)
    if rest != set(rule.then.values) or rows.absent(column).any() or rule.when.op is not Op.IS:
        return False
    return other.then.op is Op.MISSING or not set(rule.when.values) & set(other.then.values)
