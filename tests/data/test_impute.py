"""Gaps are filled in where that was asked for, lawfully, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.impute import WAYS, impute
from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.table import Table, canonical_dtype

COLUMNS = (
    Column("age", Kind.INTEGER, minimum=20, maximum=79, decimals=0),
    Column("bun", Kind.CONTINUOUS, minimum=4.0, maximum=99.5, decimals=1, missing=True),
    Column("sex", Kind.BINARY, categories=("f", "m"), missing=True),
    Column("empty", Kind.CONTINUOUS, missing=True),
    Column("died", Kind.BINARY, Role.TARGET, categories=("0", "1"), missing=True),
)


def table() -> Table:
    rng = np.random.default_rng(1)
    age = rng.integers(20, 80, 400).astype(float)
    bun = np.round(age + rng.normal(0, 2, 400), 1).clip(4, 99.5)
    bun[::4] = np.nan
    sex = np.where(age < 50, "f", "m").astype(object)
    sex[::5] = None
    died = rng.choice(["0", "1"], 400).astype(object)
    died[:3] = None
    data = {"age": age, "bun": bun, "sex": sex, "empty": np.nan, "died": died}
    frame = pd.DataFrame(data)
    typed = {c.name: frame[c.name].astype(canonical_dtype(c)) for c in COLUMNS}
    return Table(pd.DataFrame(typed), Schema(COLUMNS))


@pytest.mark.parametrize("way", WAYS)
def test_gaps_are_filled_and_present_values_are_not_touched(way):
    real = table()
    found = impute(real, way)
    assert found.filled == {"bun": 100, "sex": 80}
    new = found.table.frame
    for name in ("bun", "sex"):
        there = real.frame[name].notna()
        assert new[name].notna().all() and new[name].dtype == real.frame[name].dtype
        assert (new[name][there] == real.frame[name][there]).all()
        assert not found.table.schema[name].missing
    assert np.array_equal(new["bun"], np.round(new["bun"], 1))
    assert new["empty"].isna().all() and new["died"].isna().sum() == 3
    assert real.frame["bun"].isna().sum() == 100  # the table handed in is as it was


def test_each_way_is_what_its_name_says():
    real = table()
    gap = real.frame["bun"].isna()
    mean, median, model = (impute(real, way).table.frame for way in WAYS)
    assert (mean["bun"][gap] == round(real.frame["bun"].mean(), 1)).all()
    assert (median["bun"][gap] == round(real.frame["bun"].median(), 1)).all()
    assert (model["bun"] - model["age"])[gap].abs().mean() < 3
    lost = real.frame["sex"].isna()
    assert ((model["sex"] == "f") == (model["age"] < 50))[lost].mean() > 0.95
    assert median["sex"][lost].nunique() == 1


def test_spared_columns_keep_their_gaps():
    found = impute(table(), "median", ("bun",))
    assert found.table.frame["bun"].isna().sum() == 100 and "bun" not in found.filled
