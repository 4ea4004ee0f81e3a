"""`auto` picks by scores on rows that no candidate saw."""

import numpy as np
import pandas as pd

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.flow.choose import Arena, choose
from medsynai.models.catalog import load_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


def linked(rows: int = 600) -> Arena:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(rows)
    y, z = (x + 0.2 * rng.standard_normal(rows) for _ in range(2))
    frame = pd.DataFrame({"x": x, "y": y, "z": z})
    schema = Schema(tuple(Column(name, Kind.CONTINUOUS) for name in frame))
    return Arena(Table(frame, schema), np.arange(rows) // 3)


def test_the_model_that_keeps_relations_wins():
    ledger = Ledger()
    candidates = {name: load_model(name) for name in ("shuffle", "copula")}
    choice = choose(candidates, linked(), ledger, Seeds(1))
    assert choice.name == "copula"
    assert choice.losses["copula"] < choice.losses["shuffle"]
    assert [e.purpose for e in ledger.entries] == ["choose the model"]
    assert "copula" in choice.sentence and "shuffle" in choice.sentence


def test_a_single_candidate_reads_no_row():
    ledger = Ledger()
    assert choose({"copula": load_model("copula")}, linked(), ledger, Seeds(1)).name == "copula"
    assert not ledger.entries


def test_a_patient_is_never_on_both_sides_of_the_inner_split():
    arena = linked()
    labelled = arena.train.frame.assign(x=arena.patients.astype(float))
    inner, held = Arena(Table(labelled, arena.train.schema), arena.patients).halves(Seeds(2))
    assert len(inner) + len(held) == 600
    assert not set(inner.frame["x"]) & set(held.frame["x"])
    assert 120 <= len(held) <= 180
