"""Which century a visit lies in, where years were written with two digits: that of its events."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from medsynai.data.cohortfiles.layout import Part, Sheet

SHORT = "%y"  # in the form of a time
CENTURY = 36_524.25 * 86_400  # seconds


def settled(
    visits: pd.DataFrame, events: pd.DataFrame, sheets: Sequence[Sheet]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Visits moved by whole centuries to where their events are, and a note of how many were.

    A visit without events goes by those of its patient, or else as most visits do. Nothing is moved
    where years are whole, or where those of events are short as well.

    Args:
        visits: as read.
        events: as read.
        sheets: the tables that they came from, with the forms of their times.
    """
    short = {s.part for s in sheets if any(SHORT in form for form in s.times.values())}
    keys = {"visit_id", "subject_id", "time"}
    if short != {Part.VISITS} or not keys <= set(events) or "start" not in visits:
        return visits, ()
    timed = events[events["time"].notna()]
    own, patients = (timed.groupby(key)["time"].median() for key in ("visit_id", "subject_id"))
    near = own.reindex(visits["visit_id"]).set_axis(visits.index)
    if "subject_id" in visits:
        near = near.fillna(patients.reindex(visits["subject_id"]).set_axis(visits.index))
    moved, rows = visits.copy(), np.zeros(len(visits), bool)
    for column in ("start", "end"):  # each by itself: 68 may be read as 2068, and 69 as 1969
        if column not in visits:
            continue
        apart = ((near - visits[column]).dt.total_seconds() / CENTURY).round()
        whole = apart.fillna(apart.median()).fillna(0).astype("int64").to_numpy()
        for many in sorted(set(whole.tolist()) - {0}):
            times = visits[column] + pd.DateOffset(years=100 * many)
            moved[column] = moved[column].where(whole != many, times)
        rows |= whole != 0
    count = int(rows.sum())
    said = f"{count:,} of {len(visits):,} visits lie in another century than two digits were taken"
    return moved, (f"{said} for: they were moved to the times of their events",) if count else ()
