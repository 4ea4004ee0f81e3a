"""Rules between columns: what they say, which rows break them, and how they are written.

- order: `slos <= d.time`
- sum: `total = part + other - third`, also `a = b`; with a condition: `slos = d.time when died = 1`
- implication: `chapter is missing when death = 0`, `dose = 0 when treated in ('no', 'stopped')`

A missing value breaks no order, sum, bound or `!=`; it does break `=` and `is present`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.schema import Column, Kind, Schema
from medsynai.errors import SchemaError

Mask = np.ndarray[Any, np.dtype[np.bool_]]
BARE = re.compile(r"[^\s()<>=!,'\"`+-][^\s()<>=!,'\"`]*")
KEYWORDS = frozenset(("is", "when", "in", "missing", "present"))
NEAR = 1e-9  # numbers closer than this share of their size are equal


class Op(StrEnum):
    """How a test compares."""

    IS = "="
    IS_NOT = "!="
    AT_MOST = "<="
    BELOW = "<"
    AT_LEAST = ">="
    ABOVE = ">"
    MISSING = "missing"
    PRESENT = "present"

    @property
    def is_bound(self) -> bool:
        """Whether it bounds a number."""
        return self in (Op.AT_MOST, Op.BELOW, Op.AT_LEAST, Op.ABOVE)


@dataclass(frozen=True)
class Test:
    """A question to one column. Missing values fail every test but `is missing`."""

    __test__ = False  # not one of pytest's

    column: str
    op: Op
    values: tuple[str, ...] = ()

    def holds(self, frame: pd.DataFrame) -> Mask:
        """Which rows pass."""
        cells = frame[self.column]
        gone = cells.isna().to_numpy()
        if self.op is Op.MISSING:
            return gone
        if self.op is Op.PRESENT:
            return ~gone
        if self.op.is_bound:
            return _compare(cells.to_numpy("float64"), self.op, float(self.values[0]))
        if isinstance(cells.dtype, pd.CategoricalDtype):
            same = np.isin(cells.cat.codes, cells.cat.categories.get_indexer(pd.Index(self.values)))
        else:
            same = np.isin(cells.to_numpy("float64"), [float(v) for v in self.values])
        return (same if self.op is Op.IS else ~same) & ~gone

    def __str__(self) -> str:
        name = quote(self.column)
        if self.op in (Op.MISSING, Op.PRESENT):
            return f"{name} is {self.op.value}"
        values = [quote(v, name=False) for v in self.values]
        if len(values) > 1:
            return f"{name} in ({', '.join(values)})"
        return f"{name} {self.op.value} {values[0]}"


@dataclass(frozen=True)
class Order:
    """`low` is never above `high` (below it, if `strict`)."""

    low: str
    high: str
    strict: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        return self.low, self.high

    def broken(self, frame: pd.DataFrame, schema: Schema) -> Mask:
        """Which rows break it."""
        low, high = frame[self.low].to_numpy(), frame[self.high].to_numpy()
        found: Mask = low >= high if self.strict else low > high
        return found

    def __str__(self) -> str:
        return f"{quote(self.low)} {'<' if self.strict else '<='} {quote(self.high)}"


@dataclass(frozen=True)
class Sum:
    """`total` is the sum of its parts, each with its sign, to the total's decimal places.

    Attributes:
        when: the rows it holds for; None for all.
    """

    total: str
    parts: tuple[tuple[str, int], ...]
    when: Test | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        own = (self.total, *(name for name, _ in self.parts))
        return own if self.when is None else (*own, self.when.column)

    def added(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        """What the parts give, NaN where one is missing."""
        terms = [sign * frame[name].to_numpy("float64") for name, sign in self.parts]
        given: np.ndarray[Any, Any] = np.sum(terms, axis=0)
        return given

    def broken(self, frame: pd.DataFrame, schema: Schema) -> Mask:
        """Which rows break it."""
        total, given = frame[self.total].to_numpy("float64"), self.added(frame)
        room = NEAR * np.maximum(1.0, np.abs(total)) + slack(schema[self.total])
        with np.errstate(invalid="ignore"):
            found: Mask = np.abs(total - given) > room
        return found if self.when is None else found & self.when.holds(frame)

    def __str__(self) -> str:
        first, *rest = self.parts
        text = f"{quote(self.total)} = {'- ' if first[1] < 0 else ''}{quote(first[0])}"
        text += "".join(f" {'+' if sign > 0 else '-'} {quote(name)}" for name, sign in rest)
        return text if self.when is None else f"{text} when {self.when}"


@dataclass(frozen=True)
class Implies:
    """Where `when` holds, `then` must."""

    then: Test
    when: Test

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        return self.then.column, self.when.column

    def broken(self, frame: pd.DataFrame, schema: Schema) -> Mask:
        """Which rows break it."""
        found = self.when.holds(frame) & ~self.then.holds(frame)
        if self.then.op.is_bound or self.then.op is Op.IS_NOT:
            found &= frame[self.then.column].notna().to_numpy()
        return found

    def __str__(self) -> str:
        return f"{self.then} when {self.when}"


Rule = Order | Sum | Implies


def slack(column: Column) -> float:
    """How far rounding alone may move a number of this column."""
    if column.kind is Kind.INTEGER:
        return 0.0
    return 0.5 * 10.0**-column.decimals if column.decimals is not None else 0.0


def quote(word: str, name: bool = True) -> str:
    """A name or value as it stands in a rule: bare where that is clear, else in quotes.

    >>> quote("d.time"), quote("flc grp"), quote("no", name=False), quote("0", name=False)
    ('d.time', '"flc grp"', "'no'", '0')

    Raises:
        SchemaError: a word that holds all three kinds of quotes.
    """
    if name and BARE.fullmatch(word) and word not in KEYWORDS:
        return word
    if not name and re.fullmatch(r"-?\d+(\.\d+)?", word):
        return word
    for mark in ('"', "'", "`") if name else ("'", '"', "`"):
        if mark not in word:
            return f"{mark}{word}{mark}"
    raise SchemaError("a rule cannot name a word that holds ', \" and ` together")


def _compare(cells: np.ndarray[Any, Any], op: Op, bound: float) -> Mask:
    match op:
        case Op.AT_MOST:
            return cells <= bound
        case Op.BELOW:
            return cells < bound
        case Op.AT_LEAST:
            return cells >= bound
        case _:
            return cells > bound
