"""Who has the outcome is foretold by drawn rows as well as by real ones, and by nothing more."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.forest import foretelling
from medsynai.forest.booster import NOTHING
from medsynai.forest.foretelling import (
    NOT_FORETOLD,
    Foretelling,
    Outcome,
    Pool,
    fit_foretelling,
)
from medsynai.models.catalog import open_model
from medsynai.models.refined import Refined
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

SIGNS = tuple(f"sign{i}" for i in range(6))
# Shuffled columns foretell nothing; no round of whole rows, so that all is the outcome's doing.
SHUFFLED = Refined(inner="shuffle", rounds=1, trees=1, rate=1e-6, pool=8, foretell="died", by=SIGNS)


def stays(rows: int = 1500, seed: int = 0) -> Table:
    """Six signs, each a little higher in those who died; `after` tells it afterwards."""
    rng = np.random.default_rng(seed)
    died = rng.random(rows) < 0.2
    frame = pd.DataFrame({n: (rng.normal(size=rows) + 0.6 * died).round(2) for n in SIGNS})
    frame["after"] = np.where(died, 1.0, 0.0) + rng.normal(0, 0.01, rows).round(3)
    frame["died"] = pd.Categorical(np.where(died, "yes", "no"), categories=["no", "yes"])
    numbers = [Column(n, Kind.CONTINUOUS, decimals=3) for n in (*SIGNS, "after")]
    told = Column("died", Kind.BINARY, categories=("no", "yes"))
    return Table(frame, Schema((*numbers, told)))


def judged(table: Table) -> float:
    """AUC on other real stays of a model that learnt from these."""
    real = stays(4000, 1)
    model = LogisticRegression().fit(table.frame[list(SIGNS)], table.frame["died"] == "yes")
    chance = model.predict_proba(real.frame[list(SIGNS)])[:, 1]
    return float(roc_auc_score(real.frame["died"] == "yes", chance))


@pytest.fixture(scope="module")
def fitted():
    return SHUFFLED.fit(stays(), Ledger(), Seeds(1))


def apart(table: Table) -> float:
    """How much higher signs are in those who died; 0.6 in real stays."""
    died = table.frame["died"] == "yes"
    signs = table.frame[list(SIGNS)]
    return float((signs[died].mean() - signs[~died].mean()).mean())


def test_an_outcome_that_shuffled_columns_cannot_foretell_is_foretold(fitted):
    drawn = fitted.sample(1500, Seeds(2))
    assert abs(apart(fitted.inner.sample(1500, Seeds(2)))) < 0.15
    assert apart(drawn) == pytest.approx(0.6, abs=0.15)
    assert judged(drawn) > 0.8
    assert (drawn.frame["died"] == "yes").mean() == pytest.approx(0.2, abs=0.02)


def test_it_is_foretold_by_what_was_named_alone(fitted):
    """A column that tells the outcome afterwards would take all of the weight."""
    every = replace(SHUFFLED, by=()).fit(stays(), Ledger(), Seeds(1))
    told = {}
    for name, model in {"named": fitted, "every": every}.items():
        drawn = model.sample(1500, Seeds(2))
        told[name] = drawn.frame["after"].corr((drawn.frame["died"] == "yes") * 1.0)
    assert fitted.outcome.columns == SIGNS and "after" in every.outcome.columns
    assert abs(told["named"]) < 0.2 < 0.5 < told["every"]


def test_few_patients_with_the_outcome_teach_nothing():
    assert SHUFFLED.fit(stays(120), Ledger(), Seeds(3)).outcome is NOT_FORETOLD


def test_what_is_foretold_as_well_already_is_left_alone():
    fresh = [Pool(stays(6000, seed), np.zeros(6000)) for seed in (2, 3)]  # as good as real
    told = fit_foretelling(Outcome("died", "yes"), SIGNS, stays(), *fresh, Seeds(4))
    assert told.power <= 0.5


def test_a_condition_on_the_outcome_is_met_and_its_signs_are_theirs(fitted):
    from medsynai.flow.conditions import parse_conditions

    asked = parse_conditions(("died=yes",), stays().schema)
    drawn = fitted.sample(400, Seeds(4), asked)
    assert (drawn.frame["died"] == "yes").all()
    assert drawn.frame[list(SIGNS)].mean().mean() > 0.35  # of all: 0.12


def test_what_is_saved_draws_the_same_rows(fitted, tmp_path):
    fitted.save(tmp_path)
    again = open_model(tmp_path)
    one, two = fitted.sample(200, Seeds(5)), again.sample(200, Seeds(5))
    pd.testing.assert_frame_equal(one.frame, two.frame)
    arrays, facts = fitted.outcome.arrays(), fitted.outcome.facts()
    loaded = Foretelling.load(fitted.schema, arrays, facts)
    assert loaded.power == fitted.outcome.power


def test_an_outcome_is_a_level_or_that_there_is_a_value():
    table = stays(50)
    assert Outcome.of(table, "died") == Outcome("died", "yes")
    frame = table.frame.assign(after=table.frame["after"].where(table.frame["died"] == "yes"))
    when = Outcome.of(Table(frame, table.schema), "after")
    assert when == Outcome("after", None)
    assert (when.had(Table(frame, table.schema)) == (frame["died"] == "yes")).all()


def test_of_each_patient_one_row_is_learnt_from(monkeypatch):
    """Rows of one patient on both sides of a fold would be foretold by each other."""
    table = stays(900)
    whose = np.repeat(np.arange(300), 3)
    looked = []

    def seen(rows, had, seeds):
        looked.append(len(rows))
        return NOTHING, 0.5

    monkeypatch.setattr(foretelling, "_grown", seen)
    several = Table(table.frame, table.schema, patients=whose)
    fresh = [Pool(stays(600, seed), np.zeros(600)) for seed in (2, 3)]
    fit_foretelling(Outcome("died", "yes"), SIGNS, several, *fresh, Seeds(4))
    assert looked[0] == 300
