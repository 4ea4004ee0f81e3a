"""Where the outside judge measures the same thing, the two agree."""

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
from medsynai.evaluate import detection, fidelity, utility
from medsynai.evaluate.trial import Trial

Set = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]


@pytest.fixture(scope="module")
def outside(shared: Path) -> ModuleType:
    pytest.importorskip("lightgbm")
    spec = importlib.util.spec_from_file_location("measure", shared / "bench" / "measure.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.LGB["n_jobs"] = 1
    return module


@pytest.fixture(scope="module")
def flchain(shared: Path) -> Set:
    home = shared / "bench" / "sets" / "flchain"
    meta = json.loads((home / "meta.json").read_text())
    train, holdout = (
        pd.read_csv(home / f"{part}.csv.gz", dtype=dict.fromkeys(meta["cat"], str)).head(2500)
        for part in ("train", "holdout")
    )
    # Half of the columns come from another row: wrong enough to be told, not too easily.
    synthetic = train.copy()
    for name in ("creatinine", "sample.yr", "lambda"):
        order = np.random.default_rng(3).permutation(len(train))
        synthetic[name] = train[name].to_numpy()[order]
    return train, holdout, synthetic, meta


@pytest.fixture(scope="module")
def trial(flchain: Set, table_of: Callable[..., Table], trial_of: Callable[..., Trial]) -> Trial:
    *frames, meta = flchain
    columns = []
    for name in frames[0]:
        if name in meta["cat"]:
            levels = tuple(sorted(set().union(*(set(f[name].dropna()) for f in frames))))
            columns.append(Column(name, Kind.CATEGORICAL, categories=levels, missing=True))
        else:
            columns.append(Column(name, Kind.CONTINUOUS, missing=True))
    schema = Schema(tuple(columns))
    train, holdout, synthetic = (table_of(f, schema) for f in frames)
    return trial_of(train, holdout, synthetic, meta["target"], leaks=tuple(meta["leak"]))


def test_total_variation(trial: Trial, flchain: Set, outside: ModuleType) -> None:
    train, holdout, synthetic, meta = flchain
    (_, h, s), k = outside.codes(train, [train, holdout, synthetic], meta)
    (_, h2, t), _ = outside.codes(train, [train, holdout, train], meta)
    scores = {score.name: score for score in fidelity.measure(trial).scores}
    single, pairs = outside.tvd(s, h, k)
    floor_single, floor_pairs = outside.tvd(t, h2, k)
    assert scores["tvd_columns"].value == pytest.approx(single, abs=1e-9)
    assert scores["tvd_pairs"].value == pytest.approx(pairs, abs=1e-9)
    assert scores["tvd_columns"].holdout == pytest.approx(floor_single, abs=1e-9)
    assert scores["tvd_pairs"].holdout == pytest.approx(floor_pairs, abs=1e-9)


def test_detection(trial: Trial, flchain: Set, outside: ModuleType) -> None:
    train, holdout, synthetic, meta = flchain
    scores = {score.name: score for score in detection.measure(trial).scores}
    theirs = outside.c2st(holdout, synthetic, meta)
    assert 0.55 < theirs < 0.95, "a middling figure, or agreement would say nothing"
    assert scores["c2st"].value == pytest.approx(theirs, abs=0.03)
    binned = outside.c2st_binned(holdout, synthetic, train, meta)
    assert scores["c2st_codes"].value == pytest.approx(binned, abs=0.03)


def test_utility(trial: Trial, flchain: Set, outside: ModuleType) -> None:
    train, holdout, synthetic, meta = flchain
    score = next(s for s in utility.measure(trial).scores if s.name == "tstr_auroc")
    assert score.value == pytest.approx(outside.utility(synthetic, holdout, meta), abs=0.03)
    assert score.holdout == pytest.approx(outside.utility(train, holdout, meta), abs=0.03)
