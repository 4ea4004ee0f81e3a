"""No model tells when to stop by rows of a patient that it learnt from, wherever it is fitted.

Each patient of the planted table has three rows alike, and no two patients are alike; the column
that says whose they are is gone before any model is fitted.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.flow import stages
from medsynai.flow.arena import TURNS
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.training import train
from medsynai.flow.tune import Search, tune
from medsynai.flow.watch import Watch
from medsynai.forest import ratio
from medsynai.learn import fitted
from medsynai.models.refined import Refined
from medsynai.privacy.ledger import Ledger

FAST = {"steps": 2, "width": 8, "latent": 2, "components": 1}


def stays(patients: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"mrn": [f"P{i:04d}" for i in range(patients)]})
    for name in ("crp", "ldh", "alt", "ast", "age"):
        frame[name] = np.round(rng.normal(50, 9, patients), 2)
    return frame.loc[np.repeat(np.arange(patients), 3)].reset_index(drop=True)


@pytest.fixture
def shared(monkeypatch):
    """Of each inner split, the share of held-out rows that are learnt from as well."""
    seen = []

    def look(inside, outside):
        assert len(inside) and len(outside)
        learnt = {tuple(row) for row in np.asarray(inside)}
        seen.append(np.mean([tuple(row) in learnt for row in np.asarray(outside)]))

    train_network, begin = fitted.train, ratio._Chain.__post_init__

    def watched(job, rows, held, *rest):
        look(rows, held)
        return train_network(job, rows, held, *rest)

    def begun(chain):
        look(chain.real[~chain.held_real], chain.real[chain.held_real])
        begin(chain)

    monkeypatch.setattr(fitted, "train", watched)
    monkeypatch.setattr(ratio._Chain, "__post_init__", begun)
    return seen


def fit(plan: Plan, spoil=lambda parts: parts) -> None:
    ledger, watch = Ledger(), Watch()
    loaded = stages.read(plan, Handed(stays()), ledger, watch)
    assert loaded.table.schema.subject == "mrn"
    parts = spoil(stages.divide(loaded, plan, watch))
    assert "mrn" not in parts.train.schema
    train(parts, loaded.source, plan, ledger, watch)


PLAN = Plan(model="vae", settings=FAST)


def test_held_out_rows_of_a_network_are_of_other_patients(shared):
    fit(PLAN)
    assert shared == [0.0]


def test_so_they_are_where_discriminators_refine_it_and_gaps_are_filled_in(shared):
    fit(replace(PLAN, refine=True, impute="median"))
    assert len(shared) == 1 + Refined().folds and set(shared) == {0.0}


def test_so_they_are_in_the_arena_where_models_compete_and_are_tuned(shared, tmp_path):
    stays().to_csv(tmp_path / "stays.csv", index=False)
    tune(replace(PLAN, source=str(tmp_path / "stays.csv")), Search(60.0, trials=1))
    assert shared == [0.0] * TURNS


def test_a_table_that_does_not_say_whose_rows_they_are_is_told_apart_from_one_that_does(shared):
    """The violation, planted: the check above would see it."""
    fit(PLAN, lambda parts: replace(parts, train=replace(parts.train, patients=None)))
    assert shared[0] > 0.9
