"""Fresh keys and fresh dates for a cohort that is to be released: none of the real ones is left.

Each patient's times move together by whole weeks, so that intervals, ages, weekdays and times of
day stay as they are; the season does not.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, SUBJECTS, Clock, Cohort
from medsynai.data.dates import date_format
from medsynai.data.names import is_survival_time
from medsynai.deidentify.keys import fresh_keys, learn_pattern
from medsynai.seeds import Seeds

WEEK = np.timedelta64(7, "D")
LOOK = 200  # distinct texts that a column is judged by
UNIQUE = 0.5  # distinct texts a row from which a column is as good as a key
FEWEST = 20  # rows below which that says nothing
ALONE = 0.9  # distinct whole numbers a row from which they may be a counter
CLOSE = 10  # room for each distinct whole number, up to which they are measurements


def renew(cohort: Cohort, seeds: Seeds) -> tuple[Cohort, tuple[str, ...]]:
    """The cohort under fresh keys in the old ones' pattern, each patient's dates drawn anew.

    Args:
        cohort: with keys that hold.
        seeds: the same seeds give the same keys and dates.

    Returns:
        The cohort, and what was left out of it: statics and columns beside that hold dates or are
        as good as keys, which cannot be renewed here.
    """
    rng = seeds.of("renew").numpy()
    bare, notes = without_traces(cohort)
    moved = _moved(bare, rng)
    people = _fresh(moved.subjects["subject_id"], rng)
    stays = _fresh(moved.visits["visit_id"], rng)
    keys = {"subject_id": people, "visit_id": stays, "previous": stays}
    tables = {}
    for name in ("subjects", "events", "visits"):
        frame: pd.DataFrame = getattr(moved, name)
        fresh = {k: frame[k].map(to).astype(object) for k, to in keys.items() if k in frame}
        fresh = {k: v.where(v.notna(), None) for k, v in fresh.items()}
        tables[name] = frame.assign(**fresh)
    signals = tuple(
        replace(s, subject_id=people[s.subject_id], name=str(i), comments=())
        for i, s in enumerate(moved.signals, start=1)
    )
    parts = (tables["subjects"], tables["events"], tables["visits"], moved.codes, moved.extras)
    whole = Cohort.of(*parts, signals, moved.clock)
    return replace(whole, origin=cohort.origin), notes


def _fresh(keys: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Each key -> a new one that is none of the old, in random order."""
    old = set(keys)
    pattern = learn_pattern(sorted(old))
    found: list[str] = []
    while len(found) < len(keys):
        drawn = fresh_keys(pattern, len(keys) + len(found), rng)
        found = [k for k in dict.fromkeys([*found, *drawn]) if k not in old]
    order = rng.permutation(len(found))[: len(keys)]
    return pd.Series([found[i] for i in order], index=pd.Index(keys), dtype=object)


def _moved(cohort: Cohort, rng: np.random.Generator) -> Cohort:
    """Each patient's times moved so that they begin on a day drawn from all years of beginning."""
    if cohort.clock is not Clock.CALENDAR or not len(cohort):
        return cohort
    begins = pd.Series(cohort.begins())
    known = begins.dropna()
    if known.empty:
        return cohort
    first = pd.Timestamp(known.min().year, 1, 1)
    last = pd.Timestamp(known.max().year, 12, 31)
    weeks = max(int((last - first) / WEEK), 1)
    ahead = ((begins - first) / WEEK).fillna(0).astype("int64")  # whole weeks into the years
    shift = (rng.integers(0, weeks, len(begins)) - ahead.to_numpy()) * WEEK

    def shifted(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
        place = cohort.places(frame["subject_id"])
        by = np.where(place >= 0, shift[place], np.timedelta64(0, "D"))
        return frame.assign(**{c: frame[c] + by.astype("timedelta64[us]") for c in columns})

    return replace(
        cohort,
        subjects=shifted(cohort.subjects, ("birth", "death", "entry", "exit")),
        events=shifted(cohort.events, ("time", "end_time")),
        visits=shifted(cohort.visits, ("start", "end")),
    )


def without_traces(cohort: Cohort) -> tuple[Cohort, tuple[str, ...]]:
    """The cohort without columns beside that hold dates or are as good as keys; names of those."""
    notes = []
    statics = cohort.subjects[[n for n in cohort.subjects if n not in SUBJECTS]]
    gone = dict(_traces(statics))
    subjects = cohort.subjects.drop(columns=list(gone))
    notes += [f"left out: subjects.{name} ({why})" for name, why in gone.items()]
    extras = {}
    for kind, frame in cohort.extras.items():
        gone = dict(_traces(frame))
        table = OF_VISITS if kind == OF_VISITS else kind
        notes += [f"left out: {table}.{name} ({why})" for name, why in gone.items()]
        extras[kind] = frame.drop(columns=list(gone))
    kept = {k: f for k, f in extras.items() if len(f.columns)}
    return replace(cohort, subjects=subjects, extras=kept), tuple(notes)


def _traces(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for name in frame:
        held = frame[name].dropna()
        if held.dtype.kind == "M":
            yield str(name), "dates"
            continue
        texts = held.astype(str)
        distinct = texts.unique()
        if not len(distinct) or held.dtype.kind in "fiub":
            continue
        numbers = pd.to_numeric(pd.Series(distinct), errors="coerce").notna()
        if date_format([str(t) for t in distinct[:LOOK]], str(name)) is not None:
            yield str(name), "dates"
        elif (
            len(held) >= FEWEST
            and len(distinct) > UNIQUE * len(held)
            and not (numbers.all() and is_measured(str(name), distinct, len(held)))
        ):
            yield str(name), "as good as a key"


def is_measured(name: str, distinct: np.ndarray, rows: int) -> bool:
    """Whether nearly unique numbers are measurements: some have a point, or whole ones come again.

    Or they are named as a time to an event, which whole days make as unique as a key. Whole
    numbers that come again lie close together, as ages do and keys do not.
    """
    if is_survival_time(name) or any("." in t for t in distinct):
        return True
    whole = distinct.astype("float64")
    return len(distinct) < ALONE * rows and bool(np.ptp(whole) < CLOSE * len(distinct))
