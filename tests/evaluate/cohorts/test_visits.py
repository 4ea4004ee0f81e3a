"""What holds of visits: each planted fault moves its own score, and fresh patients move none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import AssessmentError
from medsynai.evaluate.cohorts import visits
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import names_of
from medsynai.evaluate.policy import Status, judge_gates, load_policy
from medsynai.seeds import Seeds

HOUR = pd.Timedelta(hours=1)
EVENTS, NONE, OVERLAP, MANY, LENGTH = (
    "visit_events_tvd",
    "visit_none_gap",
    "visit_overlap_gap",
    "visits_w1",
    "visit_length_tvd",
)


def ward(seed: int, n: int = 150) -> Cohort:
    """One to four admissions with labs in them, what is read at home; 1 of 12 is never admitted."""
    rng, rows, stays = np.random.default_rng(seed), [], []
    keys = [f"{seed}-{i}" for i in range(n)]
    for i, key in enumerate(keys):
        at = pd.Timestamp("2015-01-01") + HOUR * int(rng.integers(0, 20_000))
        for k in range(int(rng.integers(1, 5)) if i % 12 else 0):
            hours, visit = int(rng.integers(24, 240)), f"{key}-{k}"
            stays.append((visit, key, at, at + HOUR * hours, "IN"))
            for _ in range(int(rng.integers(2, 6))):
                rows.append((key, at + HOUR * int(rng.integers(0, hours)), "lab", visit))
            at += HOUR * (hours + int(rng.integers(0, 2_000)))
        rows += [(key, at + HOUR * int(d), "home", None) for d in rng.integers(1, 90, 3)]
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "visit_id"])
    names = ["visit_id", "subject_id", "start", "end", "kind"]
    return Cohort.of(pd.DataFrame({"subject_id": keys}), events, pd.DataFrame(stays, columns=names))


TRAIN, HOLDOUT, FRESH = ward(1), ward(2), ward(3)


def judged(made: Cohort, holdout: Cohort | None = HOLDOUT) -> dict:
    found = visits.measure(CohortTrial(TRAIN, holdout, made, Seeds(0)))
    return {s.name: s for s in found.scores}


def moved(made: Cohort, name: str) -> float:
    """How much worse a score is than fresh patients'; the limits of its interval are in order."""
    score = judged(made)[name]
    assert score.low <= score.value <= score.high
    return score.value - judged(FRESH)[name].value


def shuffled_ids() -> Cohort:
    """A fifth of the labs name a visit of somebody else's."""
    rng, keys = np.random.default_rng(0), FRESH.events["visit_id"].copy()
    some = rng.permutation(np.flatnonzero(keys.notna()))[: int(0.2 * keys.notna().sum())]
    keys.iloc[some] = rng.permutation(FRESH.visits["visit_id"])[np.arange(len(some)) % 200]
    return replace(FRESH, events=FRESH.events.assign(visit_id=keys))


def other_times() -> Cohort:
    """A fifth of the labs lie a year from their visit."""
    time, keys = FRESH.events["time"].copy(), FRESH.events["visit_id"]
    time[keys.notna() & (np.arange(len(time)) % 5 == 0)] += pd.Timedelta(days=365)
    return replace(FRESH, events=FRESH.events.assign(time=time))


def overlapping() -> Cohort:
    """Every other visit ends a day behind the next one's beginning."""
    following = FRESH.visits.groupby("subject_id")["start"].shift(-1)
    late = following.notna() & (np.arange(len(following)) % 2 == 0)
    ends = FRESH.visits["end"].mask(late, following + pd.Timedelta(days=1))
    return replace(FRESH, visits=FRESH.visits.assign(end=ends))


def dropped() -> Cohort:
    """A fifth of the patients lose their visits, and what lies in them its key."""
    gone = FRESH.subjects["subject_id"][::5]
    keys = FRESH.events["visit_id"].mask(FRESH.events["subject_id"].isin(gone), None)
    kept = FRESH.visits[~FRESH.visits["subject_id"].isin(gone)].reset_index(drop=True)
    return replace(FRESH, visits=kept, events=FRESH.events.assign(visit_id=keys))


def cut() -> Cohort:
    """All visits end at half their length, and go on as another."""
    own = FRESH.visits
    middle = (own["start"] + (own["end"] - own["start"]) / 2).dt.floor("h")
    second = own.assign(visit_id=own["visit_id"] + "b", start=middle)
    return replace(FRESH, visits=pd.concat([own.assign(end=middle), second], ignore_index=True))


FAULTS = {
    "shuffled ids": (shuffled_ids, EVENTS, 0.15),
    "other times": (other_times, EVENTS, 0.15),
    "overlapping": (overlapping, OVERLAP, 0.3),
    "dropped": (dropped, NONE, 0.1),
    "dropped, their events": (dropped, EVENTS, 0.1),
    "cut in two": (cut, MANY, 1.0),
    "cut in two, lengths": (cut, LENGTH, 0.3),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_moves_its_score(fault):
    plant, name, least = FAULTS[fault]
    assert moved(plant(), name) > least


def test_a_visit_of_somebody_else_is_none_though_it_goes_on_at_that_time():
    always = {"start": pd.Timestamp("2000-01-01"), "end": pd.Timestamp("2040-01-01")}
    events = FRESH.events[FRESH.events["visit_id"].notna()].reset_index(drop=True)
    keys = FRESH.visits["visit_id"]
    next_one = dict(zip(keys, np.roll(keys, 1), strict=True))  # a patient's first is another's last
    lost = events.assign(visit_id=events["visit_id"].map(next_one))
    made = replace(FRESH, events=lost, visits=FRESH.visits.assign(**always))
    found = visits.Stays.of(made, names_of(made).unique()).where()
    other = lost["visit_id"].str.rsplit("-", n=1).str[0] != lost["subject_id"]
    assert other.sum() > 100 and np.array_equal(found == visits.NONE, other)
    assert set(found[~other]) == {visits.INSIDE}


def test_one_that_begins_as_another_ends_does_not_overlap_it():
    assert judged(cut())[OVERLAP].value == judged(FRESH)[OVERLAP].value == 0.0


def test_fresh_patients_are_not_warned_of_and_faults_are():
    policy = load_policy(default="cohorts/policy.toml")
    own = tuple(g for g in policy.gates if g.score in (EVENTS, NONE, OVERLAP))
    assert len(own) == 3

    def status(made: Cohort) -> set[Status]:
        verdict = judge_gates(tuple(judged(made).values()), replace(policy, gates=own))
        return {r.status for r in verdict.gates}

    for seed in range(3, 7):
        assert status(ward(seed)) == {Status.PASS}
    for plant in (shuffled_ids, overlapping, dropped):
        assert Status.WARN in status(plant())
    beyond = [replace(judged(FRESH)[g.score], value=0.06, low=0.0, high=0.2) for g in own]
    verdict = judge_gates(tuple(beyond), replace(policy, gates=own))
    assert {r.status for r in verdict.gates} == {Status.WARN}  # few patients are no excuse


def test_a_day_without_an_hour_lies_in_the_visit_that_begins_in_its_evening():
    def told(at: str) -> Cohort:
        events = FRESH.events.assign(time=FRESH.events["time"].dt.normalize())
        stays = FRESH.visits.assign(start=FRESH.visits["start"].dt.normalize() + pd.Timedelta(at))
        return replace(FRESH, events=events, visits=stays)

    assert judged(told("1us"))[EVENTS].value == 0.0


def test_offsets_are_judged_as_the_calendar_is():
    def offset(c: Cohort) -> Cohort:
        begin = c.subjects["subject_id"].map(c.events.groupby("subject_id")["time"].min())
        since = dict(zip(c.subjects["subject_id"], begin, strict=True))

        def hours(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
            zero = frame["subject_id"].map(since)
            texts = frame.drop(columns=["time", "end_time", "start", "end"], errors="ignore")
            return texts.assign(**{n: (frame[n] - zero) / HOUR for n in names})

        stays = hours(c.visits, ("start", "end"))
        return Cohort.of(
            c.subjects[["subject_id"]], hours(c.events, ("time",)), stays, clock=Clock.HOURS
        )

    for made in (FRESH, overlapping(), other_times()):
        trial = CohortTrial(offset(TRAIN), offset(HOLDOUT), offset(made), Seeds(0))
        found = {s.name: s.value for s in visits.measure(trial).scores}
        wanted = {s.name: s.value for s in judged(made).values()}
        assert found == pytest.approx(wanted)


def test_without_visits_there_is_nothing_to_judge_or_all_is_wrong():
    bare = replace(FRESH, events=FRESH.events.assign(visit_id=None), visits=FRESH.visits.iloc[:0])
    found = judged(bare)
    assert found[EVENTS].value == 1.0 and found[NONE].value > 0.9
    assert found[OVERLAP].value is None and "not assessed" in found[OVERLAP].note
    with pytest.raises(AssessmentError, match="train patients have no visits"):
        visits.measure(CohortTrial(bare, HOLDOUT, FRESH, Seeds(0)))
    with pytest.raises(AssessmentError, match="20 patients"):
        judged(FRESH.only(np.arange(5)))
    assert judged(FRESH, None)[EVENTS].holdout is None
