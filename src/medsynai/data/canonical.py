"""The canonical form of a table's columns, and the way back to the user's own dtypes.

Both ways work on the distinct values of a column and spread the result over the rows, so the cost
follows the number of different values, not the number of rows.
"""

import re
from collections.abc import Sequence
from datetime import time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.misfits import (
    ABSENT,
    BEYOND,
    BROKEN,
    UNLISTED,
    Misfit,
    check_columns,
    named,
    refuse,
)
from medsynai.data.numerals import NUMBER, parse_numbers, round_numbers, write_numbers
from medsynai.data.schema import Column, Handling, Kind, Schema
from medsynai.data.source import MIXED, Form, Source
from medsynai.data.table import Table, canonical_dtype
from medsynai.data.write.cells import close_cells
from medsynai.errors import SchemaError

Array = np.ndarray[Any, Any]
EXACT = 2.0**53  # float64 holds every whole number below
TRUE = frozenset({"true", "1", "t", "yes", "y"})
BELOW_MICRO = re.compile(r"(\.\d{6})\d+")  # decimals of a second
PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


def to_canonical(raw: pd.DataFrame, schema: Schema, source: Source) -> pd.DataFrame:
    """Canonical columns in the schema's order (dtypes: see `Table`).

    Raises:
        SchemaError: columns that are not the schema's, or values that it does not allow; names the
            columns and counts the rows.
    """
    check_columns(raw, schema)
    frame, misfits = fit_canonical(raw, schema, source)
    refuse(misfits)
    return frame


def unlisted(raw: pd.DataFrame, schema: Schema) -> dict[str, tuple[str, ...]]:
    """The values of level columns that the schema does not list, in order of appearance.

    For widening a schema before judging; they are real values, and are never printed.
    """
    found = {}
    for column in schema.columns:
        if not column.kind.is_level or column.name not in raw:
            continue
        texts = [text_of(w) for w in distinct(raw[column.name])[1]]
        blank = {"", *column.missing_tokens}
        texts = [t for t in dict.fromkeys(texts) if t not in blank and not t.isspace()]
        places = _places(texts, column)
        found[column.name] = tuple(t for t, p in zip(texts, places, strict=True) if p < 0)
    return {name: new for name, new in found.items() if new}


def fit_canonical(
    raw: pd.DataFrame, schema: Schema, source: Source
) -> tuple[pd.DataFrame, tuple[Misfit, ...]]:
    """Canonical columns, and what did not fit the schema.

    A value that cannot be held (an unknown level, a text in a number column) becomes missing; one
    that can be held but is not allowed (out of range, missing where nothing may be) stays.

    Raises:
        SchemaError: a column of the schema that is not there.
    """
    absent = [n for n in schema.names if n not in raw]
    if absent:
        raise SchemaError(f"the data lack {named(absent)}, which the schema lists")
    columns, misfits = {}, []
    for column in schema.columns:
        values, found = _fit(raw[column.name], column)
        columns[column.name] = values
        misfits += [Misfit(column.name, what, rows) for what, rows in found.items() if rows]
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(raw)))
    return frame, tuple(misfits)


def text_of(value: object) -> str:
    """A value as the text that levels and identifiers are held in.

    >>> [text_of(v) for v in (1, 1.0, 2.5, True, "f")]
    ['1', '1', '2.5', 'True', 'f']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):  # np.float64 is one too
        whole = abs(value) < EXACT and value == np.floor(value)
        return str(int(value)) if whole else repr(float(value))
    if isinstance(value, pd.Timestamp):
        whole = value.tz is None and value == value.normalize()
        return str(value.date() if whole else value)
    return str(value)


def distinct(values: pd.Series) -> tuple[Array, list[Any]]:
    """Codes (-1 for missing) and the distinct values of a column, as Python objects."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy().astype(np.int64), values.cat.categories.tolist()
    codes, words = pd.factorize(values)
    return codes, list(words.tolist() if hasattr(words, "tolist") else words)


def _fit(values: pd.Series, column: Column) -> tuple[Any, dict[str, int]]:
    """The canonical values of one column, and the number of rows of each misfit."""
    if column.kind.is_number and _is_numeric(values):
        number = values.to_numpy(dtype="float64", na_value=np.nan)
        number = np.where(np.isin(number, parse_numbers(column.missing_tokens)), np.nan, number)
        return number, _check_numbers(number, column) | _check_missing(np.isnan(number), column)
    if column.kind is Kind.DATE and values.dtype.kind == "M":
        dates = _naive(values)
        return dates, _check_range(_days(dates), column) | _check_missing(dates.isna(), column)
    codes, words = distinct(values)
    texts = [text_of(w) for w in words]
    blank = {"", *column.missing_tokens}
    levels = set(column.categories or ())
    kept = np.array([t not in blank and (t in levels or not t.isspace()) for t in texts] + [False])
    codes = np.where(kept[codes], codes, -1)
    found = _check_missing(codes < 0, column)
    if column.kind.is_number:
        number = np.append(parse_numbers(texts), np.nan)[codes]
        found["not a number"] = int((np.isnan(number) & (codes >= 0)).sum())
        return number, found | _check_numbers(number, column)
    if column.kind.is_level:
        places = np.array([*_places(texts, column), -1])[codes]
        found[UNLISTED] = int(((places < 0) & (codes >= 0)).sum())
        return pd.Categorical.from_codes(places, dtype=canonical_dtype(column)), found  # type: ignore[call-overload]
    if column.kind is Kind.DATE:
        dates = _parse_dates(texts, column).take(codes, allow_fill=True)
        found["not a date of the schema's format"] = int((dates.isna() & (codes >= 0)).sum())
        series = pd.Series(dates)
        return series, found | _check_range(_days(series), column)
    # Said twice: pandas 3 would turn an array of strings into its own text dtype.
    return pd.Series(np.array([*texts, None], dtype=object)[codes], dtype=object), found


def _is_numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind in "iuf"


def _check_numbers(number: Array, column: Column) -> dict[str, int]:
    found = _check_range(number, column)
    if column.kind is Kind.INTEGER:
        with np.errstate(invalid="ignore"):
            found[BROKEN] = int((number != np.rint(number))[~np.isnan(number)].sum())
            found["beyond 2^53, which a number cannot hold exactly; make it an identifier"] = int(
                (np.abs(number) >= EXACT).sum()
            )
    found["infinite"] = int(np.isinf(number).sum())
    return found


def _check_range(number: Array, column: Column) -> dict[str, int]:
    if column.handling is Handling.CLIP:
        return {}  # set to the bound before anything is learnt
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    with np.errstate(invalid="ignore"):
        outside = ((number < low) | (number > high)) & np.isfinite(number)
    return {BEYOND: int(outside.sum())}


def _check_missing(absent: Any, column: Column) -> dict[str, int]:
    return {} if column.missing else {ABSENT: int(absent.sum())}


def _places(texts: Sequence[str], column: Column) -> list[int]:
    """Each text's place among the categories, -1 for none.

    Numbers are also matched by value ("1.0" is the level "1"), as other programs turn whole
    numbers into decimals where something is missing; a code such as "007" is matched as text only.
    """
    if column.categories is None:
        raise SchemaError(f"column {column.name!r} is {column.kind} but lists no categories")
    exact = {c: i for i, c in enumerate(column.categories)}
    if all(t in exact for t in texts) or not all(map(PLAIN_NUMBER.fullmatch, exact)):
        return [exact.get(t, -1) for t in texts]
    by_value = {float(c): i for c, i in exact.items()}
    if len(by_value) < len(exact):
        return [exact.get(t, -1) for t in texts]
    plain = [bool(PLAIN_NUMBER.fullmatch(t)) for t in texts]
    return [
        exact.get(t, by_value.get(float(t), -1) if p else -1)
        for t, p in zip(texts, plain, strict=True)
    ]


def _naive(dates: pd.Series) -> pd.Series:
    """Without a time zone (UTC), in microseconds."""
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    return dates.astype("datetime64[us]").reset_index(drop=True)


def _days(dates: pd.Series) -> Array:
    """Days since 1970-01-01, NaN for missing."""
    micro = dates.to_numpy("datetime64[us]")
    return np.where(np.isnat(micro), np.nan, micro.astype("int64") / 86_400e6)


def _parse_dates(texts: Sequence[str], column: Column) -> Any:
    """Distinct texts as datetime64[us]; NaT for what is not of the schema's format."""
    dates = pd.to_datetime(
        # one date with nanoseconds would take all others there, and lose those beyond 2262
        pd.Index([BELOW_MICRO.sub(r"\1", t.strip()) for t in texts], dtype=object),
        format=column.date_format or "ISO8601",
        errors="coerce",
        utc=True,
    )
    return dates.tz_localize(None).astype("datetime64[us]").array


def from_canonical(table: Table, source: Source) -> pd.DataFrame:
    """The table in the user's own dtypes, names and order; a frame's index is put back.

    Whole numbers and truth values with something missing come as pandas' nullable types.

    Raises:
        SchemaError: a storage dtype that the values do not fit; names the column.
    """
    table, source = close_cells(table, source)
    columns = [
        restore(table.frame[c.name], c, source.form(c.name)).rename(c.name)
        for c in table.schema.columns
    ]
    frame = pd.concat(columns, axis=1)
    index = [n for n in source.index if n in frame]
    if index:
        frame = frame.set_index(index)
        frame.index.names = [source.heading(n) or None for n in index]
    frame.columns = pd.Index([source.heading(str(n)) for n in frame.columns])
    return frame


def restore(values: pd.Series, column: Column, form: Form) -> pd.Series:
    """One canonical column in the dtype `column.storage`.

    Raises:
        SchemaError: values that do not fit the dtype; names the column.
    """
    try:
        if column.kind.is_number:
            return _restore_numbers(values.to_numpy(dtype="float64"), column, form)
        if column.kind.is_level:
            codes, words = values.cat.codes.to_numpy(), values.cat.categories.tolist()
            return _restore_words(codes, words, column, form)
        if column.kind is Kind.DATE:
            return _restore_dates(values, column, form)
        codes, texts = pd.factorize(values.to_numpy(dtype=object))
        return _restore_words(codes, texts.tolist(), column, form)
    except (ValueError, TypeError, OverflowError):
        raise SchemaError(
            f"column {column.name!r} cannot be given back as {column.storage!r}; "
            "correct its storage in the schema"
        ) from None


def _restore_numbers(number: Array, column: Column, form: Form) -> pd.Series:
    absent = np.isnan(number)
    if column.decimals is not None and column.kind is Kind.CONTINUOUS:
        number = round_numbers(number, column.decimals)
    if column.storage in ("str", "object", "string", "category") or form.stored == "decimal":
        codes, words = pd.factorize(number)
        texts = write_numbers(words, column, form)
        return _restore_words(codes, texts, column, form)
    dtype = _nullable(column.storage, bool(absent.any()))
    if column.kind is Kind.INTEGER:
        number = np.rint(number)
    if not absent.any():
        return pd.Series(number).astype(dtype)  # type: ignore[call-overload,no-any-return]
    return pd.Series(pd.array(np.where(absent, None, number), dtype="Float64")).astype(dtype)  # type: ignore[call-overload,no-any-return]


def _nullable(storage: str, absent: bool) -> str:
    """The pandas dtype that can also hold missing values, if there are any."""
    if not absent:
        return storage
    if re.fullmatch(r"u?int\d+", storage):
        return "UInt" + storage[4:] if storage[0] == "u" else "Int" + storage[3:]
    return "boolean" if storage == "bool" else storage


def _restore_words(codes: Array, words: list[str], column: Column, form: Form) -> pd.Series:
    """Texts by code, as the dtype that the column was stored in."""
    if column.storage == "category":
        typed = _typed(words, form.levels or "object")
        ordered = form.ordered or (column.kind is Kind.ORDINAL and not form.levels)
        return pd.Series(pd.Categorical.from_codes(codes, pd.Index(typed), ordered=ordered))
    storage = _nullable(column.storage, bool((codes < 0).any()))
    if form.stored == "decimal":
        exact = np.array([*map(Decimal, words), None], dtype=object)
        return pd.Series(exact[codes], dtype=object)
    if storage in ("object", "str", "string"):
        inner = np.asarray(_typed(words, form.stored or "object")).tolist()  # Python's own types
        spread = np.array([*inner, None], dtype=object)[codes]
        return pd.Series(spread, dtype=storage)
    used = np.unique(codes[codes >= 0])
    typed = pd.Series(_typed([words[i] for i in used], storage))
    places = np.searchsorted(used, np.where(codes < 0, 0, codes))
    places = np.where(codes < 0, -1, places)
    return pd.Series(typed.array.take(places, allow_fill=True)).astype(storage)  # type: ignore[call-overload,no-any-return]


def _typed(words: Sequence[str], dtype: str) -> Any:
    """Texts as values of a dtype."""
    values: list[Any] = list(words)
    if dtype.lower().startswith("bool"):
        values = [w.lower() in TRUE for w in words]
    elif re.match(r"u?int(\d|$)", dtype.lower()):
        values = [int(float(w)) if "." in w else int(w) for w in words]
    elif re.match(r"float|double", dtype.lower()):
        values = [float(w) for w in words]
    elif dtype == MIXED:
        return np.array([_loose(w) for w in words], dtype=object)
    elif dtype == "time":
        return pd.Series([time.fromisoformat(w) for w in words], dtype=object).array
    elif dtype.startswith("interval"):  # what `pandas.cut` makes
        ends = np.array([w.strip("([])").split(", ") for w in words], dtype="float64")
        closed: Any = dtype.rstrip("]").rpartition(", ")[2]
        return pd.arrays.IntervalArray.from_arrays(
            ends[:, 0], ends[:, 1], closed, dtype=pd.IntervalDtype.construct_from_string(dtype)
        )
    return pd.Series(values, dtype=dtype).array


def _loose(word: str) -> str | int | float:
    """A text as the number that it is the usual spelling of, if it is of one.

    >>> [_loose(w) for w in ("12", "1.5", "007", "<0.5")]
    [12, 1.5, '007', '<0.5']
    """
    number = float(word) if NUMBER.fullmatch(word) else np.nan
    if text_of(number) != word:
        return word
    return int(number) if number == np.floor(number) else number


def _restore_dates(values: pd.Series, column: Column, form: Form) -> pd.Series:
    dates = values.reset_index(drop=True)
    if form.stored in ("date", "time"):
        plain = dates.dt.date if form.stored == "date" else dates.dt.time
        return pd.Series(plain.astype(object).where(dates.notna(), None), dtype=object)
    if column.storage in ("str", "object", "string"):
        return write_dates(dates, column, form.unpadded).astype(column.storage)  # type: ignore[call-overload,no-any-return]
    zone = re.fullmatch(r"datetime64\[(\w+), (.+)\]", column.storage)
    if zone:
        dates = dates.dt.tz_localize("UTC").dt.tz_convert(zone[2])
    return dates.astype(column.storage)  # type: ignore[call-overload,no-any-return]


def write_dates(dates: pd.Series, column: Column, unpadded: bool = False) -> pd.Series:
    """Dates as the text of the schema's format, None for missing; ISO 8601 without a format.

    Where `unpadded`, one-digit days, months and hours have no zero in front.
    """
    codes, words = pd.factorize(dates)
    format = column.date_format
    texts = [
        text_of(t) if format is None else t.strftime(_bare(format, t) if unpadded else format)
        for t in map(pd.Timestamp, words)
    ]
    return pd.Series(np.array([*texts, None], dtype=object)[codes], dtype=object)


def _bare(format: str, time: pd.Timestamp) -> str:
    """The format with day, month and hour filled in without zeros."""
    parts = {"%d": time.day, "%m": time.month, "%H": time.hour, "%I": (time.hour - 1) % 12 + 1}
    for directive, number in parts.items():
        format = format.replace(directive, str(number))
    return format
