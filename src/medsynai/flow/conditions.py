"""Conditions as a person types them: `sex=female`, `age>=70`, `age=60..80`, `race=white|black`."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np

from medsynai.data.schema import Column, Kind, Schema
from medsynai.errors import ConditionError
from medsynai.generator import Condition, Wanted

_OPERATOR = re.compile(r"\s*(>=|<=|=|>|<)\s*")
_SHOWN = 20


def parse_conditions(texts: Iterable[str], schema: Schema) -> Condition:
    """All conditions together; two on one column of numbers are both met (`age>=60`, `age<80`).

    Raises:
        ConditionError: text that cannot be read, an unknown column or level, an empty range.

    >>> s = Schema((Column("age", Kind.INTEGER, minimum=18, maximum=99, decimals=0),))
    >>> parse_conditions(["age>=60", "age<80"], s).wanted
    (Wanted(column='age', levels=None, low=60.0, high=79.0),)
    """
    merged: dict[str, Wanted] = {}
    for text in texts:
        wanted = parse_condition(text, schema)
        before = merged.get(wanted.column)
        merged[wanted.column] = _both(before, wanted, schema) if before else wanted
    return Condition(tuple(merged.values()))


def parse_condition(text: str, schema: Schema) -> Wanted:
    """One condition.

    Raises:
        ConditionError: as `parse_conditions`.
    """
    column, operator, asked = _parts(text, schema)
    if column.kind.is_level:
        return _levels(column, operator, asked)
    if column.kind.is_number:
        return _range(column, operator, asked)
    raise ConditionError(
        f"column {column.name!r} holds {column.kind.value}s and cannot be conditioned on"
    )


def _parts(text: str, schema: Schema) -> tuple[Column, str, str]:
    # longest name first: a column's own name may hold an operator
    for name in sorted(schema.names, key=len, reverse=True):
        match = _OPERATOR.match(text, len(name)) if text.startswith(name) else None
        if match:
            return schema[name], match.group(1), text[match.end() :].strip()
    match = _OPERATOR.search(text)
    if not match:
        raise ConditionError(
            f"cannot read the condition {text!r}; write column=level, column>=number or "
            "column=low..high"
        )
    raise ConditionError(_unknown_column(text[: match.start()].strip(), schema))


def _unknown_column(name: str, schema: Schema) -> str:
    near = get_close_matches(name, schema.names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"columns: {', '.join(schema.names)}"
    return f"condition on column {name!r}, which is not in the data (or not learnt); {hint}"


def _levels(column: Column, operator: str, asked: str) -> Wanted:
    allowed = column.categories or ()
    if operator != "=":
        ordered = column.kind is Kind.ORDINAL and asked in allowed
        if not ordered:
            raise ConditionError(
                f"column {column.name!r} has levels: write {column.name}=one|two; "
                f"allowed: {_shown(allowed)}"
            )
        at = allowed.index(asked)
        start = at + (operator == ">") if operator[0] == ">" else 0
        stop = at + (operator == "<=") if operator[0] == "<" else len(allowed)
        chosen = allowed[start:stop]
        if not chosen:
            raise ConditionError(f"column {column.name!r} has no level {operator} {asked!r}")
        return Wanted(column.name, levels=chosen)
    # a level's own name may hold the bar
    wanted = (asked,) if asked in allowed else tuple(part.strip() for part in asked.split("|"))
    unknown = [level for level in wanted if level not in allowed]
    if unknown:
        near = get_close_matches(unknown[0], allowed, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConditionError(
            f"column {column.name!r} has no level {unknown[0]!r}; {hint}allowed: {_shown(allowed)}"
        )
    return Wanted(column.name, levels=tuple(dict.fromkeys(wanted)))


def _shown(levels: tuple[str, ...]) -> str:
    more = f", ... ({len(levels)} in all)" if len(levels) > _SHOWN else ""
    return ", ".join(levels[:_SHOWN]) + more


def _range(column: Column, operator: str, asked: str) -> Wanted:
    low, high = -np.inf, np.inf
    if operator == "=":
        first, dots, last = asked.partition("..")
        low = _number(column, first, -np.inf) if dots else _number(column, first)
        high = _number(column, last, np.inf) if dots else low
    elif operator[0] == ">":
        low = _number(column, asked)
        low = low if operator == ">=" else _beyond(column, low, 1)
    else:
        high = _number(column, asked)
        high = high if operator == "<=" else _beyond(column, high, -1)
    return _within(column, low, high)


def _number(column: Column, text: str, blank: float | None = None) -> float:
    if not text.strip() and blank is not None:
        return blank
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise ConditionError(
            f"column {column.name!r} holds numbers: write {column.name}>=number or "
            f"{column.name}=low..high; {_runs(column)}"
        )
    return number


def _beyond(column: Column, number: float, sign: int) -> float:
    """The next number of the column's lattice above (+1) or below (-1)."""
    decimals = 0 if column.kind is Kind.INTEGER else column.decimals
    if decimals is None:
        return float(np.nextafter(number, sign * np.inf))
    step = 10.0**-decimals
    at = number / step
    near = np.floor(at + 1e-9) + 1 if sign > 0 else np.ceil(at - 1e-9) - 1
    return float(np.round(near * step, decimals))


def _within(column: Column, low: float, high: float) -> Wanted:
    bottom = -np.inf if column.minimum is None else column.minimum
    top = np.inf if column.maximum is None else column.maximum
    if low > high or low > top or high < bottom:
        raise ConditionError(f"column {column.name!r} has no such values; {_runs(column)}")
    return Wanted(
        column.name,
        low=float(low) if np.isfinite(low) else None,
        high=float(high) if np.isfinite(high) else None,
    )


def _runs(column: Column) -> str:
    if column.minimum is None or column.maximum is None:
        return "its range is not in the schema"
    return f"it runs from {column.minimum:.10g} to {column.maximum:.10g}"


def _both(one: Wanted, two: Wanted, schema: Schema) -> Wanted:
    column = schema[one.column]
    if one.levels is not None and two.levels is not None:
        common = tuple(level for level in one.levels if level in two.levels)
        if not common:
            raise ConditionError(f"the conditions on column {column.name!r} exclude each other")
        return Wanted(column.name, levels=common)
    low = max(x for x in (one.low, two.low, -np.inf) if x is not None)
    high = min(x for x in (one.high, two.high, np.inf) if x is not None)
    if low > high:
        raise ConditionError(f"the conditions on column {column.name!r} exclude each other")
    return _within(column, low, high)
