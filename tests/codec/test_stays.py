"""Drawn visits keep the laws of real ones: one behind the other, and one for what lies in one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.codec.course import Course, CourseCodec, kept_of, rows_of
from medsynai.codec.stays import StayLaws
from medsynai.data.cohort import Cohort

HOUR = pd.Timedelta(hours=1)


def ward(n: int = 80, running: int = 0) -> Cohort:
    """Two or three visits of two kinds with labs in them; so many patients' first runs on."""
    rng, visits, rows = np.random.default_rng(0), [], []
    for i in range(n):
        at = pd.Timestamp("2020-01-01 08:00") + pd.Timedelta(days=i)
        for k in range(2 + i % 2):
            key, hours = f"{i}-{k}", int(rng.integers(30, 90))
            late = 200 if i < running and k == 0 else 0
            visits.append((key, str(i), at, at + HOUR * (hours + late), "AB"[k % 2]))
            for hour in sorted(rng.integers(0, hours, 4)):
                rows.append((str(i), at + HOUR * int(hour), "lab", key))
            at += HOUR * (hours + int(rng.integers(1, 100)))
    columns = ["visit_id", "subject_id", "start", "end", "kind"]
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "visit_id"])
    return Cohort.of(None, events, pd.DataFrame(visits, columns=columns))


def runs_of(cohort: Cohort) -> np.ndarray:
    """(visits,) which end behind the beginning of the patient's next."""
    stays = cohort.visits.sort_values(["subject_id", "start"])
    return (stays["end"] > stays.groupby("subject_id")["start"].shift(-1)).to_numpy()


def odd(codec: CourseCodec, real: Cohort) -> Course:
    """A course as a bad model may draw it: ends too late, two visits at once, patients without."""
    course = codec.encode(real)
    visit = np.array([t.visit for t in codec.tokens])[course.token]
    late = visit & (np.arange(len(visit)) % 3 == 0)
    length = np.where(late, course.length + 500, course.length)
    kept = ~(visit & (course.patient < 5))
    parts = (course.patient, course.token, course.gap, course.value, length)
    patient, token, gap, value, length = (x[kept] for x in parts)
    twice = np.flatnonzero(np.array([t.visit for t in codec.tokens])[token])[:3]
    where = np.sort(np.r_[np.arange(len(token)), twice])
    gap = gap[where]
    gap[np.flatnonzero(np.diff(where, prepend=-1) == 0)] = 0
    rest = (patient[where], token[where], gap, value[where], length[where])
    return replace(Course(course.statics, *rest))


def drawn(codec: CourseCodec, real: Cohort) -> Cohort:
    return codec.decode(odd(codec, real), np.random.default_rng(1))


def test_what_a_bad_model_draws_keeps_the_laws_of_real_visits():
    real = ward()
    codec = CourseCodec.fit(real, 3)
    assert codec.stays == replace(codec.stays, running=0.0, alone=True, every=True)
    made = drawn(codec, real)
    assert not runs_of(made).any() and not made.visits.duplicated(["subject_id", "start"]).any()
    assert set(made.visits["subject_id"]) == set(made.subjects["subject_id"])
    held = made.events.merge(made.visits, on="visit_id")
    assert len(held) == len(made.events) and (held["subject_id_x"] == held["subject_id_y"]).all()
    assert ((held["start"] <= held["time"]) & (held["time"] <= held["end"])).all()
    assert set(made.visits["kind"]) == {"A", "B"}


def test_gaps_in_visits_and_between_them_are_several_patients():
    real = ward()
    hours = (real.events["time"] - real.events["time"].min()) / HOUR
    seen = pd.DataFrame({"w": real.events["subject_id"], "v": real.events["visit_id"], "t": hours})
    begin = real.visits.assign(t=(real.visits["start"] - real.events["time"].min()) / HOUR)
    begin = begin.rename(columns={"subject_id": "w", "visit_id": "v"})
    seen = pd.concat([begin[["w", "v", "t"]], seen])
    seen = seen.sort_values(["w", "t"], kind="stable", ignore_index=True)
    gap, same = seen.groupby("w")["t"].diff(), seen["v"] == seen.groupby("w")["v"].shift()
    longest, shortest = gap[same].groupby(seen["w"]).max(), gap[~same].groupby(seen["w"]).min()
    laws = CourseCodec.fit(real, 3).stays
    assert laws.reach == sorted(longest)[-3] and laws.pause == sorted(shortest.dropna())[2] > 0
    none = StayLaws.of(real_rows(real), 80, 81)
    assert none.reach is None and none.pause == 0


def real_rows(real: Cohort) -> pd.DataFrame:
    codec = CourseCodec.fit(real, 3)
    return kept_of(rows_of(real, codec.lives.times), codec.tokens)


def test_without_laws_it_does_not():
    """The fault: the same course, and laws that are none."""
    real = ward()
    made = drawn(replace(CourseCodec.fit(real, 3), stays=StayLaws()), real)
    assert runs_of(made).sum() > 20 and made.visits.duplicated(["subject_id", "start"]).any()


def test_visits_that_are_cut_short_do_not_all_end_as_the_next_begins():
    real = ward()
    made = drawn(CourseCodec.fit(real, 3), real).visits.sort_values(["subject_id", "start"])
    following = made.groupby("subject_id")["start"].shift(-1)
    assert (made["end"] == following).mean() < 0.15
    long = [(c["end"] - c["start"]).mean() for c in (real.visits, made[following.notna()])]
    assert abs(long[1] / long[0] - 1) < 0.3


@pytest.mark.parametrize("running", [2, 20])
def test_as_many_visits_run_on_as_real_ones_do(running):
    """Of fewer than three patients is never; of more, so large a share."""
    real = ward(running=running)
    codec = CourseCodec.fit(real, 3)
    share = runs_of(real).sum() / (len(real.visits) - len(real))
    assert codec.stays.running == pytest.approx(share if running > 2 else 0.0)
    made = runs_of(drawn(codec, real)).sum() / (len(real.visits) - len(real))
    assert abs(made - codec.stays.running) < 0.07


def test_real_visits_come_back_as_they_were():
    real = ward(running=20)
    codec = CourseCodec.fit(real, 3)
    made = codec.decode(codec.encode(real), np.random.default_rng(0))
    long = [sorted(c.visits["end"] - c.visits["start"]) for c in (real, made)]
    assert long[0] == long[1]


def test_who_need_not_have_a_visit_has_none():
    """Four in 80 are seen at home alone: nobody of them is given a visit."""
    real = ward()
    home = pd.DataFrame(
        {
            "subject_id": [f"h{i}" for i in range(4)],
            "time": pd.Timestamp("2020-01-01"),
            "code": "bp",
        }
    )
    both = Cohort.of(None, pd.concat([real.events, home]), real.visits)
    codec = CourseCodec.fit(both, 3)
    assert not codec.stays.every
    made = codec.decode(codec.encode(both), np.random.default_rng(0))
    assert len(made) - made.visits["subject_id"].nunique() == 4
    fewer = CourseCodec.fit(both.only(np.arange(len(both) - 2)), 3)  # two at home: as if none
    assert fewer.stays.every


def test_a_patient_without_anything_has_a_visit_where_all_have():
    real = ward()
    codec = CourseCodec.fit(real, 3)
    course = codec.encode(real)
    kept = course.patient > 0
    rest = (
        x[kept] for x in (course.patient, course.token, course.gap, course.value, course.length)
    )
    made = codec.decode(Course(course.statics, *rest), np.random.default_rng(0))
    assert made.visits["subject_id"].nunique() == len(made) == 80
