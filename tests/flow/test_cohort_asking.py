"""Patients as a clinician asks for them: women over 70 who died."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles.layout import Layout, Part, Sheet
from medsynai.errors import ConditionError
from medsynai.flow.cohorts import stages
from medsynai.flow.cohorts.alike import Alike
from medsynai.flow.cohorts.asking import asked_of
from medsynai.flow.kind_stages import Run
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch
from medsynai.models.catalog import load_cohort_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

YEAR = pd.Timedelta(days=365.25)
SMALL = {
    "markov": {"lives": {"trees": 2}},
    "events": {"width": 16, "memory": 8, "steps": 20, "lives": {"settings": {"trees": 2}}},
}


def lives(n: int = 200, **more) -> Cohort:
    rng, keys = np.random.default_rng(1), [str(i) for i in range(n)]
    people = pd.DataFrame({"subject_id": keys, "sex": rng.choice(["F", "M"], n)}).assign(**more)
    start = pd.Timestamp("2019-05-01") + pd.to_timedelta(rng.integers(0, 600, n), "D")
    people["birth"] = (start - pd.to_timedelta(rng.integers(7_000, 33_000, n), "D")).normalize()
    people["death"] = pd.Series(start + pd.Timedelta(days=3)).where(rng.random(n) < 0.4)
    return Cohort.of(people, pd.DataFrame({"subject_id": keys, "time": start, "code": "x"}))


@pytest.mark.parametrize("name", SMALL)
def test_women_over_seventy_who_died(name):
    fitted = load_cohort_model(name, SMALL[name]).fit(lives(), Ledger(), Seeds(1))
    made = fitted.sample(300, Seeds(2), asked_of(fitted, ("sex=F", "age>70", "death=yes")))
    people = made.subjects
    age = (pd.Series(made.begins()) - people["birth"]) / YEAR
    assert len(made) == 300 and set(people["sex"]) == {"F"}
    assert (age > 70).all() and people["death"].notna().all()
    young = fitted.sample(100, Seeds(2), asked_of(fitted, ("age>=30", "age<40")))
    ages = (pd.Series(young.begins()) - young.subjects["birth"]) / YEAR
    assert ages.between(30, 40).all() and not young.subjects["death"].notna().all()
    of_one = fitted.sample(50, Seeds(2), asked_of(fitted, ("age=50",)))
    assert ((pd.Series(of_one.begins()) - of_one.subjects["birth"]) // YEAR == 50).all()
    with pytest.raises(ConditionError, match="age"):
        asked_of(fitted, ("age>150",))


@pytest.mark.parametrize("name", SMALL)
def test_women_over_seventy_who_did_not_die(name):
    fitted = load_cohort_model(name, SMALL[name]).fit(lives(), Ledger(), Seeds(1))
    made = fitted.sample(300, Seeds(2), asked_of(fitted, ("sex=F", "age>70", "death=no")))
    age = (pd.Series(made.begins()) - made.subjects["birth"]) / YEAR
    assert len(made) == 300 and set(made.subjects["sex"]) == {"F"} and (age > 70).all()
    assert made.subjects["death"].isna().all()
    both = asked_of(fitted, ("death=no|yes",))
    assert 0 < fitted.sample(200, Seeds(2), both).subjects["death"].notna().mean() < 1
    with pytest.raises(ConditionError, match="exclude each other"):
        asked_of(fitted, ("death=no", "death=yes"))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(("levels", "last"), [("01", "1"), (("died", "survived"), "died")])
def test_who_died_is_asked_of_a_column_where_there_is_no_time(name, levels, last):
    rng = np.random.default_rng(3)
    fate = rng.choice(list(levels), 200)
    cohort = lives(hospital_death=fate)
    cohort = replace(cohort, subjects=cohort.subjects.assign(death=pd.NaT))
    fitted = load_cohort_model(name, SMALL[name]).fit(cohort, Ledger(), Seeds(1))
    for asked, met in (("death=yes", {last}), ("death=no", {*levels} - {last})):
        made = fitted.sample(60, Seeds(2), asked_of(fitted, (asked, "sex=M")))
        assert set(made.subjects["hospital_death"]) == met and set(made.subjects["sex"]) == {"M"}
    with pytest.raises(ConditionError, match="'hospital_death' has no level 'perhaps'"):
        asked_of(fitted, ("death=perhaps",))


def test_nobody_lived_or_nobody_died_is_said_in_words():
    cohort = lives()
    died = replace(cohort, subjects=cohort.subjects.assign(death=cohort.events["time"]))
    fitted = load_cohort_model("markov", SMALL["markov"]).fit(died, Ledger(), Seeds(1))
    with pytest.raises(ConditionError, match="'death' has no level 'no'; allowed: yes"):
        asked_of(fitted, ("death=no",))


def test_what_is_asked_is_judged_beside_real_patients_who_are_so():
    cohort = lives()
    alike = Alike.of(cohort, ("sex=F", "death=no"), Layout())
    met = alike.among(cohort).subjects
    whole = cohort.subjects
    assert set(met["sex"]) == {"F"} and met["death"].isna().all()
    assert len(met) == int(((whole["sex"] == "F") & whole["death"].isna()).sum()) > 0
    strange = replace(cohort, subjects=whole.assign(sex=["F", "X"] * 100))  # unseen in training
    assert set(alike.among(strange).subjects["sex"]) == {"F"}
    split = lives(sex=["F", "M"] * 100, ward=["A", "B"] * 100)
    with pytest.raises(ConditionError, match="no train patient is all"):
        Alike.of(split, ("sex=F", "ward=B"), Layout())


def test_a_column_of_that_name_is_asked_itself():
    cohort = lives(age=[str(i % 50 + 20) for i in range(200)])
    fitted = load_cohort_model("markov", SMALL["markov"]).fit(cohort, Ledger(), Seeds(1))
    assert asked_of(fitted, ("age>=60",)).wanted[0].column == "age"
    rows = pd.DataFrame({"subject_id": [str(i) for i in range(50)], "time": 0.0, "code": "x"})
    nameless = Cohort.of(events=rows, clock=Clock.HOURS)
    fitted = load_cohort_model("markov", SMALL["markov"]).fit(nameless, Ledger(), Seeds(1))
    with pytest.raises(ConditionError, match="not in the data"):
        asked_of(fitted, ("age>=60",))


def test_only_what_a_person_may_ask_is_named_and_in_the_words_of_the_source():
    fitted = load_cohort_model("markov", SMALL["markov"]).fit(lives(), Ledger(), Seeds(1))
    sheet = Sheet("people", Part.SUBJECTS, {"subject_id": "nr", "sex": "m/w", "death": "died"})
    layout = Layout("tables", (sheet,))
    assert asked_of(fitted, ("m/w = F", "died=yes"), layout) == asked_of(
        fitted, ("sex=F", "death=yes"), layout
    )
    for asked, told in (
        ("ward=A", "columns: m/w, age, died$"),
        ("died=perhaps", "'died' has no level 'perhaps'; allowed: no, yes$"),
        ("sex=X", "'m/w' has no level 'X'"),
        ("age>150", r"it runs from \d\d to \d\d$"),  # whole years, not ticks
        ("dead=yes", "did you mean 'died'"),
    ):
        with pytest.raises(ConditionError, match=told):
            asked_of(fitted, (asked,), layout)


def test_the_judge_of_a_condition_is_shown_real_patients_who_are_so(monkeypatch):
    sides = []
    monkeypatch.setattr(stages, "CohortTrial", lambda *told: sides.extend(told[:3]))
    monkeypatch.setattr(stages.judging, "judge", lambda *_: None)
    cohort = lives()
    alike = Alike.of(cohort, ("sex=F",), Layout())
    parts = stages.CohortParts(cohort, cohort, (), cohort, (), alike)
    stages.judge(cohort, parts, Run(Plan(conditions=("sex=F",)), Ledger(), Watch()))
    real, held, made = (set(c.subjects["sex"]) for c in sides)
    assert (real, held, made) == ({"F"}, {"F"}, {"F", "M"})
