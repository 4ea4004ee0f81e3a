"""Patients as a clinician asks for them: women over 70 who died."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles.layout import Layout, Part, Sheet
from medsynai.errors import ConditionError
from medsynai.flow.cohorts.asking import asked_of
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
        ("ward=A", "columns: sex, age, death$"),
        ("died=no", "'death' has no level 'no'; allowed: yes$"),
        ("age>150", r"it runs from \d\d to \d\d$"),  # whole years, not ticks
        ("deth=yes", "did you mean 'death'"),
    ):
        with pytest.raises(ConditionError, match=told):
            asked_of(fitted, (asked,), layout)
