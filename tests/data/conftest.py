"""A cohort to test with, and when two are the same."""

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame, Timedelta, Timestamp

from medsynai.data.cohort import OF_VISITS, Cohort, Signal


@pytest.fixture(scope="session", name="make")
def fixture_make():
    """Makes a cohort."""
    return make


@pytest.fixture(scope="session", name="same")
def fixture_same():
    """Asserts that two cohorts are the same."""
    return same


def make(patients=40, seed=0):
    """A whole cohort: visits, values in two units, extra columns and a signal of each patient."""
    rng = np.random.default_rng(seed)
    ids = [f"P{i:03d}" for i in range(patients)]
    born = pd.to_datetime("1950-01-01") + pd.to_timedelta(rng.integers(0, 9000, patients), "D")
    dead = [Timestamp("2031-05-01") if i % 9 == 0 else pd.NaT for i in range(patients)]
    subjects = DataFrame({"subject_id": ids, "sex": ["F", "M"] * (patients // 2), "birth": born})
    subjects = subjects.assign(death=dead, region=[f"R{i % 3}" for i in range(patients)])
    whose = np.repeat(ids, 5)
    start = Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**14, len(whose)), "us")
    visits = DataFrame({"visit_id": [f"V{i}" for i in range(len(whose))], "subject_id": whose})
    visits = visits.assign(start=start, end=start + Timedelta("3h"), kind="AMB")
    events = DataFrame({"subject_id": whose, "visit_id": visits["visit_id"], "time": start})
    values = rng.normal(5, 1, len(whose)).round(2)
    events = events.assign(code="GLU", value=values, unit="mmol/L", kind="lab")
    other = events.assign(code="I10", kind="condition", value=np.nan, unit=None)
    events = pd.concat([events, other], ignore_index=True)
    extras = {
        OF_VISITS: DataFrame({"ward": rng.choice(["A", "B"], len(visits))}),
        "lab": DataFrame({"ref": [f"r{i}" for i in range(len(whose))]}),
    }
    signals = tuple(Signal(i, "ecg", rng.normal(size=(9, 2)), 250.0, ("I", "II")) for i in ids)
    return Cohort.of(subjects, events, visits, None, extras, signals)


def same(one: Cohort, two: Cohort) -> None:
    for name in ("subjects", "events", "visits", "codes"):
        pd.testing.assert_frame_equal(
            getattr(one, name), getattr(two, name), obj=name, check_like=True
        )
    assert sorted(one.extras) == sorted(two.extras)
    for kind, frame in one.extras.items():
        pd.testing.assert_frame_equal(frame, two.extras[kind], obj=kind, check_like=True)
    assert one.clock is two.clock and len(one.signals) == len(two.signals)
    for a, b in zip(one.signals, two.signals, strict=True):
        np.testing.assert_allclose(a.samples, b.samples, rtol=0, atol=1e-9)
        assert (a.subject_id, a.rate, a.channels) == (b.subject_id, b.rate, b.channels)
