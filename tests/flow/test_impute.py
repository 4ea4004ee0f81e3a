"""Missing values stay missing unless a person asks otherwise; then every document says so."""

import numpy as np
import pandas as pd
import pytest

from medsynai.errors import PlanError
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.run import make

FEW = ("validity",)


def clinic() -> Handed:
    rng = np.random.default_rng(2)
    age = rng.integers(20, 90, 300)
    crp = np.round(rng.gamma(2, 8, 300), 1)
    crp[rng.random(300) < 0.3] = np.nan
    return Handed(pd.DataFrame({"age": age, "crp": crp, "sex": rng.choice(["f", "m"], 300)}))


def test_by_default_gaps_are_drawn_as_gaps():
    release = make(Plan(model="forest", measures=FEW), clinic())
    assert 0.2 < release.frame["crp"].isna().mean() < 0.4
    assert not any("filled in" in note for note in release.evidence.notes)


def test_filled_in_gaps_are_said_in_notes_ledger_and_plan():
    release = make(Plan(model="forest", impute="median", measures=FEW), clinic())
    assert release.frame["crp"].notna().all()
    assert any("filled in before training (by median: crp" in n for n in release.evidence.notes)
    assert any("fill missing values in" in str(entry) for entry in release.evidence.ledger.values())
    assert release.evidence.plan["impute"] == "median"


@pytest.mark.parametrize(
    ("options", "words"),
    [({"impute": "zero"}, "mean, median, model"), ({"impute": "mean", "mix_real": 0.5}, "gaps")],
)
def test_what_cannot_be_is_refused(options, words):
    with pytest.raises(PlanError, match=words):
        Plan(**options)
