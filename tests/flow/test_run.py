"""Runs on real tables: rules, roles of columns, and what a release says of itself."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.errors import ConditionError, PlanError, SchemaError
from medsynai.flow.opening import DEMO, Handed, divide, name_source
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.stages import tied_to_target
from medsynai.flow.withholding import LEAST
from medsynai.seeds import Seeds

FEW = ("validity",)


def test_a_deterministic_relation_is_kept_in_every_row(shared):
    """flchain: the chapter of the cause of death is filled for the dead, and for them only."""
    path = shared / "data" / "tabular" / "flchain.csv.gz"
    release = make(Plan(source=str(path), target="death", rows=4000, measures=FEW))
    made = release.frame
    assert (made["death"].astype(str) == "0").sum() > 1000
    assert made.loc[made["death"].astype(str) == "0", "chapter"].isna().all()
    assert "chapter" in tied_to_target(release.maker.schema)
    assert any("chapter" in note for note in release.evidence.notes)


def test_the_outcomes_shadow_is_found_by_rules_of_both_kinds():
    schema = Schema(
        (
            Column("death", Kind.BINARY, Role.TARGET, categories=("0", "1")),
            Column("cause", Kind.CATEGORICAL, categories=("a", "b"), missing=True),
            Column("ward", Kind.CATEGORICAL, categories=("icu", "none")),
            Column("note", Kind.CATEGORICAL, categories=("a", "b"), missing=True),
        ),
        rules=(
            "cause is missing when death = 0",
            "death = 1 when note is present",
            "death = 0 when ward = none",  # a ward that tells much is a fair predictor
        ),
    )
    assert tied_to_target(schema) == ("cause", "note")


def several_stays(patients: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    stays = np.repeat(np.arange(patients), 3)
    return pd.DataFrame(
        {
            "patient_id": [f"P{i:04d}" for i in stays],
            "age": rng.integers(20, 80, len(stays)),
            "sex": rng.choice(["f", "m"], len(stays)),
        }
    )


def test_a_patients_rows_stay_together():
    from medsynai.data.read import read

    table = read(several_stays()).table
    assert table.schema.subject == "patient_id"
    parts = divide(table, Plan(holdout=0.25), Seeds(4), LEAST)
    assert len(parts.train) % 3 == 0 and len(parts.holdout) == 45
    assert len(np.unique(parts.train.whose())) == 45
    assert (np.bincount(parts.train.whose()) == 3).all()
    assert "patient_id" not in parts.train.schema


def test_too_little_to_learn_from_is_said():
    with pytest.raises(PlanError, match="too few"):
        make(Plan(), Handed(several_stays(6)))
    with pytest.raises(SchemaError, match="at least two"):
        make(Plan(), Handed(several_stays()[["patient_id", "age"]]))


def test_names_never_hold_a_path(tmp_path, monkeypatch):
    assert name_source("/home/anna/secret project/visits.csv.gz") == "visits.csv.gz"
    assert name_source("postgresql://anna:pw@db/clinic::visits") == "visits"
    assert name_source(DEMO) == "SUPPORT2"
    here = tmp_path / "stays"
    here.mkdir()
    monkeypatch.chdir(here)
    assert name_source(".") == name_source("./") == "stays"
    assert name_source(pd.DataFrame()) == "data frame"


def test_without_a_holdout_nothing_is_guessed():
    release = make(Plan(holdout=0.0, measures=("validity", "membership")), Handed(several_stays()))
    membership = next(s for s in release.scores if s.name == "membership_auc")
    assert membership.value is None
    assert release.evidence.data.holdout is None
    assert not release.verdict.passed


def test_a_condition_that_no_train_row_meets_is_refused_before_a_model_is_fitted(monkeypatch):
    frame = several_stays(40).assign(ward=["icu"] + 60 * ["general"] + 59 * ["day"])
    monkeypatch.setattr("medsynai.forest.forest.Forest.fit", lambda *_, **__: 1 / 0)
    with pytest.raises(ConditionError, match="never occurs among the train rows"):
        make(Plan(conditions=("ward=icu",), model="forest"), Handed(frame))
    with pytest.raises(ZeroDivisionError):
        make(Plan(conditions=("ward=day",), model="forest"), Handed(frame))
