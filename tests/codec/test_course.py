"""What lies in a visit lies in one when it is drawn, and no visit ends before what is in it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.codec.course import CourseCodec
from medsynai.data.cohort import Clock, Cohort

START = pd.Timestamp("2020-01-01 22:00")


def stays(n: int = 40) -> Cohort:
    """Two visits each, which begin in the evening; drugs are told by the day, notes come late."""
    visits, rows = [], []
    for i in range(n):
        for k in range(2):
            key, start = f"{i}-{k}", START + pd.Timedelta(days=i + 100 * k)
            days = 2 + i % 5
            end = start + pd.Timedelta(days=days, hours=3)
            visits.append((key, str(i), start, end, "IN"))
            rows += [
                (str(i), start.normalize() + pd.Timedelta(days=d), "drug", key) for d in range(days)
            ]
            rows.append((str(i), start + pd.Timedelta(hours=i % 9), "lab", key))
            rows.append((str(i), end + pd.Timedelta(hours=2), "note", key))
            rows.append((str(i), end + pd.Timedelta(days=9), "lab", None))
    columns = ["visit_id", "subject_id", "start", "end", "kind"]
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "visit_id"])
    return Cohort.of(None, events, pd.DataFrame(visits, columns=columns))


def spans(cohort: Cohort) -> list:
    """Of each visit: how long, and each code with the time since its start, or its day."""
    held = cohort.events.merge(cohort.visits[["visit_id", "start", "end"]], on="visit_id")
    since = (held["time"] - held["start"]).where(
        held["code"] != "drug", held["time"] - held["start"].dt.normalize()
    )
    held = held.assign(since=since, long=held["end"] - held["start"])
    parts = held.groupby("visit_id")[["code", "since", "long"]]
    return sorted(sorted(map(tuple, part.to_numpy())) for _, part in parts)


def test_real_courses_come_back_with_their_visits():
    """A day without an hour is before the visit that begins in its evening, and belongs to it."""
    real = stays()
    codec = CourseCodec.fit(real, 3)
    made = codec.decode(codec.encode(real), np.random.default_rng(0))
    assert spans(made) == spans(real)
    assert made.events["visit_id"].isna().sum() == real.events["visit_id"].isna().sum() == 80


def test_a_code_in_and_out_of_visits_is_two_tokens():
    codec = CourseCodec.fit(stays(), 3)
    assert sorted(t.inside for t in codec.tokens if t.code == "lab") == [False, True]


def test_what_few_have_out_of_visits_counts_as_in_one():
    real = stays()
    lost = (real.events["code"] == "drug") & (real.events["subject_id"] == "7")
    events = real.events.assign(visit_id=real.events["visit_id"].mask(lost, None))
    codec = CourseCodec.fit(replace(real, events=events), 3)
    assert [t.inside for t in codec.tokens if t.code == "drug"] == [True]
    course = codec.encode(replace(real, events=events))
    drug = next(i for i, t in enumerate(codec.tokens) if t.code == "drug")
    assert (course.token == drug).sum() == (real.events["code"] == "drug").sum()


@pytest.mark.parametrize("away", [3.0, 500.0])
def test_what_is_drawn_in_a_visit_lies_in_it_wherever_it_was_drawn(away):
    """Before any visit it goes to the first; after one it is the visit that lasts longer."""
    rows = {"subject_id": ["a", "b", "c"] * 2, "time": [0.0, 0, 0, 1, 1, 1], "code": ["x"] * 6}
    keys = ["a", "b", "c"]
    visits = pd.DataFrame({"visit_id": keys, "subject_id": keys, "start": 0.0, "end": 2.0})
    events = pd.DataFrame(rows).assign(visit_id=rows["subject_id"])
    codec = CourseCodec.fit(Cohort.of(None, events, visits, clock=Clock.HOURS), 3)
    course = codec.encode(Cohort.of(None, events, visits, clock=Clock.HOURS))
    gap, token, length = course.gap.copy(), course.token.copy(), course.length.copy()
    gap[2::3] = away  # the patient's second event
    token[:3], length[:3] = token[2::-1], length[2::-1]  # an event, another, then the visit
    drawn = replace(course, gap=gap, token=token, length=length)
    made = codec.decode(drawn, np.random.default_rng(0))
    held = made.events.merge(made.visits, on="visit_id")
    assert len(held) == len(made.events) == 6
    assert (held["start"] <= held["time"]).all() and (held["time"] <= held["end"]).all()
    assert (held["subject_id_x"] == held["subject_id_y"]).all()
