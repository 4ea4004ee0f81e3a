"""Follow-up that a person declares: columns become exit and death, and come back as they were."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles.followup import FollowUp, declared_in, proposed, toml_of
from medsynai.data.schema import Schema, Survival
from medsynai.errors import SchemaError

DAYS = {"futime": ["400", "5169", "1012.5", None], "status": ["2", "0", "1", "0"]}
START = pd.to_datetime(["2020-03-01", "2020-05-02", "2021-01-01", "2021-02-03"])


def cohort(statics: dict, clock: Clock = Clock.DAYS) -> Cohort:
    keys = list("abcd")
    time = [0.0, 5.0, 2.0, 0.0] if clock is not Clock.CALENDAR else START
    people = pd.DataFrame({"subject_id": keys} | statics)
    events = pd.DataFrame({"subject_id": keys, "time": time, "code": "bili"})
    return Cohort.of(people, events, clock=clock)


def both_ways(real: Cohort, said: Survival) -> Cohort:
    followup = FollowUp.of(real, said)
    taken = followup.taken(real)
    again = followup.given(taken)
    pd.testing.assert_frame_equal(again.subjects[list(real.subjects)], real.subjects)
    return taken


def test_days_of_a_panel_are_exit_and_death_and_come_back():
    taken = both_ways(cohort(DAYS), Survival("futime", "status", "2")).subjects
    assert taken["exit"].fillna(-1).tolist() == [400, 5169, 1012.5, -1]
    assert taken["death"].fillna(-1).tolist() == [400, -1, -1, -1] and (taken["entry"] == 0).all()
    assert taken["status"].tolist() == [None, "0", "1", "0"]  # who was transplanted stays told
    assert "futime" not in taken
    followup = FollowUp.of(cohort(DAYS), Survival("futime", "status", "2"))
    asked = ("status = 2", "status=0", "status>=1", "sex=f")  # of several levels, others stay
    assert [*map(followup.asked, asked)] == ["death=yes", *asked[1:]]
    two = FollowUp.of(cohort(DAYS | {"status": list("yyny")}), Survival("futime", "status", "y"))
    said = [*map(two.asked, ("status=y", "status=n", "status=x"))]
    assert said == ["death=yes", "death=no", "death=x"]
    hours = FollowUp.of(cohort(DAYS, Clock.HOURS), Survival("futime", "status", "2", unit="days"))
    assert hours.taken(cohort(DAYS, Clock.HOURS)).subjects["exit"][0] == 400 * 24


def test_dates_and_days_of_the_calendar():
    seen = ["2021-03-01", "2021-05-02", "2022-01-01", "2022-02-03"]
    dated = cohort({"last_seen": seen, "died": ["yes", "no", "no", "yes"]}, Clock.CALENDAR)
    taken = both_ways(dated, Survival("last_seen", "died", "yes")).subjects
    assert taken["death"].notna().tolist() == [True, False, False, True] and "died" not in taken
    assert taken["exit"].dt.strftime("%Y-%m-%d").tolist() == seen
    began = {"enrolled": START.strftime("%Y-%m-%d").tolist(), "days": ["10", "20", "30", "40"]}
    counted = cohort(began | {"died": ["1", "0", "0", "0"]}, Clock.CALENDAR)
    taken = both_ways(counted, Survival("days", "died", entry="enrolled")).subjects
    assert (taken["exit"] - taken["entry"]).dt.days.tolist() == [10, 20, 30, 40]
    without = counted.subjects.drop(columns="enrolled")
    taken = both_ways(replace(counted, subjects=without), Survival("days", "died")).subjects
    assert (taken["exit"] - pd.Series(START)).dt.days.tolist() == [10, 20, 30, 40]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Survival("futimes", "status"), "'futimes' is no column of patients .* columns: futime"),
        (Survival("futime", "status", "9"), "'9' for nobody"),
        (Survival("futime", "status", unit="years"), "no unit of time 'years'; units: seconds"),
        (Survival("stage", "status"), "'stage' holds texts that are no numbers"),
    ],
)
def test_what_cannot_be_follow_up_is_refused(said, told):
    with pytest.raises(SchemaError, match=told):
        FollowUp.of(cohort(DAYS | {"stage": list("wxyz")}), said)
    dead = cohort(DAYS)
    dead = replace(dead, subjects=dead.subjects.assign(death=[1.0, np.nan, np.nan, np.nan]))
    with pytest.raises(SchemaError, match="already"):
        FollowUp.of(dead, Survival("futime", "status", "2"))


def test_names_propose_and_a_schema_declares_one():
    looks = proposed(cohort(DAYS | {"stage": list("wxyz")}))
    assert looks == Survival("futime", "status", "2")
    assert declared_in(Schema.from_toml(toml_of(looks))) == looks
    assert proposed(cohort({"stage": list("wxyz")})) is None
    assert proposed(cohort({"futime": list("wxyz"), "status": list("0101")})) is None
    with pytest.raises(SchemaError, match="this one has 0"):
        declared_in(Schema())
