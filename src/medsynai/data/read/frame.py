"""pandas frames: what a column holds is made plain, and how it was held is noted."""

from collections.abc import Hashable
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from medsynai.data.read.dialect import DELIMITERS, NAMED
from medsynai.data.source import MIXED, Form, Format, Raw, Source
from medsynai.errors import ReadError

PLAIN_KINDS = "biufMOTSU"
SPELT = (Format.FRAME, Format.SQL, Format.PARQUET)  # statistics files know no whole numbers
HELD: dict[type, str] = {bool: "bool", int: "int", float: "float", time: "time"}


def read(frame: pd.DataFrame, format: Format = Format.FRAME) -> Raw:
    """A frame; an index with a name, or of texts, becomes columns.

    Raises:
        ReadError: no rows or columns, names that are not text or whole numbers, duplicate names,
            or columns of values that are not scalars.
    """
    if isinstance(frame.columns, pd.MultiIndex):
        raise ReadError("the frame's column names have several levels; flatten them into one")
    frame, index, notes = _index_to_columns(frame)
    if not len(frame.columns):
        raise ReadError("the table has no columns")
    if not len(frame):
        raise ReadError("the table has column names but no rows")
    header = tuple(_heading(n) for n in frame.columns)
    source = Source(format, header)
    names = source.names
    _refuse_hidden_delimiter(frame, names)
    columns, forms = {}, {}
    for place, name in enumerate(names):
        columns[name], form = simplify(frame.iloc[:, place], name)
        decimal = columns[name].dtype.kind == "f" and format in SPELT and not form.places
        forms[name] = replace(form, places=1) if decimal else form  # as text, 3.0 is not 3
    plain = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)), copy=False)
    source = Source(format, header, index=names[:index]).forming(forms)
    return Raw(plain, source, notes)


def _index_to_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame, int, tuple[str, ...]]:
    """The frame with a plain index, how many columns came from the index, and notes."""
    index = frame.index
    if isinstance(index, pd.RangeIndex) and index.name is None:
        return frame, 0, ()
    if index.nlevels == 1 and index.name is None and index.dtype.kind in "iu":
        note = "the frame's nameless row numbers were left out; name the index to keep it"
        return frame.reset_index(drop=True), 0, (note,)
    levels = pd.DataFrame(
        {i: index.get_level_values(i) for i in range(index.nlevels)}, index=index
    ).reset_index(drop=True)
    names = ["" if n is None else n for n in index.names]
    joined = pd.concat([levels, frame.reset_index(drop=True)], axis=1)
    joined.columns = pd.Index([*names, *frame.columns], dtype=object)
    return joined, index.nlevels, ("the frame's row index is read as columns",)


def _heading(name: Hashable) -> str | int:
    if isinstance(name, str):
        return name
    if isinstance(name, int | np.integer) and not isinstance(name, bool):
        return int(name)
    raise ReadError(
        f"a column is named by a {type(name).__name__}; name columns by text or whole numbers"
    )


def _refuse_hidden_delimiter(frame: pd.DataFrame, names: tuple[str, ...]) -> None:
    if len(names) > 1:
        return
    for mark in DELIMITERS:
        texts = frame.iloc[:, 0].astype("object").map(str)
        if mark in names[0] and texts.str.contains(mark, regex=False).mean() > 0.9:
            raise ReadError(
                f"the table has one column, whose name and values hold '{NAMED.get(mark, mark)}': "
                "it was read with the wrong delimiter"
            )


def simplify(values: pd.Series, name: str) -> tuple[pd.Series, Form]:
    """A column in a plain dtype, and how to hold it again.

    Raises:
        ReadError: values that no table column can hold.
    """
    values = values.reset_index(drop=True)
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        inner = dtype.categories.dtype
        if inner.kind not in "biufO" and not pd.api.types.is_string_dtype(inner):
            raise _unsupported(name, f"categories of type {inner}")
        return values, Form(levels=str(inner), ordered=bool(dtype.ordered))
    if dtype.kind == "O" and pd.api.types.is_object_dtype(dtype):
        return _simplify_objects(values, name)
    if dtype.kind not in PLAIN_KINDS or isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        hint = "turn it into a number of days" if dtype.kind == "m" else ""
        hint = "turn it into dates (.dt.to_timestamp())" if str(dtype)[0] == "p" else hint
        raise _unsupported(name, f"type {dtype}", hint)
    return values, Form()


def _simplify_objects(values: pd.Series, name: str) -> tuple[pd.Series, Form]:
    """An object column by the Python types inside."""
    present = values.dropna()
    kinds = set(map(type, present))
    if kinds <= {str}:
        return values, Form()
    if kinds <= {Decimal}:
        return values.astype("float64"), Form(stored="decimal", places=_scale(present))
    if kinds <= {datetime, pd.Timestamp, np.datetime64}:
        return pd.to_datetime(values), Form()
    if kinds == {date}:
        return pd.to_datetime(values).astype("datetime64[us]"), Form(stored="date")
    held = {next((k for k in HELD if issubclass(t, k)), None) for t in kinds}
    kind = next(iter(held)) if len(held) == 1 else None
    if kind is not None:
        return values, Form(stored=HELD[kind])
    scalars = (str, bool, int, float, date, time, Decimal, UUID, np.generic)
    odd = next((t for t in kinds if not issubclass(t, scalars)), None)
    if odd is not None:
        raise _unsupported(name, f"values of type {odd.__name__}")
    if all(issubclass(t, int | float | np.number) and t is not bool for t in kinds):
        return values.astype("float64"), Form()
    texts = np.array([None if pd.isna(v) else str(v) for v in values], dtype=object)
    numbers = all(issubclass(t, str | int | float | np.number) for t in kinds - {bool})
    return pd.Series(texts, dtype=object), Form(stored=MIXED if numbers else "")


def _scale(decimals: pd.Series) -> int:
    """The fewest decimal places among exact decimals: a NUMERIC(8, 2) has 2 everywhere."""
    exponents: list[Any] = [d.as_tuple().exponent for d in decimals.unique()]
    return max(0, min((-e for e in exponents if isinstance(e, int)), default=0))


def _unsupported(name: str, what: str, hint: str = "") -> ReadError:
    return ReadError(
        f"column {name!r} has {what}, which a table cannot hold; "
        + (hint or "convert or drop the column")
    )
