"""How a source spells OMOP's tables: its names, of 5.3 or 5.4, its dates and its decimals."""

from dataclasses import replace

import pandas as pd

from medsynai.data.cohort import Clock
from medsynai.data.cohortfiles.layout import Sheet
from medsynai.data.cohortfiles.omop_tables import OLD_NAMES, UNITS, Omop
from medsynai.data.cohortfiles.texts import fewest_places, padded, read_times, write_times

TIMES = ("DATE", "TIMESTAMP")
HOURLESS = " absent"  # behind a moment's name: the column that says where a day has none


def without_hours(frame: pd.DataFrame, moment: str, day: str) -> pd.DataFrame:
    """With a column that says which rows have the day and no moment, where others have both."""
    if moment not in frame or not frame[moment].notna().any():
        return frame
    absent = frame[moment].isna() & frame[day].notna()
    said = pd.Series("yes", frame.index, dtype=object).where(absent, None)
    return frame.assign(**{moment + HOURLESS: said}) if absent.any() else frame


def field_of(shown: str) -> str:
    """A column's name in 5.4.

    >>> field_of("PERSON_ID"), field_of("ADMITTING_SOURCE_VALUE")
    ('person_id', 'admitted_from_source_value')
    """
    return OLD_NAMES.get(shown.lower(), shown.lower())


def forms_of(frame: pd.DataFrame, table: Omop, sheet: Sheet) -> Sheet:
    """The sheet with the forms of its dates, by field, and the decimals of its numbers.

    Args:
        frame: texts, under the names of 5.4.
        table: what the fields are.
        sheet: with the source's header.

    Raises:
        ReadError: dates that are none.
    """
    times, places = {}, {}
    for name, kind, _ in table.fields:
        if name in frame and kind in TIMES and frame[name].notna().any():
            where = f"{table.name}.{name}"
            times[name] = read_times(frame[name], where, Clock.CALENDAR).form
        elif name in frame and kind in ("BIGINT", "DOUBLE"):
            places[name] = fewest_places(frame[name])
    return replace(sheet, times=times, places={n: p for n, p in places.items() if p})


def says_zero(frame: pd.DataFrame, table: Omop) -> bool:
    """Whether a table writes 0, and never nothing, where there is no unit."""
    concept = UNITS[table.name][0] if table.name in UNITS else ""
    return concept in frame and bool(frame[concept].notna().all() and (frame[concept] == "0").any())


def respelt(frame: pd.DataFrame, table: Omop, sheet: Sheet, zero: bool) -> pd.DataFrame:
    """A table of 5.4 as its source had it: its columns, names, dates and decimals.

    A column of dates that was empty stays so, and columns that the source had not are left out.

    Args:
        frame: texts under the names of 5.4; dates as ISO has them.
        table: what the fields are.
        sheet: of `forms_of`.
        zero: of `says_zero`.
    """
    kinds = {name: kind for name, kind, _ in table.fields}
    nothing = pd.Series(None, index=frame.index, dtype=object)
    columns = {}
    for shown in sheet.header:
        name = field_of(shown)
        values = frame.get(name, nothing)
        if kinds.get(name) in TIMES:
            moments = pd.to_datetime(values, format="ISO8601").astype("datetime64[us]")
            form = sheet.times.get(name)
            values = nothing if form is None else write_times(moments, form, Clock.CALENDAR)
        elif name in sheet.places:
            words = values.map(lambda w, n=sheet.places[name]: padded(w, n), na_action="ignore")
            values = words.astype(object).where(values.notna(), None)
        if zero and name == UNITS[table.name][0]:
            values = values.where(values.notna(), "0")
        columns[shown] = values
    return pd.DataFrame(columns, index=frame.index)
