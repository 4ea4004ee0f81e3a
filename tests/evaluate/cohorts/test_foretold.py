"""Next value and next visit: what the order of a life tells is lost with it, a copy keeps it."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import AssessmentError
from medsynai.evaluate.cohorts import course, foretold
from medsynai.evaluate.cohorts.history import unit_of
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Score
from medsynai.seeds import Seeds

MEASURES = {"tstr_next_value": foretold.next_value, "tstr_next_visit": foretold.next_visit}


def clinic(n: int, seed: int, memory: float = 0.85) -> Cohort:
    """Visits weeks apart: `x` goes on from its last value, `ill` stays, `check` skips every other.

    Without memory all three are by chance.
    """
    rng, rows, stays = np.random.default_rng(seed), [], []
    for i in range(n):
        key, at, x, ill, due = f"{seed}-{i}", 0.0, rng.normal(), rng.random() < 0.5, False
        for visit in range(int(rng.integers(6, 14))):
            name = f"{key}-{visit}"
            stays.append((name, key, at, at + 1))
            x = memory * x + np.sqrt(1 - memory**2) * rng.normal()
            ill = ill if rng.random() < memory else rng.random() < 0.5
            due = not due if rng.random() < memory else rng.random() < 0.5
            rows.append((key, at, "x", round(x, 2), name))
            rows += [(key, at + 0.2, "ill", np.nan, name)] * ill
            rows += [(key, at + 0.5, "check", np.nan, name)] * due
            at += float(rng.integers(20, 60))
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "value", "visit_id"])
    visits = pd.DataFrame(stays, columns=["visit_id", "subject_id", "start", "end"])
    return Cohort.of(None, events, visits, clock=Clock.DAYS)


TRAIN, HOLDOUT, FRESH = clinic(150, 1), clinic(120, 2), clinic(150, 3)


def judged(name: str, made: Cohort, holdout: Cohort | None = HOLDOUT) -> Score:
    trial = CohortTrial(TRAIN, holdout, made, Seeds(0))
    return {s.name: s for s in MEASURES[name](trial).scores}[name]


def dealt(what: str) -> Cohort:
    """A patient's values in another order, or whole visits with all that happens at them."""
    rng, events = np.random.default_rng(0), FRESH.events
    if what == "values":
        value = events.groupby(["subject_id", "code"])["value"].transform(
            lambda v: rng.permutation(v.to_numpy())
        )
        return Cohort.of(None, events.assign(value=value), FRESH.visits, clock=Clock.DAYS)
    starts = FRESH.visits.groupby("subject_id")["start"].transform(
        lambda v: rng.permutation(v.to_numpy())
    )
    by = dict(zip(FRESH.visits["visit_id"], starts - FRESH.visits["start"], strict=True))
    moved = events.assign(time=events["time"] + events["visit_id"].map(by))
    return Cohort.of(
        None, moved, FRESH.visits.assign(start=starts, end=starts + 1), clock=Clock.DAYS
    )


@pytest.mark.parametrize("name", MEASURES)
def test_other_real_patients_and_a_copy_foretell_as_well_as_train(name):
    fresh = judged(name, FRESH)
    copy = judged(name, CohortTrial(TRAIN, HOLDOUT, FRESH, Seeds(0)).copied)
    assert fresh.low < fresh.value < fresh.high and fresh.n == len(HOLDOUT)
    assert abs(fresh.value - fresh.holdout) < 0.05 and abs(copy.value - fresh.holdout) < 0.05
    assert fresh.control == pytest.approx(copy.value, abs=0.05)
    nothing = {"tstr_next_value": 0.0, "tstr_next_visit": 0.5}[name]
    assert fresh.holdout > nothing + 0.3 and fresh.shuffled < nothing + 0.1


def test_values_in_another_order_foretell_worse_and_are_as_common():
    fresh, bad = judged("tstr_next_value", FRESH), judged("tstr_next_value", dealt("values"))
    assert bad.high < fresh.value - 0.15
    tvd = [
        {s.name: s.value for s in course.measure(CohortTrial(TRAIN, HOLDOUT, c, Seeds(0))).scores}
        for c in (FRESH, dealt("values"))
    ]
    assert tvd[0]["value_tvd"] == tvd[1]["value_tvd"]
    assert (
        judged("tstr_next_visit", dealt("values")).value == judged("tstr_next_visit", FRESH).value
    )


def test_visits_in_another_order_foretell_the_next_one_worse():
    fresh, bad = judged("tstr_next_visit", FRESH), judged("tstr_next_visit", dealt("visits"))
    assert bad.high < fresh.low and bad.value < fresh.value - 0.05


@pytest.mark.parametrize("name", MEASURES)
def test_what_comes_by_chance_is_foretold_by_nobody(name):
    """Features that saw what they are asked for would foretell it."""
    sides = [clinic(150, seed, memory=0.0) for seed in (4, 5, 6)]
    (found,) = MEASURES[name](CohortTrial(*sides, Seeds(0))).scores
    nothing = {"tstr_next_value": 0.0, "tstr_next_visit": 0.5}[name]
    assert found.holdout < nothing + 0.05 and found.value < nothing + 0.05


def test_an_absurd_value_does_not_decide():
    wild = TRAIN.events.assign(value=TRAIN.events["value"].where(TRAIN.events.index != 0, 1e12))
    trial = CohortTrial(
        Cohort.of(None, wild, TRAIN.visits, clock=Clock.DAYS), HOLDOUT, FRESH, Seeds(0)
    )
    (found,) = foretold.next_value(trial).scores
    assert found.holdout == pytest.approx(judged("tstr_next_value", FRESH).holdout, abs=0.02)


def test_synthetic_patients_without_a_next_step_teach_nothing():
    once = FRESH.events.drop_duplicates(["subject_id", "code"]).drop_duplicates("subject_id")
    alone = Cohort.of(FRESH.subjects, once.reset_index(drop=True), clock=Clock.DAYS)
    assert judged("tstr_next_value", alone).value <= 0.0
    assert judged("tstr_next_visit", alone).value == 0.5


@pytest.mark.parametrize("name", MEASURES)
def test_without_a_holdout_or_a_second_time_it_is_not_assessed(name):
    with pytest.raises(AssessmentError, match="needs a holdout"):
        judged(name, FRESH, None)
    flat = [c.only(np.arange(100)) for c in (TRAIN, HOLDOUT, FRESH)]
    flat = [Cohort.of(c.subjects, c.events.assign(time=0.0), clock=Clock.DAYS) for c in flat]
    with pytest.raises(AssessmentError, match="no variable"):
        MEASURES[name](CohortTrial(*flat, Seeds(0)))


def test_a_step_is_a_visit_or_a_day_or_a_moment():
    assert unit_of(TRAIN) == "visit"
    bare = TRAIN.events.assign(visit_id=None)
    assert unit_of(Cohort.of(None, bare, clock=Clock.DAYS)) == "day"
    assert unit_of(Cohort.of(None, bare, clock=Clock.HOURS)) == "moment"


def test_days_of_the_calendar_and_of_offsets_are_the_same_steps():
    bare = TRAIN.events.assign(visit_id=None)
    offsets = Cohort.of(None, bare, clock=Clock.DAYS)
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(bare["time"], "D")
    calendar = Cohort.of(None, bare.assign(time=dates))
    views = [
        View.of(foretold.in_steps(c, "day"), CohortTrial(c, c, c, Seeds(0)).variables)
        for c in (offsets, calendar)
    ]
    assert (views[0].time == views[1].time).all() and len(views[0].time) == len(bare)
