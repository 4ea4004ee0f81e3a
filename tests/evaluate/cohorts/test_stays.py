"""Summaries, outcome, absence and survival of patients: each planted fault moves its own score."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import AssessmentError
from medsynai.evaluate.cohorts import absent, outcome, stays, survival
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.seeds import Seeds


def ward(n: int, seed: int) -> Cohort:
    """Hourly `a` and `b` about a level of the patient's; `c` at every third; the high ones die."""
    rng, rows = np.random.default_rng(seed), []
    level = rng.normal(0, 1, n)
    for i in range(n):
        for hour in range(int(rng.integers(6, 12))):
            for code, spread in (("a", 0.5), ("b", 0.5)):
                rows.append((i, float(hour), code, round(level[i] + spread * rng.normal(), 2)))
            if hour % 3 == 0:
                rows.append((i, float(hour), "c", 1.0))
    sex = rng.choice(["F", "M"], n)
    days = rng.exponential(np.where(sex == "M", 100.0, 400.0)).round(1) + 1
    people = pd.DataFrame(
        {
            "subject_id": range(n),
            "sex": sex,
            "hospital_death": np.where(level + 0.3 * rng.normal(size=n) > 0.5, "yes", "no"),
            "followup_days": days.astype(str),
            "event": np.where(rng.random(n) < 0.8, "1", "0"),
        }
    )
    people["subject_id"] = f"{seed}-" + people["subject_id"].astype(str)
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "value"])
    events["subject_id"] = f"{seed}-" + events["subject_id"].astype(str)
    return Cohort.of(people, events, clock=Clock.HOURS)


TRAIN, HOLDOUT, FRESH = ward(150, 1), ward(150, 2), ward(150, 3)


def judged(measure, made: Cohort, holdout: Cohort | None = HOLDOUT) -> dict:
    return {s.name: s for s in measure(CohortTrial(TRAIN, holdout, made, Seeds(0))).scores}


def with_events(events: pd.DataFrame) -> Cohort:
    return Cohort.of(FRESH.subjects, events.reset_index(drop=True), clock=Clock.HOURS)


def dealt(codes: tuple[str, ...]) -> Cohort:
    """Numbers of these codes from anybody: shares stay, whose they are is lost."""
    rng, events = np.random.default_rng(0), FRESH.events.copy()
    for code in codes:
        mine = (events["code"] == code).to_numpy()
        events.loc[mine, "value"] = rng.permutation(events["value"].to_numpy()[mine])
    return with_events(events)


def test_summaries_tell_numbers_that_belong_to_nobody_and_counts_do_not():
    fresh, bad = judged(stays.measure, FRESH), judged(stays.measure, dealt(("a", "b")))
    assert fresh["stay_c2st"].value < 0.62 and bad["stay_c2st"].value > 0.8
    assert fresh["stay_c2st"].low < fresh["stay_c2st"].value < fresh["stay_c2st"].high
    assert bad["stay_c2st_counts"].value == fresh["stay_c2st_counts"].value < 0.62
    half = FRESH.events.drop(FRESH.events.index[FRESH.events["code"] == "c"][::2])
    assert judged(stays.measure, with_events(half))["stay_c2st_counts"].value > 0.8


def coded(cohort: Cohort) -> Cohort:
    """With a diagnosis, which has no number, in every third patient."""
    rows = pd.DataFrame({"subject_id": cohort.subjects["subject_id"][::3], "code": "I10"})
    events = pd.concat([cohort.events, rows.assign(time=0.0)], ignore_index=True)
    return Cohort.of(cohort.subjects, events, clock=Clock.HOURS)


def test_diagnoses_without_numbers_are_summed_up_too():
    trial = CohortTrial(coded(TRAIN), coded(HOLDOUT), coded(FRESH), Seeds(0))
    found = {s.name: s.value for s in stays.measure(trial).scores}
    assert found["stay_c2st"] < 0.62 and found["stay_c2st_counts"] < 0.62


def test_means_of_two_variables_hang_together():
    fresh, bad = judged(stays.together, FRESH), judged(stays.together, dealt(("b",)))
    assert fresh["stay_correlation"].value < 0.1 < 0.5 < bad["stay_correlation"].value
    assert bad["stay_correlation"].holdout < 0.1 < bad["stay_correlation"].shuffled


def test_without_a_holdout_nothing_is_told_apart():
    with pytest.raises(AssessmentError, match="holdout"):
        judged(stays.measure, FRESH, None)
    assert judged(stays.together, FRESH, None)["stay_correlation"].value is not None


def test_an_outcome_that_hangs_on_nothing_teaches_nothing():
    good = judged(outcome.measure, FRESH)["tstr_outcome"]
    assert good.value > 0.8 and abs(good.value - good.holdout) < 0.1 and good.shuffled < 0.75
    rng = np.random.default_rng(0)
    people = FRESH.subjects.assign(hospital_death=rng.permutation(FRESH.subjects["hospital_death"]))
    broken = Cohort.of(people, FRESH.events, clock=Clock.HOURS)
    assert judged(outcome.measure, broken)["tstr_outcome"].value < good.value - 0.15
    nobody = Cohort.of(FRESH.subjects.assign(hospital_death="no"), FRESH.events, clock=Clock.HOURS)
    with pytest.raises(AssessmentError, match="fewer than 20 synthetic"):
        judged(outcome.measure, nobody)


def test_diagnoses_without_numbers_do_not_end_the_outcome():
    trial = CohortTrial(coded(TRAIN), coded(HOLDOUT), coded(FRESH), Seeds(0))
    assert outcome.measure(trial).scores[0].value > 0.8


def test_absence_that_comes_at_random_is_not_absence_at_every_third():
    fresh = judged(absent.measure, FRESH)["absent_runs_tvd"]
    assert fresh.value < 0.02
    rng, events = np.random.default_rng(0), FRESH.events
    times = events.loc[events["code"] == "a", ["subject_id", "time"]].to_numpy(object)
    kept = times[rng.random(len(times)) < 1 / 3]
    moved = pd.DataFrame(kept, columns=["subject_id", "time"]).assign(code="c", value=1.0)
    bad = with_events(pd.concat([events[events["code"] != "c"], moved]))
    assert judged(absent.measure, bad)["absent_runs_tvd"].value > 0.15


def test_survival_of_the_other_sex_and_of_half_the_days_is_seen():
    good = judged(survival.measure, FRESH)
    assert good["hazard_signs"].value == 1.0 and good["km_area"].value < 0.08
    sex = FRESH.subjects["sex"].map({"F": "M", "M": "F"})
    turned = Cohort.of(FRESH.subjects.assign(sex=sex), FRESH.events, clock=Clock.HOURS)
    assert judged(survival.measure, turned)["hazard_signs"].value < 0.6
    days = (FRESH.subjects["followup_days"].astype(float) / 3).round(1).astype(str)
    short = Cohort.of(FRESH.subjects.assign(followup_days=days), FRESH.events, clock=Clock.HOURS)
    assert judged(survival.measure, short)["km_area"].value > 0.15
