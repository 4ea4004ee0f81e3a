"""Rows that are several of one patient: whose they are, and in which order; a person is told.

A split by row would put a patient on both of its sides, and a model of rows knows nothing of how a
patient changes from one to the next. A table does not say that it is a panel; it shows it.
"""

import numpy as np
import pandas as pd

from medsynai.data import names
from medsynai.data.schema import Column, Kind
from medsynai.data.table import Table

FEWEST = 20  # values that a key has
REPEATS = 1.5  # rows of each, on average
CLOCK = frozenset(
    (
        *("day", "days", "date", "time", "hour", "hours", "minute", "minutes", "week", "weeks"),
        *("month", "months", "visit", "tag", "datum", "zeit", "fecha", "dia", "jour", "heure"),
    )
)


def several_rows(table: Table) -> tuple[str, ...]:
    """What to tell of a table in which patients have several rows, or seem to have; () else.

    Told are names of columns and how many values a key has, none of them.

    >>> from medsynai.data.schema import Role, Schema
    >>> frame = pd.DataFrame({"mrn": list("aabb"), "day": [0.0, 7.0, 0.0, 9.0]})
    >>> key = Column("mrn", Kind.IDENTIFIER, Role.SUBJECT)
    >>> several_rows(Table(frame, Schema((key, Column("day", Kind.INTEGER)))))[0][:27]
    'mrn: 4 rows of 2 patients. '
    """
    subject, whose = table.schema.subject, table.repeated()
    if subject is not None:
        if whose is None:
            return ()
        when = _time(table, whose, subject)
        return (
            f"{subject}: {len(table):,} rows of {len(np.unique(whose)):,} patients. All rows of a "
            "patient are on one side of the split, but each is drawn by itself: how a patient "
            "changes from row to row is not kept. If rows are times of a patient, say "
            f"--kind cohorts:panel:{subject},{when or 'TIME'}",
        )
    for column in table.schema.columns:
        if codes := _key(table, column):
            when = _time(table, np.asarray(codes), column.name)
            if when and _statics(table, np.asarray(codes), (column.name, when)):
                return (_suspected(column.name, when, len(set(codes))),)
    return ()


def _suspected(key: str, when: str, values: int) -> str:
    return (
        f"{key} looks like a patient's key: its {values:,} values come back in several rows, at "
        f"different {when}. It is not taken for one, so that rows of one patient may stand on both "
        "sides of the split, and privacy is judged by the row. If it is one, say "
        f"--kind cohorts:panel:{key},{when}, or give it role = 'subject' in a schema "
        "(medsynai inspect --out)"
    )


def _key(table: Table, column: Column) -> list[int]:
    """(rows,) the column's values as numbers, if they might be keys of patients; else none."""
    whole = column.kind in (Kind.INTEGER, Kind.CATEGORICAL, Kind.ORDINAL, Kind.IDENTIFIER)
    if not whole or names.is_other_party(column.name):
        return []
    codes, known = pd.factorize(table.frame[column.name])
    if (codes < 0).any() or len(known) < FEWEST or len(codes) < REPEATS * len(known):
        return []
    return list(codes.tolist())


def _time(table: Table, whose: np.ndarray, key: str) -> str | None:
    """The column that never says the same twice of a patient, and is named a time or runs up."""
    order = np.argsort(whose, kind="stable")
    same = np.diff(whose[order]) == 0
    running = []
    for column in table.schema.columns:
        if column.name == key or not (column.kind.is_number or column.kind is Kind.DATE):
            continue
        values = table.frame[column.name]
        if values.isna().any():
            continue
        if pd.DataFrame({"who": whose, "when": values}).duplicated().any():
            continue
        if column.kind is Kind.DATE or CLOCK & set(names.words(column.name)):
            return column.name
        if (np.diff(values.to_numpy("float64")[order])[same] > 0).all():
            running.append(column.name)
    return running[0] if running else None


def _statics(table: Table, whose: np.ndarray, known: tuple[str, ...]) -> bool:
    """Whether another column says the same in all rows of each, and not the same of all."""
    order = np.argsort(whose, kind="stable")
    same = np.diff(whose[order]) == 0
    for column in table.schema.columns:
        if column.name in known or column.kind in (Kind.CONSTANT, Kind.TEXT):
            continue
        codes = pd.factorize(table.frame[column.name])[0][order]
        if len(np.unique(codes)) > 1 and not np.diff(codes)[same].any():
            return True
    return False
