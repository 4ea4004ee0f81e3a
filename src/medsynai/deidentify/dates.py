"""Dates as offsets from a reference date of the row, or as years, and back to fresh dates.

Offsets keep every interval between two dates of a row. The reference date itself is only learnt
as its year, and comes back as a random moment of that year.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.dates import is_clock
from medsynai.data.ranges import range_of
from medsynai.data.schema import Column, Handling, Kind, Schema
from medsynai.deidentify.recipe import DateRule, Unit
from medsynai.errors import SchemaError

Array = np.ndarray[Any, Any]
DAY = Unit.DAYS.microseconds


def unit_of(column: Column) -> Unit:
    """What the column's dates are exact to, by its format; seconds where it has none.

    >>> unit_of(Column("seen", Kind.DATE, date_format="%d.%m.%Y %H:%M")).value
    'minutes'
    """
    text = column.date_format or "%S"
    if "%S" in text or "%f" in text:
        return Unit.SECONDS
    return Unit.MINUTES if "%H" in text or "%I" in text else Unit.DAYS


def find_reference(schema: Schema) -> str | None:
    """The date that others are counted from: declared, else the first that is never missing.

    Raises:
        SchemaError: the declared one is not a date column that is kept.
    """
    kept = [c for c in schema.columns if c.kind is Kind.DATE and is_offset(c)]
    kept = [c for c in kept if not is_clock(c.date_format)]
    if schema.reference_date is not None:
        if schema.reference_date not in [c.name for c in kept]:
            raise SchemaError(
                f"reference_date = {schema.reference_date!r} is not a date column with "
                "handling 'offset'; name one, or leave reference_date out"
            )
        return schema.reference_date
    whole = [c.name for c in kept if not c.missing]
    return next(iter(whole or [c.name for c in kept]), None)


def is_offset(column: Column) -> bool:
    """Whether a date column becomes an offset, which is what is done where nothing is said."""
    return column.handling in (Handling.OFFSET, Handling.LEARN)


def years(dates: pd.Series) -> Array:
    """The year of each date as float64, NaN for missing."""
    found: Array = dates.dt.year.to_numpy(dtype="float64", na_value=np.nan)
    return found


def offsets(dates: pd.Series, reference: pd.Series, unit: Unit) -> Array:
    """Whole units from the reference date to each date, NaN where either is missing.

    A date without a time is counted from the reference's day.
    """
    end, start = _micro(dates), _micro(reference)
    absent = dates.isna().to_numpy() | reference.isna().to_numpy()
    if unit is Unit.DAYS:
        end, start = end // DAY * DAY, start // DAY * DAY
    return np.where(absent, np.nan, (end - start) // unit.microseconds).astype("float64")


def since_midnight(times: pd.Series, unit: Unit) -> Array:
    """Whole units from midnight to each time of day, NaN where it is missing."""
    found = _micro(times) % DAY // unit.microseconds
    return np.where(times.isna().to_numpy(), np.nan, found).astype("float64")


def clock_times(learnt: pd.Series, unit: Unit) -> pd.Series:
    """Times of day as datetime64[us] of 1970-01-01, from whole units since midnight."""
    steps = learnt.to_numpy("float64")
    absent = np.isnan(steps)
    return _series(np.where(absent, 0, steps).astype("int64") * unit.microseconds % DAY, absent)


def year_column(column: Column, values: Array, whose: Array | None) -> Column:
    """The schema of a date column that has become a year."""
    return _number(column, values, "Int64" if column.missing else "int64", whose)


def offset_column(column: Column, values: Array, whose: Array | None) -> Column:
    """The schema of a date column that has become an offset."""
    absent = bool(np.isnan(values).any())
    return _number(replace(column, missing=absent), values, "float64", whose)


def _number(column: Column, values: Array, storage: str, whose: Array | None) -> Column:
    low, high = range_of(values, whose) if not np.isnan(values).all() else (None, None)
    return replace(
        column,
        kind=Kind.INTEGER,
        handling=Handling.LEARN,
        storage=storage,
        minimum=low,
        maximum=high,
        decimals=0,
        date_format=None,
        missing_tokens=(),
        sentinels=(),
        warnings=(),
    )


def declared_years(column: Column) -> Array:
    """The years of the first and the last day that the schema allows."""
    days = np.array([column.minimum, column.maximum], dtype="float64").astype("datetime64[D]")
    return days.astype("datetime64[Y]").astype("float64") + 1970


def declared_offsets(column: Column, reference: Column, unit: Unit) -> Array:
    """The least and the greatest offset that two declared ranges leave; NaN if it may be absent."""
    first, last = (np.array([c.minimum, c.maximum], "float64") for c in (reference, column))
    whole = np.array([np.floor(last[0] - first[1]), np.ceil(last[1] - first[0])])
    return _perhaps(whole * (DAY // unit.microseconds), column.missing or reference.missing)


def declared_clock(column: Column, unit: Unit) -> Array:
    """Midnight and the last unit of a day; NaN if the time may be absent."""
    return _perhaps(np.array([0.0, DAY // unit.microseconds - 1]), column.missing)


def _perhaps(values: Array, missing: bool) -> Array:
    return np.append(values, np.nan) if missing else values


def date_column(column: Column) -> Column:
    """The released schema of a date column: fresh dates need not lie in the real ones' range."""
    return replace(column, minimum=None, maximum=None)


def fresh_dates(
    learnt: pd.DataFrame, reference: str, rules: Sequence[DateRule], rng: np.random.Generator
) -> dict[str, pd.Series]:
    """Dates as datetime64[us] from a reference year and offsets.

    Args:
        learnt: synthetic rows: the reference column holds years, the others offsets.
        reference: the reference column.
        rules: all date columns, the reference among them.
        rng: draws the moment of the year.
    """
    unit = next(r.unit for r in rules if r.name == reference)
    year = learnt[reference].to_numpy("float64")
    absent = np.isnan(year)
    first = (np.where(absent, 1970, year).astype("int64") - 1970).astype("datetime64[Y]")
    begin = first.astype("datetime64[us]").astype("int64")
    end = (first + 1).astype("datetime64[us]").astype("int64")
    moment = begin + (rng.random(len(year)) * ((end - begin) // unit.microseconds)).astype(
        "int64"
    ) * (unit.microseconds)
    dates = {reference: _series(moment, absent)}
    for rule in rules:
        if rule.name == reference:
            continue
        step = learnt[rule.name].to_numpy("float64")
        gone = absent | np.isnan(step)
        start = moment // DAY * DAY if rule.unit is Unit.DAYS else moment
        moved = start + np.rint(np.where(gone, 0, step)).astype("int64") * rule.unit.microseconds
        dates[rule.name] = _series(moved, gone)
    return dates


def _micro(dates: pd.Series) -> Array:
    micro: Array = dates.to_numpy("datetime64[us]").astype("int64")
    return micro


def _series(micro: Array, absent: Array) -> pd.Series:
    dates = micro.astype("datetime64[us]")
    dates[absent] = np.datetime64("NaT")
    return pd.Series(dates)
