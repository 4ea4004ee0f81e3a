"""Fresh keys and dates: nothing real is left, and all that is between times stays."""

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame

from medsynai.data.cohort import OF_VISITS, Clock, Cohort, Signal
from medsynai.data.integrity import check
from medsynai.deidentify.cohort import renew, without_traces
from medsynai.seeds import Seeds


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(0)
    n = 300
    ids = [f"P{i:05d}" for i in range(n)]
    born = pd.Timestamp("1940-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), "D")
    statics = {
        "ssn": [f"999-{i:06d}" for i in rng.permutation(n)],
        "moved": born.strftime("%d.%m.%Y"),
    }
    subjects = DataFrame({"subject_id": ids, "birth": born, "region": "R1", **statics})
    subjects["weight"] = rng.normal(70, 9, n).round(3).astype(str)
    whose = np.repeat(ids, 4)
    start = pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 10**8, 4 * n), "s")
    visits = DataFrame({"visit_id": [f"V-{i}" for i in range(4 * n)], "subject_id": whose})
    visits = visits.assign(start=start, end=start + pd.Timedelta("5h"))
    events = visits.rename(columns={"start": "time", "end": "end_time"}).assign(
        code="GLU", kind="lab"
    )
    extras = {OF_VISITS: DataFrame({"billed": start.strftime("%Y-%m-%d"), "ward": "A"})}
    signals = tuple(
        Signal(i, i, np.zeros((3, 1)), 1.0, ("I",), comments=(f"id: {i}",)) for i in ids
    )
    return Cohort.of(subjects, events, visits, None, extras, signals)


def gaps(cohort):
    """Every interval that a patient has, in an order that no key decides."""
    whole = cohort.events.groupby("subject_id")["time"].apply(lambda t: tuple(t - t.min()))
    age = (cohort.begins() - cohort.subjects["birth"]).to_numpy()
    return sorted(zip(age, whole, strict=True))


def test_no_key_and_no_date_is_left_and_every_interval_stays(cohort):
    fresh, notes = renew(cohort, Seeds(1))
    assert check(fresh) == ()
    for name, key in (("subjects", "subject_id"), ("visits", "visit_id"), ("events", "visit_id")):
        assert not set(getattr(fresh, name)[key]) & set(getattr(cohort, name)[key])
    assert fresh.subjects["subject_id"].str.fullmatch(r"P\d{5}").all()
    assert gaps(fresh) == gaps(cohort)
    for part in ("day_of_week", "hour", "second"):
        one, two = (
            getattr(c.events["time"].dt, part).value_counts().sort_index() for c in (cohort, fresh)
        )
        pd.testing.assert_series_equal(one, two)
    real, made = (set(c.begins()) for c in (cohort, fresh))
    assert len(real & made) <= 3  # of 300 moments to the second, some three years long
    years = fresh.events["time"].dt.year
    assert years.min() >= 2018 and years.max() <= 2026
    assert notes == (
        "left out: subjects.ssn (as good as a key)",
        "left out: subjects.moved (dates)",
        "left out: visits.billed (dates)",
    )
    assert {"region", "weight"} <= set(fresh.subjects)
    assert not any(
        s.comments or s.subject_id in set(cohort.subjects["subject_id"]) for s in fresh.signals
    )


def test_the_same_seeds_give_the_same_and_offsets_stay(cohort):
    one, two, other = (renew(cohort, Seeds(s))[0] for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one.events, two.events)
    assert not one.events["time"].equals(other.events["time"])
    minutes = cohort.events.assign(time=7.0, end_time=np.nan)
    offsets = Cohort.of(events=minutes, clock=Clock.MINUTES)
    assert (renew(offsets, Seeds(1))[0].events["time"] == 7.0).all()


def test_keys_of_letters_that_meet_by_chance_are_drawn_again():
    rng = np.random.default_rng(0)
    keys = sorted({"".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 3)) for _ in range(170)})
    plain = Cohort.of(DataFrame({"subject_id": keys}))
    for seed in range(10):
        fresh = renew(plain, Seeds(seed))[0].subjects["subject_id"]
        assert len(set(fresh)) == len(keys) and not set(fresh) & set(keys)


def test_whole_days_to_an_event_are_no_key():
    days = {"futime": [str(7 * i + 3) for i in range(60)], "pass": [str(i) for i in range(60)]}
    people = pd.DataFrame({"subject_id": [f"P{i}" for i in range(60)], **days})
    kept, notes = without_traces(Cohort.of(people, clock=Clock.DAYS))
    assert "futime" in kept.subjects and "pass" not in kept.subjects
    assert notes == ("left out: subjects.pass (as good as a key)",)


def test_ages_are_no_keys_and_counters_are():
    n = 100
    rng = np.random.default_rng(0)
    people = DataFrame({"subject_id": [f"P{i}" for i in range(n)]})
    people["age_then"] = rng.integers(20, 91, n).astype(str)
    people["row"] = [str(i) for i in range(n)]
    people["account"] = rng.integers(10**6, 10**7, 70)[np.arange(n) % 70].astype(str)
    kept, notes = without_traces(Cohort.of(people, clock=Clock.DAYS))
    assert "age_then" in kept.subjects
    assert sorted(notes) == [
        f"left out: subjects.{name} (as good as a key)" for name in ("account", "row")
    ]
