"""The space agrees with its definition, row by row, and with the outside judge."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.evaluate.attacks import membership
from medsynai.evaluate.attacks.space import Space, nearest, nearest_without
from medsynai.evaluate.trial import Trial


def distance(space: Space, a: pd.Series, b: pd.Series) -> float:
    """The definition, one pair of rows at a time."""
    total = 0.0
    for name, values in space.values.items():
        ranks = []
        for x in (a[name], b[name]):
            if np.isnan(x):
                ranks.append(0.5)
                continue
            rank = float(np.interp(x, values, space.ranks[name]))
            span = values[-1] - values[0]
            ranks.append(rank + max(x - values[-1], 0) / span - max(values[0] - x, 0) / span)
        total += abs(ranks[0] - ranks[1]) + (np.isnan(a[name]) != np.isnan(b[name]))
    for name in space.levels:
        x, y = (None if pd.isna(v) else str(v) for v in (a[name], b[name]))
        total += x != y
    return total


def test_nearest_is_the_definition(clinic: Callable[[int, int], Table]) -> None:
    train, holdout, other = clinic(60, 1), clinic(50, 2), clinic(40, 3)
    other.frame.loc[0, "crp"] = 99_999.0  # far beyond the real range
    space = Space.of(train, holdout, other)
    whole = np.array(
        [
            [distance(space, a, b) for _, b in train.frame.iterrows()]
            for _, a in other.frame.iterrows()
        ]
    )
    d, at = nearest(space.place(other), space.place(train), 4)
    assert d == pytest.approx(np.sort(whole, axis=1)[:, :4], rel=1e-5, abs=1e-5)
    assert np.take_along_axis(whole, at, axis=1) == pytest.approx(d, rel=1e-5, abs=1e-5)


def test_hiding_a_column_is_leaving_it_out(clinic: Callable[[int, int], Table]) -> None:
    train, other = clinic(80, 1), clinic(40, 3)
    space = Space.of(train, other)
    a, b = space.place(other), space.place(train)
    hidden = ("stage", "crp")
    at = nearest_without(a, b, hidden)
    for j, name in enumerate(hidden):
        rest = set(space.columns) - {name}
        left, right = a.only(rest), b.only(rest)
        best = nearest(left, right)[0][:, 0]
        gaps = np.abs(left.numbers - right.numbers[:, at[:, j]]).sum(axis=0)
        gaps = gaps + (left.codes != right.codes[:, at[:, j]]).sum(axis=0)
        assert gaps == pytest.approx(best, abs=1e-5)


def test_the_ruler_does_not_know_its_members() -> None:
    """Ranks of train alone put holdout values between the steps; a classifier then sees that."""
    rng = np.random.default_rng(0)
    schema = Schema(tuple(Column(f"x{i}", Kind.CONTINUOUS) for i in range(12)))
    train, holdout, fresh = (
        Table(pd.DataFrame(rng.normal(size=(200, 12)), columns=list(schema.names)), schema)
        for _ in range(3)
    )
    space, swapped = Space.of(train, holdout), Space.of(holdout, train)
    synthetic = space.place(fresh).numbers
    for real in (train, holdout):
        place = space.place(real).numbers
        assert (place == swapped.place(real).numbers).all()
        assert not np.isin(place, synthetic).any()


@pytest.fixture(scope="module")
def outside(shared: Path) -> ModuleType:
    pytest.importorskip("lightgbm")
    spec = importlib.util.spec_from_file_location("measure", shared / "bench" / "measure.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(home: Path, part: str, meta: dict[str, Any]) -> pd.DataFrame:
    text = dict.fromkeys(meta["cat"], str)
    return pd.read_csv(home / f"{part}.csv.gz", dtype=text, keep_default_na=False, na_values=[""])


def test_distance_membership_agrees_with_the_outside_judge(
    shared: Path, outside: ModuleType, trial_of: Callable[..., Trial]
) -> None:
    home = shared / "bench" / "sets" / "flchain"
    meta = json.loads((home / "meta.json").read_text())
    real, other = (read(home, part, meta).head(2500) for part in ("train", "holdout"))
    rng, noisy = np.random.default_rng(6), real.copy()
    for name in noisy.columns.difference(meta["cat"]):
        noisy[name] += 0.4 * noisy[name].std() * rng.normal(size=len(noisy))
    theirs = outside.embed(real, [real, other, noisy], meta)
    toward = [-outside.mins(side, theirs[2])[0] for side in theirs[:2]]
    judge = outside.roc_auc_score(np.repeat([1, 0], 2500), np.concatenate(toward))

    schema = Schema(
        tuple(
            Column(c, Kind.CATEGORICAL if c in meta["cat"] else Kind.CONTINUOUS)
            for c in real.columns
        )
    )
    tables = [
        Table(f.astype(dict.fromkeys(meta["cat"], "category")), schema)
        for f in (real, other, noisy)
    ]
    scores = membership.measure(trial_of(*tables)).scores
    ours = next(s.value for s in scores if s.name == "membership_distance_auc")
    assert 0.55 < judge < 0.95  # neither end, where any two rulers agree
    assert ours == pytest.approx(judge, abs=0.01)
