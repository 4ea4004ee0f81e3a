"""Pictures of patients: nobody real, no band of few, and what is drawn is what was made."""

import numpy as np
import pandas as pd

from medsynai.data.cohort import Clock, Cohort
from medsynai.evaluate.cohorts import pictures
from medsynai.evaluate.cohorts.lives import _shorter, timelines
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.report.exhibits import draw
from medsynai.report.suppress import withhold
from medsynai.seeds import Seeds


def ward(n: int, seed: int, level: float = 80.0) -> Cohort:
    """Hourly heart rates about a level, which rise; a rare number of few patients; a stay each."""
    rng, rows = np.random.default_rng(seed), []
    keys = [f"{seed}-{i}" for i in range(n)]
    start = pd.Timestamp("2020-01-01")
    for i, key in enumerate(keys):
        for hour in range(24):
            value = round(float(level + hour + rng.normal()), 3)
            rows.append((key, start + pd.Timedelta(hours=hour), "HR", value, "/min"))
            if i < 20:
                rows.append((key, start + pd.Timedelta(hours=hour), "RARE", 1.0, None))
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "value", "unit"])
    people = pd.DataFrame({"subject_id": keys, "sex": "F", "birth": pd.Timestamp("1949-06-01")})
    people["death"] = pd.Series([start + pd.Timedelta(days=2)] + [pd.NaT] * (n - 1))
    stays = pd.DataFrame({"visit_id": keys, "subject_id": keys, "start": start, "kind": "ICU"})
    stays["end"] = start + pd.Timedelta(days=1)
    return Cohort.of(people, events.assign(kind="vital"), stays)


def found(train: Cohort, made: Cohort):
    return pictures.measure(CohortTrial(train, None, made, Seeds(0))).exhibits


def test_bands_are_of_many_patients_and_lines_are_synthetic_ones():
    train, made = ward(60, 1), ward(50, 2, level=100)
    told = found(train, made)
    assert [p["title"] for p in told["courses"]] == ["HR (/min)"]  # RARE is of 20 patients
    one = told["courses"][0]
    assert one["axis"] == "hours" and len(one["step"]) >= 20
    assert abs(one["real"]["middle"][0] - 80) < 2 and abs(one["synthetic"]["middle"][0] - 100) < 2
    assert one["real"]["middle"][-1] > one["real"]["middle"][0] + 15
    assert min(min(x) for x in one["drawn"]) > 95  # of real patients all begin about 80
    assert "courses" not in found(ward(40, 1), made)
    shown = withhold(told)
    assert set(shown.exhibits) == {"courses", "timelines"}
    page = str(draw("courses", told["courses"]))
    assert "band-real" in page and ">hours<" in page and "No real patient" in page


def test_timelines_tell_every_event_of_some_synthetic_patients():
    train, made = ward(60, 1), ward(50, 2, level=100)
    lives = found(train, made)["timelines"]
    assert len(lives) == 12 and lives[0]["title"] == "F, 71 years, died"
    assert lives[1]["title"] == "F, 71 years"
    lanes = {lane["name"]: lane for lane in lives[0]["lanes"]}
    assert lanes["visits"]["at"] == [0.0] and lanes["visits"]["until"] == [24.0]
    mine = made.events[made.events["subject_id"] == made.subjects["subject_id"][0]]
    assert sum(len(lane["at"]) for n, lane in lanes.items() if n != "visits") == len(mine)
    assert lives[0]["more"] == 0  # of one kind, so that each code has a lane
    assert lanes["HR"]["said"][0] == f"HR {mine['value'].iloc[0]:g} /min"
    page = str(draw("timelines", lives))
    assert page.count("<svg") == 12 and "8 more patients" in page and "HR" in page


def test_diagnoses_of_a_visit_stand_where_it_begins():
    train, made = ward(60, 1), ward(50, 2)
    mine = DIAGNOSIS.assign(subject_id="2-1", visit_id="2-1")
    told = Cohort.of(
        made.subjects, pd.concat([made.events, mine]).reset_index(drop=True), made.visits
    )
    lives = found(train, told)["timelines"]
    lanes = [{lane["name"]: lane for lane in life["lanes"]} for life in lives]
    with_it = [one["dx"] for one in lanes if "dx" in one]
    assert len(with_it) == 1 and with_it[0]["at"] == [0.0] and with_it[0]["said"] == ["I10"]


DIAGNOSIS = pd.DataFrame({"code": ["I10"], "kind": ["dx"]})


def test_offsets_and_events_without_times_are_drawn_too():
    rows = pd.DataFrame({"subject_id": ["a", "a", "b"], "time": [-2.0, 30.0, np.nan]})
    cohort = Cohort.of(events=rows.assign(code="<x>", text="y"), clock=Clock.DAYS)
    lives = found(cohort, cohort)["timelines"]
    assert [len(life["lanes"][0]["at"]) for life in lives] == [2]
    assert lives[0]["unit"] == "days" and lives[0]["title"] == "a patient"
    page = str(draw("timelines", lives))
    assert "&lt;x&gt; y" in page and "<x>" not in page


def test_a_heading_tells_ages_with_one_decimal():
    assert [_shorter(v) for v in ("46.188836138", "45", "I10.9", "-1.25")] == [
        "46.2",
        "45",
        "I10.9",
        "-1.25",
    ]


def test_events_without_a_time_and_no_visits_are_drawn_at_the_beginning():
    """A dated cohort whose statics are events without a time, as MEDS has them."""
    at = pd.to_datetime(["2020-01-01 08:00", "2020-01-01 09:00", None] * 3)
    events = pd.DataFrame({"subject_id": np.repeat(["a", "b", "c"], 3), "time": at})
    cohort = Cohort.of(events=events.assign(code=["x", "x", "GENDER"] * 3))
    lives = timelines(cohort)
    assert len(lives) == 3
    assert all(sorted(v for lane in one["lanes"] for v in lane["at"])[0] == 0 for one in lives)
