"""Discovery: planted relations are found, broken or thin ones are not, none fails on real rows."""

import numpy as np
import pandas as pd
import pytest

from medsynai.constraints import check, discover, parse
from medsynai.data.read import read
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.split import split
from medsynai.data.table import Table
from medsynai.deidentify import deidentify
from medsynai.seeds import Seeds

N = 3000


def build(columns):
    """A table of these columns: floats become numbers, others levels."""
    frame, schema = {}, []
    for name, values in columns.items():
        values = pd.Series(values)
        if values.dtype.kind == "f":
            whole = bool((values.dropna() == values.dropna().round()).all())
            kind = Kind.INTEGER if whole else Kind.CONTINUOUS
            schema.append(Column(name, kind, missing=True, decimals=0 if whole else 2))
            frame[name] = values
        else:
            levels = sorted(values.dropna().unique())
            schema.append(Column(name, Kind.CATEGORICAL, categories=tuple(levels), missing=True))
            frame[name] = pd.Categorical(values, categories=levels)
    return Table(pd.DataFrame(frame), Schema(tuple(schema)))


def base(n=N, seed=0):
    rng = np.random.default_rng(seed)
    arm = rng.choice(["a", "b", "c"], n)
    sex = rng.choice(["f", "m"], n)
    x = rng.integers(0, 50, n).astype(float)
    y = rng.integers(0, 50, n).astype(float)
    return rng, {"arm": arm, "sex": sex, "x": x, "y": y}


def planted():
    rng, made = base()
    dose = rng.integers(1, 9, N).astype(float)
    made["dose"] = np.where(made["arm"] == "a", np.nan, dose)
    made["unit"] = np.where(np.isnan(made["dose"]), None, rng.choice(["mg", "ml"], N))
    made["births"] = np.where(made["sex"] == "m", 0.0, rng.integers(0, 4, N).astype(float))
    made["group"] = np.where(np.isin(made["arm"], ["a", "b"]), "treated", "control")
    made["most"] = np.maximum(made["x"], made["y"]) + rng.integers(0, 5, N)
    made["sum"] = made["x"] + made["y"]
    made["last"] = np.where(made["sex"] == "f", made["x"], made["x"] + rng.integers(0, 9, N))
    made["adult"] = np.where(made["x"] < 18, np.nan, rng.normal(size=N).round(2))
    return made


def test_planted_relations_are_found():
    found = set(discover(build(planted())))
    wanted = {
        "dose is missing when arm = 'a'",
        "dose is present when arm in ('b', 'c')",
        "births = 0 when sex = 'm'",
        "group = 'treated' when arm in ('a', 'b')",
        "group = 'control' when arm = 'c'",
        "x <= most",
        "y <= most",
        "sum = x + y",
        "last = x when sex = 'f'",
        "x <= last",
        "adult is missing when x < 18",
    }
    assert wanted <= found
    assert "unit is missing when arm = 'a'" in found
    every = [parse(text, build(planted()).schema) for text in found]
    assert not any(check(build(planted()), every).values())


@pytest.mark.parametrize(
    ("name", "spoil", "text"),
    [
        ("dose", 3.0, "dose is missing when arm = 'a'"),
        ("births", 2.0, "births = 0 when sex = 'm'"),
        ("group", "control", "group = 'treated' when arm in ('a', 'b')"),
        ("most", -1.0, "x <= most"),
        ("sum", -1.0, "sum = x + y"),
        ("last", 77.0, "last = x when sex = 'f'"),
        ("adult", 1.0, "adult is missing when x < 18"),
    ],
)
def test_one_row_against_it_is_enough(name, spoil, text):
    made = planted()
    assert text in discover(build(made))
    row = np.flatnonzero((made["arm"] == "a") & (made["sex"] == ("m" if "m" in text[-3:] else "f")))
    row = next(r for r in row if made["x"][r] > 0 and (name != "adult" or made["x"][r] < 18))
    made[name] = np.array(made[name], dtype=object if name == "group" else float)
    made[name][row] = spoil
    assert text not in discover(build(made))


def test_few_rows_prove_nothing():
    few = {n: v[:200] for n, v in planted().items()}
    assert discover(build(few)) == ()


def test_chance_is_no_rule():
    for seed in range(6):
        rng, made = base(seed=seed)
        made["rare"] = np.where(rng.random(N) < 0.004, "yes", "no")
        made["thin"] = np.where(rng.random(N) < 0.97, np.nan, made["y"])
        made["far"] = made["x"] + 1000.0
        made["z"] = rng.normal(size=N).round(2)
        for i in range(6):
            made[f"l{i}"] = rng.choice(list("pqrstuvw"), N, p=[0.72] + [0.04] * 7)
        assert discover(build(made)) == ()


def test_a_bound_shown_by_few_is_not_told():
    rng, made = base()
    age = rng.integers(18, 90, N).astype(float)
    age[:700] = rng.integers(0, 17, 700)
    value = np.where(age < 17, np.nan, rng.normal(size=N).round(2))
    age[700:703] = 17.0  # three people are the youngest with a value
    made |= {"age": age, "value": value}
    assert not [r for r in discover(build(made)) if "17" in r]
    age[700:712] = 17.0
    assert "value is missing when age < 17" in discover(build(made))


def test_odd_tables_give_no_rules():
    assert discover(build({"x": np.full(5, np.nan)})) == ()
    assert discover(build({"x": np.array([], dtype=float)})) == ()
    assert discover(build({"x": np.arange(400.0)})) == ()


FLCHAIN = ("chapter is missing when death = 0", "chapter is present when death = 1")


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("tabular/flchain", FLCHAIN),
        (
            "tabular/support2",
            (
                "slos <= d.time",
                "surv6m <= surv2m",
                "d.time = slos when hospdead = 1",
                "hospdead = 0 when death = 0",
            ),
        ),
    ],
)
def test_rules_of_one_half_hold_in_the_other(shared, name, some):
    table = read(shared / "data" / f"{name}.csv.gz").table
    parts = split(table, 0.5, Seeds(1))
    train, other = (deidentify(p).table for p in (parts.train, parts.holdout))
    found = discover(train)
    assert set(some) <= set(found)
    rules = tuple(parse(text, train.schema) for text in found)
    assert tuple(map(str, rules)) == found
    assert not any(check(train, rules).values())
    assert max(check(other, rules).values()) <= 0.002 * len(other)
