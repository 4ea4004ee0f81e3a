"""`auto` picks by scores on rows that no candidate saw."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.read import read
from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.table import Table
from medsynai.evaluate.glance import Glance
from medsynai.flow.arena import Arena
from medsynai.flow.choice import loss_of
from medsynai.flow.choose import CANDIDATES, candidates_for, choose
from medsynai.models.catalog import load_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


def linked(rows: int = 600) -> Arena:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(rows)
    y, z = (x + 0.2 * rng.standard_normal(rows) for _ in range(2))
    frame = pd.DataFrame({"x": x, "y": y, "z": z})
    schema = Schema(tuple(Column(name, Kind.CONTINUOUS) for name in frame))
    return Arena(Table(frame, schema, patients=np.arange(rows) // 3))


def labelled(arena: Arena) -> Arena:
    frame = arena.train.frame.assign(x=arena.train.whose().astype(float))
    return replace(arena, train=replace(arena.train, frame=frame))


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
    inner, held = labelled(arena).halves(Seeds(2))
    assert len(inner) + len(held) == 600
    assert not set(inner.frame["x"]) & set(held.frame["x"])
    assert 120 <= len(held) <= 180


def test_splits_are_judged_by_rows_of_other_patients_each():
    arena = linked()
    held = [set(labelled(arena).halves(Seeds(2), t)[1].frame["x"]) for t in range(arena.turns)]
    assert len(held) == 3
    assert len(set.union(*held)) == sum(map(len, held))
    assert linked(1200).turns == 1


def test_a_copy_of_the_rows_loses_by_what_it_gives_away():
    """The bootstrap is as near to real rows as can be; only membership tells against it."""
    candidates = {name: load_model(name) for name in ("bootstrap", "copula")}
    choice = choose(candidates, linked(), Ledger(), Seeds(1))
    copied, drawn = choice.seen["bootstrap"], choice.seen["copula"]
    assert copied.membership > 0.7 > drawn.membership
    assert loss_of(replace(copied, membership=None)) < choice.losses["bootstrap"] - 0.5
    assert choice.name == "copula"


def test_the_candidates_are_shown_side_by_side():
    choice = choose({n: load_model(n) for n in ("shuffle", "copula")}, linked(), Ledger(), Seeds(1))
    assert [row["candidate"] for row in choice.exhibit] == ["shuffle", "copula"]
    assert choice.exhibit[1]["loss"] == pytest.approx(choice.losses["copula"], abs=1e-4)
    assert choice.exhibit[0]["c2st"] > choice.exhibit[1]["c2st"]
    assert choice.exhibit[0]["tstr"] is None  # no target is set
    assert "3 inner splits" in choice.sentence


def test_the_loss_of_each_figure():
    good = Glance(pairs=0.1, c2st=0.5, tstr=0.8, trtr=0.8, membership=0.53, chance=0.52)
    assert loss_of(good) == pytest.approx(0.1 / 3)
    assert loss_of(replace(good, c2st=0.4)) == loss_of(good)  # below chance is not better
    assert loss_of(replace(good, c2st=0.8)) == pytest.approx(0.7 / 3)
    assert loss_of(replace(good, tstr=0.65)) == pytest.approx(0.4 / 3)
    assert loss_of(replace(good, tstr=-9.0)) == pytest.approx(1.1 / 3)
    assert loss_of(replace(good, membership=0.6)) == pytest.approx(0.1 / 3 + 0.3)
    assert loss_of(Glance(membership=0.5, chance=0.5)) == float("inf")


def test_size_and_kinds_say_who_competes():
    schema = linked().train.schema
    assert candidates_for(300, schema) == CANDIDATES
    assert candidates_for(2000, schema) == candidates_for(79, schema) == ("forest",)
    sites = Column("site", Kind.CATEGORICAL, categories=("a", "b"))
    assert candidates_for(300, Schema((sites, schema["x"]))) == ("forest",)


def test_collinear_measurements_are_given_to_the_grouped_copula(shared):
    real = read(shared / "bench" / "sets" / "breast_cancer" / "train.csv.gz").table
    schema = real.schema.replacing(replace(real.schema["target"], role=Role.TARGET))
    table = Table(real.frame, schema).learnt()
    rivals = {name: load_model(name) for name in candidates_for(len(table), table.schema)}
    choice = choose(rivals, Arena(table, np.arange(len(table))), Ledger(), Seeds(0))
    assert choice.name == "grouped-copula"
    assert choice.seen["grouped-copula"].tstr > 0.97
