"""Thirty stays of one patient are one patient wherever a threshold protects a person."""

import numpy as np
import pandas as pd

from medsynai.codec.numbers import NumberCodec
from medsynai.constraints.discover import discover
from medsynai.data.infer import infer
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.evaluate.histograms import measure
from medsynai.evaluate.marginals import hidden_share
from medsynai.evaluate.projection import grids
from medsynai.evaluate.trial import Trial
from medsynai.forest.forest import Forest
from medsynai.seeds import Seeds

STAYS = 30
OTHERS = 400


def stays(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys, ages and charges; the last patient has 30 stays at a charge that nobody else has."""
    rng = np.random.default_rng(seed)
    keys = np.append(np.repeat(np.arange(OTHERS // 2), 2), np.full(STAYS, OTHERS))
    age = rng.integers(40, 80, len(keys))
    charge = np.append(rng.integers(100, 200, OTHERS), np.full(STAYS, 983))
    return keys, age, charge


def table(named: bool = True) -> Table:
    """The stays as a table; without a subject's column each is another patient's."""
    keys, age, charge = stays()
    frame = pd.DataFrame({"age": age.astype(float), "charge": charge.astype(float)})
    columns = (
        Column("age", Kind.INTEGER, minimum=40, maximum=80),
        Column("charge", Kind.INTEGER, minimum=0, maximum=1000),
    )
    return Table(frame, Schema(columns), patients=keys if named else None)


def raw(named: bool) -> pd.DataFrame:
    """The stays as the fields of a file."""
    keys, age, charge = stays()
    fields = pd.DataFrame({"age": age, "charge": charge})
    # a word that half of the stays share two by two, and one patient thirty times
    fields["ward"] = [f"w{k}" for k in keys // 2]
    if named:
        fields.insert(0, "patient_id", [f"P{k:05d}" for k in keys])
    return fields.astype(str)


def test_thirty_stays_do_not_publish_their_extreme():
    assert infer(raw(named=False), text=True)["charge"].maximum == 983
    found = infer(raw(named=True), text=True)["charge"]
    assert found.maximum is not None and found.maximum > 983
    assert "983" not in " ".join(found.warnings)


def test_codes_of_two_patients_are_nearly_identifiers_however_many_stays():
    warned = [infer(raw(named), text=True)["ward"].warnings for named in (False, True)]
    assert ["nearly an identifier" in " ".join(w) for w in warned] == [False, True]


def test_thirty_stays_do_not_share_a_number():
    values = stays()[2].astype(float)
    rng = np.random.default_rng(1)
    for whose, drawn in ((None, True), (stays()[0], False)):
        codec = NumberCodec.fit(values, 100, 5, 3, whose)
        seen = codec.decode(codec.encode(values), rng)
        assert (seen == 983).any() == drawn
        assert drawn or seen.max() < 200
    apart = np.append(values[:OTHERS], 900.0 + np.arange(STAYS))  # as many values as stays
    codec = NumberCodec.fit(apart, 100, 5, 3, stays()[0])
    assert codec.top < 200 and (np.diff(codec.low) > 0).all()


def test_thirty_stays_do_not_fill_a_leaf():
    for named, fills in ((True, False), (False, True)):
        fitted = Forest(min_leaf=20, trees=1, candidates=1.0, linear=0).fit(table(named))
        trees, last = fitted.steps[1].trees, fitted.codec.columns[1].size - 1
        assert fitted.codec.columns[1].column.name == "charge"
        codes = fitted.codec.encode(table(named).only(fitted.order))
        leaf = trees.leaves(codes.T.astype(np.float32), np.zeros(len(codes), int))
        whose = stays()[0]
        people = [len(np.unique(whose[leaf == node])) for node in np.unique(leaf)]
        assert (min(people) < 20) == fills, (people, last)


def test_thirty_stays_are_a_small_cell():
    keys, _, charge = stays()
    for named in (True, False):
        trial = Trial(table(named), None, table(False), None, Seeds(0))
        edges = measure(trial).exhibits["histograms"][1]["edges"]
        inside = charge >= edges[-2]  # the outer bin is open
        assert (len(np.unique(keys[inside])) < 11) != named
    grid = grids(*[np.column_stack([charge, charge]).astype(float)] * 2, keys)["real"]
    assert grid[-1][-1] is None
    assert hidden_share(charge == 983, keys) is None
    assert hidden_share(charge == 983, np.arange(len(keys))) == round(STAYS / len(keys), 4)


def test_thirty_stays_make_no_rule():
    rng = np.random.default_rng(2)
    ward = np.append(rng.integers(0, 2, OTHERS), np.full(STAYS, 2))
    score = np.where(ward == 2, np.nan, rng.normal(size=len(ward)))
    frame = pd.DataFrame({"ward": pd.Categorical.from_codes(ward, list("abc")), "score": score})
    columns = (
        Column("ward", Kind.CATEGORICAL, categories=("a", "b", "c")),
        Column("score", Kind.CONTINUOUS, missing=True),
    )
    lone = Table(frame, Schema(columns))
    assert discover(lone)
    assert not discover(Table(frame, Schema(columns), patients=stays()[0]))
