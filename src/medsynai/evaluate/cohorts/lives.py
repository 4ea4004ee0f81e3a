"""Some synthetic patients, event by event, for somebody who knows patients to look through."""

from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.cohort import SUBJECTS, Clock, Cohort

LIVES, LANES, MARKS = 12, 8, 300  # patients; kinds of events; events a patient
WORDS = 24  # letters of a static's level
HOUR = 3.6e9  # microseconds


def timelines(cohort: Cohort) -> list[dict[str, Any]]:
    """The first synthetic patients to whom something happened: who they are, and lanes of events.

    Args:
        cohort: synthetic, and nothing else: every event is told.
    """
    time = _times(cohort)
    place = cohort.places(cohort.events["subject_id"])
    busy = np.unique(place[(place >= 0) & ~np.isnan(time)])[:LIVES]
    return [_life(cohort, int(i), time, place == i) for i in busy]


def _times(cohort: Cohort) -> np.ndarray:
    """(events,) microseconds since the beginning; without a time, where the visit begins."""
    starts = cohort.visits.set_index("visit_id")["start"]
    events = cohort.events
    stands = starts.reindex(events["visit_id"]).set_axis(
        events.index
    )  # `map` breaks without visits
    times = events["time"].fillna(stands)
    begin = pd.Series(cohort.begins()).reindex(cohort.places(cohort.events["subject_id"]))
    if cohort.clock is not Clock.CALENDAR:
        return (times.to_numpy("float64") - begin.to_numpy("float64")) * cohort.clock.microseconds
    passed = times.to_numpy("datetime64[us]") - begin.to_numpy("datetime64[us]")
    return np.asarray(passed / np.timedelta64(1, "us"), "float64")


def _life(cohort: Cohort, person: int, time: np.ndarray, mine: np.ndarray) -> dict[str, Any]:
    begin = cohort.begins()[person]
    rows = cohort.events[mine].assign(at=time[mine])
    rows = rows[rows["at"].notna()]
    subject = cohort.subjects.iloc[person]
    stays = cohort.visits[cohort.visits["subject_id"] == subject["subject_id"]]
    stays = stays[stays["start"].notna()]
    start = _since(stays["start"], begin, cohort.clock)
    until = np.fmax(_since(stays["end"], begin, cohort.clock), start)
    last = float(np.nanmax([*rows["at"], *start, *until, 0.0]))
    unit, size = ("days", 24 * HOUR) if last > 96 * HOUR else ("hours", HOUR)
    lanes = [_lane("visits", start / size, until / size, stays["kind"])] if len(stays) else []
    kinds = rows["kind"].fillna("event").astype(str)
    if kinds.nunique() == 1:  # one lane would say little
        kinds = rows["code"].astype(str)
    for kind in kinds.value_counts(sort=True).index[:LANES]:
        own = rows[(kinds == kind).to_numpy()].head(MARKS)
        lanes.append(_lane(kind, own["at"].to_numpy() / size, None, _said(own)))
    shown = sum(len(lane["at"]) for lane in lanes) - len(stays)
    return {
        "title": _who(subject, begin, cohort.clock),
        "unit": unit,
        "span": float(f"{last / size:.4g}"),
        "lanes": lanes,
        "more": len(rows) - shown,
    }


def _since(times: pd.Series, begin: Any, clock: Clock) -> np.ndarray:
    """(rows,) microseconds since the patient's beginning, NaN for none."""
    if clock is not Clock.CALENDAR:
        return (times.to_numpy("float64") - float(begin)) * clock.microseconds
    passed = (times - pd.Timestamp(begin)) / pd.Timedelta(1, "us")
    return passed.to_numpy("float64")


def _lane(name: str, at: np.ndarray, until: np.ndarray | None, said: pd.Series) -> dict[str, Any]:
    lane = {"name": name, "at": [float(f"{v:.5g}") for v in at]}
    lane["said"] = ["" if v is None or v != v else str(v) for v in said]
    if until is not None:
        ends = np.where(np.isnan(until), at, until)
        lane["until"] = [float(f"{v:.5g}") for v in ends]
    return lane


def _said(rows: pd.DataFrame) -> pd.Series:
    """Each event in words: the code, its number and unit, its text."""
    value = rows["value"].map(lambda v: "" if v != v else f"{v:g}")
    parts = [rows["code"], value, rows["unit"].where(value != "", None), rows["text"]]
    words = pd.concat([p.fillna("").astype(str).reset_index(drop=True) for p in parts], axis=1)
    return words.agg(" ".join, axis=1).str.split().str.join(" ")


def _who(subject: pd.Series, begin: Any, clock: Clock) -> str:
    """Sex, age, death and short statics."""
    said = [str(subject["sex"])] if isinstance(subject["sex"], str) else []
    if pd.notna(subject["birth"]):
        lived = _since(pd.Series([begin]), subject["birth"], clock)[0] / (8766 * HOUR)
        said.append(f"{lived:.0f} years")
    if pd.notna(subject["death"]):
        said.append("died")
    rest = {n: subject[n] for n in subject.index if n not in SUBJECTS}
    said += [f"{n} {_shorter(v)}"[:WORDS] for n, v in rest.items() if isinstance(v, str)][:4]
    return ", ".join(said) or "a patient"


def _shorter(said: str) -> str:
    """A number of many decimals with one: a heading is read, not computed with."""
    whole, _, decimals = said.partition(".")
    return f"{float(said):.1f}" if whole.isdigit() and decimals.isdigit() else said
