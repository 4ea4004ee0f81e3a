"""The nearest lawful rows: checks rules and ranges, and mends only the rows that break them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from medsynai.constraints.rules import Implies, Mask, Op, Order, Rule, Sum, Test
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.deidentify.dates import unit_of

Array = np.ndarray[Any, Any]
PASSES = 8  # mending one rule may break another; after so many turns a lawful row is copied


@dataclass(frozen=True)
class Repaired:
    """Lawful rows.

    Attributes:
        counts: for each rule, how many rows broke it before; for ranges, under "range: column".
        copied: rows that no small change made lawful and that became a copy of the lawful row
            that differs in the fewest cells.
        left: rows still unlawful: there was no lawful row to copy.
    """

    table: Table
    counts: dict[str, int]
    copied: int = 0
    left: int = 0


def check(table: Table, rules: Sequence[Rule]) -> dict[str, int]:
    """For each rule, as text, how many rows break it."""
    return {str(r): int(r.broken(table.frame, table.schema).sum()) for r in rules}


def repair(table: Table, rules: Sequence[Rule], schema: Schema) -> Repaired:
    """Take every row to a lawful one near it.

    Rows that keep all rules and ranges are not touched, and a second repair changes nothing. What
    is set keeps the column's decimal places. A value that must be there is taken from another row
    that meets the rule, so that what is filled in is distributed as in the rows that needed none.

    Args:
        table: synthetic rows.
        rules: from `parse`.
        schema: with the ranges and decimal places of the columns.
    """
    frame, counts = _within_ranges(table.frame, schema)
    broken = [rule.broken(frame, schema) for rule in rules]
    counts |= {str(r): int(m.sum()) for r, m in zip(rules, broken, strict=True) if m.any()}
    bad = np.any(broken, axis=0) if broken else np.zeros(len(frame), dtype=bool)
    if not bad.any():
        return Repaired(Table(frame, table.schema, table.origin), counts)
    lawful = frame[~bad]
    part = frame[bad].copy()
    for _ in range(PASSES):
        still = False
        for rule in rules:
            hit = rule.broken(part, schema)
            if hit.any():
                still = True
                _mend(part, rule, hit, lawful, schema)
        if not still:
            break
    stuck = _breaking(part, rules, schema)
    copied, left = 0, int(stuck.sum())
    models = pd.concat([lawful, part[~stuck]]) if left else lawful
    if left and len(models):
        _copy_nearest(part, stuck, frame[bad], models)
        copied, left = left, 0
    elif left:
        for name in part:
            _set(part, stuck, str(name), frame[name].array[bad][stuck])
    frame = _put(frame, bad, part)
    return Repaired(Table(frame, table.schema, table.origin), counts, copied, left)


def _breaking(part: pd.DataFrame, rules: Sequence[Rule], schema: Schema) -> Mask:
    """Rows that break a rule, or that mending took out of a range."""
    found: Mask = np.any([rule.broken(part, schema) for rule in rules], axis=0)
    for column in schema.columns:
        if column.name in part and column.kind.is_number:
            found |= _outside(part[column.name].to_numpy("float64"), column)
    return found


def _outside(values: Array, column: Column) -> Mask:
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    with np.errstate(invalid="ignore"):
        found: Mask = (values < low) | (values > high)
    return found


def _within_ranges(frame: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, dict[str, int]]:
    """The frame with numbers set to their bounds where they lie beyond, and how many were."""
    counts, changed = {}, {}
    for column in schema.columns:
        if not column.kind.is_number or column.name not in frame:
            continue
        values = frame[column.name].to_numpy("float64")
        out = _outside(values, column)
        if out.any():
            counts[f"range: {column.name}"] = int(out.sum())
            changed[column.name] = np.clip(values, column.minimum, column.maximum)
    return (frame.assign(**changed) if changed else frame), counts


def _put(frame: pd.DataFrame, bad: Mask, part: pd.DataFrame) -> pd.DataFrame:
    """The frame with these rows in the place of the bad ones, dtypes kept."""
    place = np.arange(len(frame))
    place[bad] = len(frame) + np.arange(int(bad.sum()))
    whole = pd.concat([frame, part], ignore_index=True)
    return whole.iloc[place].set_axis(frame.index)


def _mend(part: pd.DataFrame, rule: Rule, hit: Mask, lawful: pd.DataFrame, schema: Schema) -> None:
    """Change the rows in `hit` so that they keep one rule."""
    match rule:
        case Implies(then, when):
            _set(part, hit, then.column, _consequent(then, when, int(hit.sum()), lawful, schema))
        case Order():
            _mend_order(part, rule, hit, schema)
        case Sum():
            _mend_sum(part, rule, hit, schema)


def _set(part: pd.DataFrame, hit: Mask, name: str, values: Any) -> None:
    column = part[name].array.copy()
    column[hit] = values
    part[name] = column


def _consequent(then: Test, when: Test, n: int, lawful: pd.DataFrame, schema: Schema) -> Any:
    """What the tested column is set to in `n` rows, so that `then` holds."""
    column = schema[then.column]
    if then.op is Op.MISSING:
        return None if column.kind.is_level else np.nan
    if then.op.is_bound:
        return _bound(then, column)
    if then.op is Op.IS and len(then.values) == 1:
        return then.values[0] if column.kind.is_level else float(then.values[0])
    good = then.holds(lawful)
    both = np.flatnonzero(good & when.holds(lawful))
    pool = both if len(both) else np.flatnonzero(good)
    if len(pool):
        # Spread over the pool: the rows are in no order, so this is a fair draw without a seed.
        return lawful[then.column].array[pool[np.arange(n) * len(pool) // n]]
    return _any_value(then, column)


def _any_value(then: Test, column: Column) -> Any:
    """A value that passes the test, where no lawful row shows one."""
    if column.kind.is_level:
        allowed = [c for c in column.categories or () if (c in then.values) is (then.op is Op.IS)]
        some = allowed if then.values else list(column.categories or ())
        return some[len(some) // 2] if some else None
    if then.op is Op.IS:
        return float(then.values[0])
    middle = ((column.minimum or 0.0) + (column.maximum or 0.0)) / 2
    middle = float(round(middle, _decimals(column) or 0))
    return middle + _step(column) if str(middle) in then.values else middle


def _bound(then: Test, column: Column) -> float:
    bound = float(then.values[0])
    if then.op in (Op.AT_MOST, Op.BELOW):
        return float(_floor(np.array([bound]), column, then.op is Op.BELOW)[0])
    return float(-_floor(np.array([-bound]), column, then.op is Op.ABOVE)[0])


def _decimals(column: Column) -> int | None:
    return 0 if column.kind is Kind.INTEGER else column.decimals


def _step(column: Column) -> float:
    """The smallest step between two values of a column."""
    decimals = _decimals(column)
    return 10.0**-decimals if decimals is not None else 1e-9


def _floor(values: Array, column: Column, strict: bool) -> Array:
    """The highest values with the column's decimals at or (strictly) below these."""
    decimals = _decimals(column)
    if decimals is None:
        return np.nextafter(values, -np.inf) if strict else values
    rounded = np.round(values, decimals)
    over = rounded >= values if strict else rounded > values
    return np.round(np.where(over, rounded - _step(column), rounded), decimals)


def _mend_order(part: pd.DataFrame, rule: Order, hit: Mask, schema: Schema) -> None:
    """The low one comes down to the high one; where its range ends before, the high one rises."""
    low, high = schema[rule.low], schema[rule.high]
    if low.kind is Kind.DATE:
        step = np.timedelta64(unit_of(low).microseconds if rule.strict else 0, "us")
        _set(part, hit, rule.low, part[rule.high].to_numpy("datetime64[us]")[hit] - step)
        return
    lower, upper = (part[n].to_numpy("float64")[hit] for n in rule.columns)
    down = _floor(upper, low, rule.strict)
    up = -_floor(-lower, high, rule.strict)
    fits = ~_outside(down, low)
    _set(part, hit, rule.low, np.where(fits, down, lower))
    _set(part, hit, rule.high, np.where(fits, upper, up))


def _mend_sum(part: pd.DataFrame, rule: Sum, hit: Mask, schema: Schema) -> None:
    """The total becomes what the parts give; where its range ends, the largest part moves too."""
    column = schema[rule.total]
    given = rule.added(part)[hit]
    total = _rounded(np.clip(_rounded(given, column), column.minimum, column.maximum), column)
    _set(part, hit, rule.total, total)
    excess = given - total
    if not rule.broken(part, schema).any():
        return
    names = [name for name, _ in rule.parts]
    largest = np.argmax(np.abs(part[names].to_numpy("float64")[hit]), axis=1)
    for i, (name, sign) in enumerate(rule.parts):
        own = part[name].to_numpy("float64")[hit]
        moved = _rounded(own - sign * excess, schema[name])
        _set(part, hit, name, np.where((largest == i) & (excess != 0), moved, own))


def _rounded(values: Array, column: Column) -> Array:
    decimals = _decimals(column)
    return values if decimals is None else np.round(values, decimals)


def _copy_nearest(
    part: pd.DataFrame, stuck: Mask, before: pd.DataFrame, lawful: pd.DataFrame
) -> None:
    """Each stuck row becomes the lawful row that differs from it in the fewest cells."""
    some = lawful.iloc[:: max(1, len(lawful) // 2000)]
    codes = {}
    for name in part:
        both = pd.concat([some[name], before[name]])
        codes[name] = pd.factorize(both)[0]
    known = np.column_stack([c[: len(some)] for c in codes.values()])
    asked = np.column_stack([c[len(some) :] for c in codes.values()])[stuck]
    pick = np.array([int((known != row).sum(axis=1).argmin()) for row in asked])
    for name in part:
        _set(part, stuck, str(name), some[name].array[pick])
