"""The study on cohorts: no outcome in the summaries, patients apart, every arm tried."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import ModelError, PlanError
from medsynai.evaluate.arms import Arm
from medsynai.evaluate.interval import auc
from medsynai.flow.augment import cohorts
from medsynai.flow.augment.cohorts import CohortLab, Drawn, Question
from medsynai.flow.augment.study import at_hand, cell
from medsynai.flow.plan import Plan
from medsynai.models.markov import Markov
from medsynai.seeds import Seeds

LAYOUT = """clock = "hours"
[[sheets]]
name = "people"
part = "subjects"
columns = { subject_id = "subject_id" }
[[sheets]]
name = "events"
part = "events"
columns = { subject_id = "subject_id", time = "time", code = "code", value = "value" }
"""


def ward(n: int, seed: int, signal: float = 1.0) -> Cohort:
    """Two days of numbers, every other hour; of three in ten the record ends as they die.

    What may be known before is `lactate` alone, by `signal`. A score that is named after death and
    a note without a time tell who died.
    """
    rng = np.random.default_rng(seed)
    died = rng.random(n) < 0.3
    steps = np.where(died, rng.integers(6, 20, n), 24)
    whose = np.repeat(np.arange(n), steps)
    time = 2.0 * (np.arange(len(whose)) - np.repeat(np.cumsum(steps) - steps, steps))
    courses = {
        "lactate": 2 + signal * died[whose] + rng.normal(0, 1, len(whose)),
        "pulse": rng.normal(80, 9, len(whose)),
    }
    events = [
        pd.DataFrame({"subject_id": whose, "time": time, "code": code, "value": value.round(2)})
        for code, value in courses.items()
    ]
    for code, when in (("mortality score", 0.0), ("note", np.nan)):
        told = {"subject_id": np.arange(n), "time": when, "code": code, "value": died * 1.0}
        events.append(pd.DataFrame(told))
    people = pd.DataFrame({"subject_id": np.arange(n), "fatal": np.where(died, "y", "n")})
    people["death"] = np.where(died, 2.0 * steps, np.nan)
    whole = pd.concat(events, ignore_index=True)
    return Cohort.of(
        people.astype({"subject_id": str}), whole.astype({"subject_id": str}), clock=Clock.HOURS
    )


def lab_of(signal: float, target: str | None = None, model: str = "auto") -> CohortLab:
    parts = [ward(300, seed, signal) for seed in (1, 2)]
    question = Question.of(parts[0], target)
    train, holdout = (c.only(np.isfinite(question.truth(c))) for c in parts)
    return CohortLab(Plan(source="x", model=model), train, holdout, question)


@pytest.fixture(scope="module")
def lab() -> CohortLab:
    return lab_of(1.0)


def real_auc(lab: CohortLab) -> float:
    """Of the real arm."""
    bench = lab.bench(*at_hand(lab, 60, Seeds(0)), Seeds(0))
    _, test = bench.tried((bench.real,), Seeds(0))
    return auc(test[:, 0].astype(int), test[:, 2])


def test_the_summaries_do_not_tell_the_outcome(lab, monkeypatch):
    """Trap: a record ends where its patient dies, so that any count tells who died."""
    for target in (None, "fatal"):
        assert abs(real_auc(lab_of(0.0, target, "shuffle")) - 0.5) < 0.1, target
    assert real_auc(lab) > 0.8
    until = Question.view
    monkeypatch.setattr(Question, "view", lambda q, c: until(replace(q, until=np.inf), c))
    assert real_auc(lab_of(0.0, model="shuffle")) > 0.95  # the whole course tells it


def test_the_landmark_loses_few_and_nobody_is_known_to_be_dead_by_then(lab):
    hours = lab.question.until / 3.6e9
    assert 10 <= hours < 16 and lab.classes == ("no", "yes")
    whole = ward(300, 1)
    died = whole.subjects["death"].notna()
    assert lab.labels.sum() >= 0.8 * died.sum() and (lab.labels == 0).sum() == (~died).sum()
    assert list(lab.question.variables) == ["|lactate|", "|note|", "|pulse|"]
    assert set(lab.views[0].code) == {0, 2}  # a note without a time is not looked at
    early = whole.subjects.copy()
    early.loc[0, "death"] = hours  # events behind a death do not bring anybody back
    assert np.isnan(lab.question.truth(replace(whole, subjects=early))[0])


def test_patients_are_on_one_side_and_the_generator_sees_those_to_learn_from(lab, monkeypatch):
    """Trap: augment before the split. Neither validation nor holdout patients reach the fit."""
    seen, fit = [], Markov.fit

    def spied(self, cohort, *given):
        seen.append(cohort)
        return fit(self, cohort, *given)

    monkeypatch.setattr(Markov, "fit", spied)
    learn, held = at_hand(lab, 20, Seeds(3))
    bench = lab.bench(learn, held, Seeds(3))
    keys = lab.train.subjects["subject_id"].to_numpy()
    assert set(seen[0].subjects["subject_id"]) == set(keys[learn])
    assert not set(keys[learn]) & set(keys[held]) and len(bench.real) == len(learn) == 32
    at = bench.task.encoding.names.index("2")  # the mean of lactate
    mine = lab.train.only(learn).events
    mine = mine[(mine["code"] == "lactate") & (mine["time"] <= lab.question.until / 3.6e9)]
    means = mine.groupby("subject_id")["value"].mean()
    assert sorted(bench.real[:, at]) == pytest.approx(sorted(means))


def test_every_arm_is_tried_and_counts_are_equal(lab):
    found = {o.arm: o for o in cell(lab, 15, 0, (1.0,), Seeds(0))}
    assert set(found) == set(Arm) - {Arm.REPEATED, Arm.EVENED}  # the classes are even
    assert found[Arm.REAL].figures["auroc"] > 0.7 < found[Arm.MIXED].figures["auroc"]
    counts = {found[arm].fitted for arm in (Arm.DUPLICATED, Arm.CLASSIC, Arm.MIXED)}
    assert counts == {2 * found[Arm.REAL].fitted}


@pytest.mark.parametrize("target", ["death", "fatal"])
def test_the_rarer_outcome_is_drawn_until_the_classes_are_even(target):
    lab = lab_of(1.0, target)
    rare = np.flatnonzero(lab.labels == 1)[:30]
    learn = np.concatenate([rare, np.flatnonzero(lab.labels == 0)[:60]])
    bench = lab.bench(learn, np.arange(90, 120), Seeds(0))
    repeated, drawn = bench.evened(Seeds(1))
    assert len(repeated) == len(drawn) == 30
    assert (bench.task.truth(repeated) == 1).all() and (bench.task.truth(drawn) == 1).all()
    mean = bench.task.encoding.names.index("2")
    assert set(repeated[:, mean]) <= set(bench.real[:, mean])
    assert not set(drawn[:, mean]) <= set(bench.real[:, mean])
    assert np.nanmean(drawn[:, mean]) > 2.4  # who dies has more lactate


def test_synthetic_patients_who_leave_early_are_drawn_anew(lab, monkeypatch):
    monkeypatch.setattr(cohorts, "TRIES", 2)
    learn, held = at_hand(lab, 30, Seeds(1))
    draw = lab.bench(learn, held, Seeds(1)).draw
    assert len(draw(70, Seeds(0))) == 70 and draw(9, Seeds(0)).origin == "synthetic"
    far = replace(draw.form, question=replace(lab.question, until=1e15))
    with pytest.raises(ModelError, match="landmark"):
        Drawn(draw.fitted, far)(10, Seeds(0))


@pytest.mark.parametrize(
    ("target", "says"), [("pulse", "no static"), ("unit", "two levels"), (None, "no outcome")]
)
def test_an_outcome_that_there_is_not(target, says):
    whole = ward(60, 1)
    people = whole.subjects.drop(columns="fatal").assign(death=np.nan)
    people["unit"] = np.arange(60) % 3
    with pytest.raises(PlanError, match=says):
        Question.of(replace(whole, subjects=people), target)


def test_the_command(tmp_path):
    whole = ward(120, 3)
    place = tmp_path / "in"
    place.mkdir()
    whole.subjects[["subject_id", "fatal"]].to_csv(place / "people.csv", index=False)
    events = whole.events[whole.events["code"] == "lactate"]
    events[["subject_id", "time", "code", "value"]].to_csv(place / "events.csv", index=False)
    (place / "cohort.toml").write_text(LAYOUT)
    args = ["augment", place, "--target", "fatal", "--sizes", "12", "--seeds", 1, "--ratios", "1"]
    more = ["--model", "shuffle", "--out", tmp_path / "o", "--json"]
    result = CliRunner().invoke(cli, [str(a) for a in (*args, *more)])
    assert result.exit_code == 0, result.output
    assert "fewer than 5" in json.loads(result.stdout)["verdicts"][0]
    assert "12 patients a class" in (tmp_path / "o" / "study.html").read_text()
