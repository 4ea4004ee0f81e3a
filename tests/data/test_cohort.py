"""Cohorts: one form whatever the order of the rows, and faults that are counted, not hidden."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame, Timedelta, Timestamp

from medsynai.data.cohort import OF_VISITS, Clock, Cohort
from medsynai.data.integrity import check, mend, refuse_broken
from medsynai.data.split import split_cohort
from medsynai.errors import SchemaError
from medsynai.seeds import Seeds


def faults(cohort):
    return {p.what: p.count for p in check(cohort)}


def test_a_whole_cohort_has_no_faults_and_its_form_does_not_depend_on_the_order_of_rows(make, same):
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


def test_a_split_is_by_patient_through_all_tables(make):
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
def test_a_planted_fault_is_counted(change, what, count, make):
    assert faults(planted(make(), change))[what] == count


def test_days_of_death_end_with_the_day_and_offsets_are_judged_too(make):
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


def test_events_far_from_their_visit_or_outside_follow_up_are_counted():
    day = Timedelta("1D")
    start, end = Timestamp("2020-03-01 10:00"), Timestamp("2020-03-05")
    people = DataFrame({"subject_id": ["a", "b"], "entry": [start, pd.NaT], "exit": [end, pd.NaT]})
    stays = DataFrame({"visit_id": ["v", "open"], "subject_id": ["a", "b"], "start": start})
    stays["end"] = [end, pd.NaT]

    def told(subject, times, visit):
        events = DataFrame({"subject_id": subject, "time": times, "code": "x", "visit_id": visit})
        return faults(Cohort.of(people, events, stays))

    far, out = "events more than a week from their visit", "events outside follow-up"
    inside = [start - Timedelta("10h"), start, end + Timedelta("23h")]  # a day lasts until its end
    assert told("a", inside, "v") == {"patients without events": 1}
    beyond = [start - 2 * day, end + day, end + 8 * day - Timedelta("1us")]
    assert told("a", beyond, "v") == {out: 3, "patients without events": 1}
    found = told("a", [start - 9 * day, end + 8 * day], "v")
    assert found == {far: 2, out: 2, "patients without events": 1}
    # No end, no rule: what is open is not broken.
    assert told("b", [end + 900 * day], "open") == {"patients without events": 1}
    assert far in told("b", [start - 9 * day], "open")


def test_follow_up_and_visits_of_offsets_are_judged_too():
    people = DataFrame({"subject_id": ["a"], "entry": [0.0], "exit": [48.0]})
    stays = DataFrame({"visit_id": ["v"], "subject_id": ["a"], "start": [0.0], "end": [2.0]})
    events = DataFrame({"subject_id": "a", "time": [-1.0, 0.0, 48.0, 49.0, 171.0], "code": "x"})
    found = faults(Cohort.of(people, events.assign(visit_id="v"), stays, clock=Clock.HOURS))
    assert found["events outside follow-up"] == 3
    assert found["events more than a week from their visit"] == 1


def test_codes_say_what_is_plausible(make):
    cohort = make()
    facts = cohort.codes.assign(low=[np.nan, 0.0], high=[np.nan, 6.0], sex=["F", None])
    facts = facts.assign(unit=[None, "mmol/L"])
    told = Cohort.of(cohort.subjects, cohort.events, cohort.visits, facts)
    found = faults(told)
    assert found["implausible range"] == (cohort.events["value"] > 6).sum() > 0
    assert found["implausible sex"] == 5 * 20


def test_broken_keys_are_refused_and_mended_with_counts_and_without_a_value(make):
    cohort = planted(make(), setting("subject_id", "P-SECRET"))
    cohort = planted(cohort, lambda e: e.assign(visit_id=e["visit_id"].replace("V33", "V-SECRET")))
    with pytest.raises(SchemaError, match="orphan events: 7 of 400") as refused:
        refuse_broken(cohort)
    assert "SECRET" not in str(refused.value) + " ".join(map(str, check(cohort)))
    whole, notes = mend(cohort)
    assert notes == (
        "7 of 400 events were set aside: they name no patient",
        "2 of 393 events lost a key of a visit",
    )
    refuse_broken(whole)
    assert len(whole.events) == 393


@pytest.mark.parametrize("table", ["subjects", "visits"])
def test_a_key_that_stands_twice_or_not_at_all_is_refused(table, make):
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


def test_keys_that_never_meet_are_refused_instead_of_leaving_nothing(make):
    cohort = make()
    people = cohort.subjects.assign(subject_id="0" + cohort.subjects["subject_id"])
    with pytest.raises(SchemaError, match="all 200 visits name no patient") as refused:
        mend(Cohort.of(people, cohort.events))
    assert "zeros ahead" in str(refused.value)
    nameless = replace(cohort, events=cohort.events.assign(code=None))
    with pytest.raises(SchemaError, match="all 400 events have no code"):
        mend(nameless)
