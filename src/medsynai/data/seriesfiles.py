"""Series in files: cohorts whose recordings are of one length, read as arrays and written again.

npz arrays and WFDB records hold signals; a wide panel whose patients all have the same equal steps
holds its columns. What is read is a cohort's form, so whatever writes cohorts writes series.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, SUBJECTS, Clock, Cohort, Signal
from medsynai.data.cohortfiles import npz, panel, read_cohort, wfdb, write_cohort
from medsynai.data.cohortfiles.layout import LoadedCohort
from medsynai.data.imagefiles.labels import LABEL
from medsynai.data.series import LoadedSeries, SeriesSet, SeriesSource
from medsynai.errors import PlanError, ReadError

FORMATS = ("npz", "wfdb", "panel")
NAMES = ("y", *LABEL)  # what a column of classes is called, if nobody says
EVEN = 1e-6  # share of a step by which steps may differ


class Held(NamedTuple):
    """What a cohort's recordings are.

    Attributes:
        values: (n, steps, channels).
        whose: (n,) patients' keys.
        names: (n,) of the recordings.
        form: the source without its label.
    """

    values: np.ndarray
    whose: pd.Series
    names: pd.Series
    form: SeriesSource


def recognise(path: Path) -> bool:
    """Whether a file or folder shows by itself that it holds signals."""
    return npz.recognise(path) or wfdb.recognise(path)


def read_series(path: Path, declared: str = "", label: str | None = None) -> LoadedSeries:
    """All series of a file or folder.

    Args:
        path: an npz, a folder of WFDB records, or a panel's file.
        declared: "FORMAT[:COLUMNS]" of `medsynai.data.cohortfiles`, for what is not recognised.
        label: the column of the classes; looked for if not given.

    Raises:
        ReadError: recordings of several lengths or channels, missing values, uneven steps.
        PlanError: a format that holds no series, or a label that there is not.
    """
    format, _, columns = declared.partition(":")
    if format and format not in FORMATS:
        raise PlanError(f"no format {format!r} of series; formats: {', '.join(FORMATS)}")
    loaded = read_cohort(path, format, {"columns": columns} if columns else {})
    if loaded.layout.format not in FORMATS:
        raise ReadError(f"{path} holds no regular series; formats: {', '.join(FORMATS)}")
    suffix = "" if path.is_dir() else "".join(path.suffixes[-2:])
    cohort = loaded.cohort
    held = _panel(loaded, suffix, path) if not cohort.signals else _signals(loaded, suffix, path)
    missing = int((~np.isfinite(held.values)).sum())
    if missing:
        raise ReadError(
            f"{path}: {missing:,} of {held.values.size:,} values are missing, and regular series "
            "are whole: fill them in or leave those recordings out; events at irregular times "
            "are a cohort's (--kind cohorts)"
        )
    facts = _facts(cohort, held)
    name = _label(list(map(str, facts)), label, path)
    if name and (gone := int(facts[name].isna().sum())):
        raise ReadError(f"{path}: {gone:,} of {len(facts):,} series have no {name}")
    texts = facts[name].astype(str).to_numpy() if name else np.full(len(facts), "all", object)
    classes, labels = np.unique(texts.astype(str), return_inverse=True)
    series = SeriesSet.of(held.values, labels, tuple(map(str, classes)), held.whose.to_numpy(str))
    beside = [str(n) for n in facts if n != name]
    notes = (
        [f"{', '.join(beside)}: beside the series; not learnt and not written"] if beside else []
    )
    source = SeriesSource(**{**vars(held.form), "label": name})
    return LoadedSeries(series, source, (*loaded.notes, *map(str, loaded.problems), *notes))


def _signals(loaded: LoadedCohort, suffix: str, path: Path) -> Held:
    signals = sorted(loaded.cohort.signals, key=lambda s: (len(s.name), s.name))  # as numbered
    shapes = {(s.samples.shape, s.rate) for s in signals}
    if len(shapes) > 1:
        raise ReadError(
            f"{path}: its {len(signals):,} recordings are of {len(shapes)} lengths, numbers of "
            "channels or rates; regular series are of one: cut them (beats, windows), or resample"
        )
    first: Signal = signals[0]
    form = SeriesSource(
        loaded.layout,
        suffix,
        "",
        first.channels,
        first.units,
        first.rate,
        gains=first.gains,
        offsets=first.offsets,
        widths=first.widths,
    )
    values = np.stack([s.samples for s in signals])
    whose = pd.Series([s.subject_id for s in signals], dtype=object)
    return Held(values, whose, pd.Series([s.name for s in signals], dtype=object), form)


def _panel(loaded: LoadedCohort, suffix: str, path: Path) -> Held:
    cohort = loaded.cohort
    values, mask = panel.grid(cohort)
    texts = int((mask & values.isna()).to_numpy().sum())
    if texts:
        raise ReadError(f"{path}: {texts:,} fields that change within patients are no numbers")
    many = cohort.visits.groupby("subject_id", sort=False).size()
    steps = int(many.iloc[0]) if len(many) else 0
    if steps < 2 or (many != steps).any():
        raise ReadError(
            f"{path}: its {len(many):,} patients have {many.nunique()} numbers of rows; "
            "regular series are of one length, 2 at least: cut or pad, or say "
            "--kind cohorts:panel:PATIENT,TIME"
        )
    start = cohort.visits["start"].to_numpy()
    calendar = cohort.clock is Clock.CALENDAR
    times = start.astype("int64").astype(float) if calendar else start.astype(float)
    passed = times.reshape(-1, steps)
    gaps = np.diff(passed, axis=1)
    step = float(gaps[0, 0])
    if step <= 0 or (np.abs(gaps - step) > EVEN * step).any():
        raise ReadError(
            f"{path}: rows are not at equal distances; for such rows say "
            "--kind cohorts:panel:PATIENT,TIME"
        )
    begin = _year(start) if calendar else float(passed[0, 0])
    if not calendar and (np.abs(passed[:, 0] - begin) > EVEN * step).any():
        begin = 0.0
    form = SeriesSource(
        loaded.layout, suffix, "", tuple(map(str, values)), rate=1 / step, begin=begin
    )
    whole = values.to_numpy("float64").reshape(-1, steps, values.shape[1])
    whose = pd.Series(list(many.index), dtype=object)
    return Held(whole, whose, whose, form)


def _year(start: np.ndarray) -> float:
    """The beginning of the first year in microseconds: no day of a patient is written down."""
    return float(start.min().astype("datetime64[Y]").astype("datetime64[us]").astype("int64"))


def _facts(cohort: Cohort, held: Held) -> pd.DataFrame:
    """What is said of each recording, or of its patient, once."""
    people = cohort.subjects.set_index("subject_id")
    table = people[[n for n in people if n not in SUBJECTS]].reindex(list(held.whose))
    if OF_VISITS in cohort.extras:
        own = cohort.extras[OF_VISITS].copy()
        own.index = pd.Index(cohort.visits["visit_id"][own.index])
        table = own.reindex(list(held.names))
    told = table.reset_index(drop=True)
    return told[[n for n in told if told[n].notna().any()]]


def _label(columns: list[str], asked: str | None, path: Path) -> str:
    if asked is not None:
        if asked not in columns:
            known = ", ".join(columns[:30]) or "none"
            raise PlanError(f"{path} says no {asked!r} of its series; it says: {known}")
        return asked
    return next((c for name in NAMES for c in columns if c.lower() == name), "")


def write_series(series: SeriesSet, source: SeriesSource, target: Path) -> tuple[str, ...]:
    """Write series in the form of the source, patients counted from 1; what is lost is told."""
    return write_cohort(to_cohort(series, source), source.layout, target)


def to_cohort(series: SeriesSet, source: SeriesSource) -> Cohort:
    """The series as recordings, or rows, of a cohort."""
    keys = np.array([str(i) for i in range(1, len(series) + 1)], dtype=object)
    subjects = pd.DataFrame({"subject_id": keys})
    if source.label:
        subjects[source.label] = np.array(series.classes, dtype=object)[series.labels]
    clock = source.layout.clock
    if source.layout.format == "panel":
        return _rows(series, source, subjects, clock)
    digital = (source.gains, source.offsets, source.widths)
    signals = tuple(
        Signal(key, key, values, source.rate, source.channels, source.units, *digital)
        for key, values in zip(keys, series.values, strict=True)
    )
    return Cohort.of(subjects, signals=signals, clock=clock)


def _rows(series: SeriesSet, source: SeriesSource, subjects: pd.DataFrame, clock: Clock) -> Cohort:
    n, steps, channels = series.values.shape
    times = source.begin + np.arange(steps) / source.rate
    if clock is Clock.CALENDAR:
        times = np.rint(times).astype("int64").astype("datetime64[us]")
    visits = pd.DataFrame(
        {
            "visit_id": np.arange(1, n * steps + 1).astype(str).astype(object),
            "subject_id": np.repeat(subjects["subject_id"].to_numpy(), steps),
            "start": np.tile(times, n),
        }
    )
    events = visits.loc[visits.index.repeat(channels)].rename(columns={"start": "time"})
    events = events.assign(
        code=np.tile(np.array(source.channels, dtype=object), n * steps),
        value=series.values.ravel(),
        kind=panel.KIND,
    )
    return Cohort.of(subjects, events.reset_index(drop=True), visits, clock=clock)
