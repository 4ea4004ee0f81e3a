"""Cohorts: one form whatever the order of the rows, and faults that are counted, not hidden."""

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame, Timedelta, Timestamp

from medsynai.data.cohort import OF_VISITS, Clock, Cohort, Signal
from medsynai.data.integrity import check, mend, refuse_broken
from medsynai.data.split import split_cohort
from medsynai.errors import SchemaError
from medsynai.seeds import Seeds


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
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), obj=name)
    assert sorted(one.extras) == sorted(two.extras)
    for kind, frame in one.extras.items():
        pd.testing.assert_frame_equal(frame, two.extras[kind], obj=kind, check_index_type=False)
    assert one.clock is two.clock and len(one.signals) == len(two.signals)
    for a, b in zip(one.signals, two.signals, strict=True):
        np.testing.assert_allclose(a.samples, b.samples, rtol=0, atol=1e-9)
        assert (a.subject_id, a.rate, a.channels) == (b.subject_id, b.rate, b.channels)


def faults(cohort):
    return {p.what: p.count for p in check(cohort)}


def test_a_whole_cohort_has_no_faults_and_its_form_does_not_depend_on_the_order_of_rows():
    cohort = make()
    assert faults(cohort) == {}
    rng = np.random.default_rng(1)
    shuffled = Cohort.of(
        *(getattr(cohort, n).sample(frac=1, random_state=2) for n in ("subjects", "events")),
        cohort.visits.sample(frac=1, random_state=3),
        cohort.codes,
        {k: f.iloc[rng.permutation(len(f))] for k, f in cohort.extras.items()},
        cohort.signals,
    )
    same(cohort, shuffled)


def test_times_are_exact_to_the_microsecond_and_never_float32():
    late = Timestamp("2199-12-31 23:59:59.999999")
    rows = DataFrame({"subject_id": "a", "code": "x", "time": [Timestamp("1900-01-01"), late]})
    cohort = Cohort.of(events=rows)
    assert cohort.events["time"].dtype == "datetime64[us]"
    assert cohort.events["time"].iloc[1] == late
    assert cohort.elapsed().tolist() == [0, (late - Timestamp("1900-01-01")) // Timedelta(1, "us")]
    offset = Cohort.of(
        events=rows.assign(time=np.array([0.1, 2**24 + 1], "float64")), clock=Clock.SECONDS
    )
    assert offset.events["time"].dtype == "float64"
    assert offset.elapsed().tolist() == [0, (2**24 + 1) * 10**6 - 10**5]  # float32 loses the 1


def test_a_split_is_by_patient_through_all_tables():
    cohort = make()
    train, held = split_cohort(cohort, 0.25, Seeds(3))
    assert (len(train), len(held)) == (30, 10)
    assert not set(train.subjects["subject_id"]) & set(held.subjects["subject_id"])
    for part in (train, held):
        own = set(part.subjects["subject_id"])
        assert faults(part) == {}
        assert set(part.events["subject_id"]) == set(part.visits["subject_id"]) == own
        assert {s.subject_id for s in part.signals} == own
        assert len(part.extras["lab"]) == 5 * len(part) == len(part.extras[OF_VISITS])
        kinds = part.events["kind"][part.extras["lab"].index]
        assert (kinds == "lab").all()
    rows = [set(zip(p.events["subject_id"], p.events["value"], strict=True)) for p in (train, held)]
    assert len(train.events) + len(held.events) == len(cohort.events) and not rows[0] & rows[1]


def planted(cohort, change):
    """The cohort with `change(events)` in the place of its events."""
    parts = (cohort.subjects, change(cohort.events.copy()), cohort.visits, cohort.codes)
    return Cohort.of(*parts, {OF_VISITS: cohort.extras[OF_VISITS]}, cohort.signals)


FIRST = range(7)


def setting(column, value):
    def change(events):
        rows = events.index[events["kind"] == "lab"][FIRST]
        events[column] = (
            events[column].astype(object) if events[column].dtype == object else (events[column])
        )
        events.loc[rows, column] = value
        return events

    return change


@pytest.mark.parametrize(
    ("change", "what", "count"),
    [
        (setting("subject_id", "P999"), "orphan events", 7),
        (setting("visit_id", "V9999"), "visits of events", 7),
        (setting("code", None), "events without a code", 7),
        (setting("time", Timestamp("1890-01-01")), "events before birth", 7),
        (setting("end_time", Timestamp("1999-01-01")), "ends of events", 7),
        (setting("unit", "mg/dL"), "mixed units", 1),
        (lambda e: pd.concat([e, e.head(3)], ignore_index=True), "repeated events", 3),
        (lambda e: e[e["subject_id"] != "P001"], "patients without events", 1),
        (
            lambda e: pd.concat([e, *[e.head(10)] * 400], ignore_index=True),
            "one patient",
            4010,
        ),
    ],
)
def test_a_planted_fault_is_counted(change, what, count):
    assert faults(planted(make(), change))[what] == count


def test_days_of_death_end_with_the_day_and_offsets_are_judged_too():
    cohort = make()
    dead = cohort.subjects.loc[0, "subject_id"]

    def on(moment):
        row = DataFrame({"subject_id": [dead], "time": [Timestamp(moment)], "code": ["GLU"]})
        return lambda events: pd.concat([events, row.assign(kind="lab")], ignore_index=True)

    assert faults(planted(cohort, on("2031-05-01 17:30"))) == {}
    assert faults(planted(cohort, on("2031-05-02 00:00")))["events after death"] == 1
    subjects = DataFrame({"subject_id": ["a"], "birth": [-400.0], "death": [12.5]})
    events = DataFrame({"subject_id": "a", "time": [-401.0, 12.5, 13.0], "code": "x"})
    found = faults(Cohort.of(subjects, events, clock=Clock.DAYS))
    assert found == {"events before birth": 1, "events after death": 1}


def test_codes_say_what_is_plausible():
    cohort = make()
    facts = cohort.codes.assign(low=[np.nan, 0.0], high=[np.nan, 6.0], sex=["F", None])
    facts = facts.assign(unit=[None, "mmol/L"])
    told = Cohort.of(cohort.subjects, cohort.events, cohort.visits, facts)
    found = faults(told)
    assert found["implausible range"] == (cohort.events["value"] > 6).sum() > 0
    assert found["implausible sex"] == 5 * 20


def test_broken_keys_are_refused_and_mended_with_counts_and_without_a_value():
    cohort = planted(make(), setting("subject_id", "P-SECRET"))
    cohort = planted(cohort, lambda e: e.assign(visit_id=e["visit_id"].replace("V33", "V-SECRET")))
    with pytest.raises(SchemaError, match="orphan events: 7 of 400") as refused:
        refuse_broken(cohort)
    assert "SECRET" not in str(refused.value) + " ".join(map(str, check(cohort)))
    whole, notes = mend(cohort)
    assert notes == ("7 of 400 events were set aside", "2 of 393 events lost a key of a visit")
    refuse_broken(whole)
    assert len(whole.events) == 393


@pytest.mark.parametrize("table", ["subjects", "visits"])
def test_a_key_that_stands_twice_or_not_at_all_is_refused(table):
    cohort = make()
    parts = {n: getattr(cohort, n) for n in ("subjects", "events", "visits")}
    twice = pd.concat([parts[table], parts[table].head(4)], ignore_index=True)
    with pytest.raises(SchemaError, match=r"4 of .* repeat the key"):
        Cohort.of(**parts | {table: twice})
    key = "subject_id" if table == "subjects" else "visit_id"
    bare = parts[table].copy()
    bare.loc[0, key] = None
    with pytest.raises(SchemaError, match=r"1 of .* have no key"):
        Cohort.of(**parts | {table: bare})
