"""What differential privacy asks of a schema: every fact public, every value made to fit it.

A bound, a list of categories or a missing flag that was looked up in the rows tells of the rows.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from medsynai.data.dates import is_clock
from medsynai.data.schema import Column, Handling, Kind, Origin, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import SchemaError

HOW = (
    "let `medsynai inspect --private` propose a contract, or write what is publicly known "
    "of each column (categories, or minimum, maximum and decimals; missing) and where it is from "
    '(origin = "standard", "dictionary" or "declared"); see docs/privacy.md'
)


def check_contract(schema: Schema) -> None:
    """Refuse a schema that does not say all that a private model must know beforehand.

    Raises:
        SchemaError: the first columns at fault, what is wrong with them, and how to go on.
    """
    learnt = schema.learnt
    inferred = [c.name for c in schema.columns if c.origin is Origin.INFERRED]
    if inferred:
        raise SchemaError(
            f"the schema of {_few(inferred)} was inferred from the rows themselves, which "
            f"differential privacy does not allow: {HOW}"
        )
    lacking = [c.name for c in schema.columns if _lacks(c)]
    if lacking:
        raise SchemaError(f"the schema does not say what values {_few(lacking)} can have: {HOW}")
    for column in learnt:
        _check_edges(column)


def _lacks(column: Column) -> bool:
    if column.handling is Handling.DROP:
        return False
    if column.kind.is_level:
        return not column.categories
    ends = (column.minimum, column.maximum)
    if column.kind is Kind.DATE:
        return column.date_format is None or (not is_clock(column.date_format) and None in ends)
    return column.kind.is_number and None in (*ends, column.decimals)


def _check_edges(column: Column) -> None:
    if not column.kind.is_number:
        return
    low, high = column.minimum, column.maximum
    if low is None or high is None or not low < high:
        raise SchemaError(f"column {column.name!r}: minimum must lie below maximum")
    inside = [low, *column.edges, high]
    if any(a >= b for a, b in pairwise(inside)):
        raise SchemaError(
            f"column {column.name!r}: edges must ascend, strictly between minimum and maximum"
        )


def _few(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5]))
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def conformed(table: Table) -> Table:
    """The rows with every value made lawful, each by itself: no row is refused or counted.

    A number out of range goes to the bound; a missing value where none may be goes to the minimum,
    or to the first category. What one row holds changes nothing for the others.
    """
    return replace(table, frame=conformed_frame(table.frame, table.schema))


def conformed_frame(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """As `conformed`, of canonical columns."""
    columns = {c.name: _conform(frame[c.name], c) for c in schema.columns}
    return pd.DataFrame(columns, index=frame.index)


def _conform(values: pd.Series, column: Column) -> pd.Series:
    if column.kind.is_number:
        numbers = values.to_numpy("float64", copy=True)
        low = -np.inf if column.minimum is None else column.minimum
        high = np.inf if column.maximum is None else column.maximum
        numbers = np.clip(numbers, low, high)
        if column.kind is Kind.INTEGER:
            numbers = np.rint(numbers)
        if not column.missing:
            numbers = np.where(np.isnan(numbers), low, numbers)
        return pd.Series(numbers, index=values.index, name=values.name)
    if column.kind.is_level and not column.missing and column.categories:
        whole = values.astype(canonical_dtype(column))  # type: ignore[call-overload]
        return whole.fillna(column.categories[0])
    return values
