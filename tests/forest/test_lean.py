"""Leaves that lean: a relation inside a leaf is followed, and its histogram is not bent."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.forest.forest import Forest
from medsynai.forest.lean import LEAST, Lean


def leaf_of(rows: int, pull: float, missing: int = 0) -> tuple[Lean, np.ndarray]:
    """One leaf whose codes, sorted, go along with a guess; the last codes are missing."""
    rng = np.random.default_rng(1)
    code = rng.normal(size=rows)
    guess = pull * code + np.sqrt(1 - pull**2) * rng.normal(size=rows)
    guess = guess[np.argsort(code)]
    value = np.arange(rows) < rows - missing
    return Lean.of(np.zeros(rows, np.int64), guess, value, np.array([rows])), guess


@pytest.mark.parametrize("pull", [-0.8, 0.0, 0.6])
def test_the_correlation_of_a_leaf_is_found(pull):
    lean, _ = leaf_of(4000, pull)
    assert lean.pull[0] == pytest.approx(pull, abs=0.05)


def test_what_chance_would_give_is_taken_off():
    found = []
    for seed in range(200):
        guess = np.random.default_rng(seed).normal(size=40)
        lean = Lean.of(np.zeros(40, np.int64), guess, np.ones(40, bool), np.array([40]))
        found.append(lean.pull[0])
    assert np.median(np.abs(found)) < 0.02  # raw correlations of 40 rows: 0.11


def test_a_leaf_of_few_values_does_not_lean():
    lean, _ = leaf_of(LEAST - 1, 0.9)
    assert lean.pull[0] == 0


def test_draws_go_along_with_the_guess_and_keep_the_histogram():
    lean, guess = leaf_of(4000, 0.8)
    u = np.random.default_rng(2).permutation((np.arange(4000) + 0.5) / 4000)
    bent = lean.bend(u, np.zeros(4000, np.int64), guess)
    assert np.corrcoef(bent, guess)[0, 1] > 0.7
    shares = np.histogram(bent, 10, (0, 1))[0] / 4000
    assert shares == pytest.approx(np.full(10, 0.1), abs=0.02)


def test_missing_values_keep_their_share_whatever_the_guess():
    lean, _ = leaf_of(1000, 0.9, missing=250)
    u, leaf = np.linspace(0, 1, 1000, endpoint=False), np.zeros(1000, np.int64)
    for guess in (-5.0, 0.0, 5.0):
        bent = lean.bend(u, leaf, np.full(1000, guess))
        assert (bent >= 0.75).mean() == pytest.approx(0.25)
        assert bent.max() < 1


def test_a_relation_survives_in_leaves_too_large_to_split():
    rng = np.random.default_rng(3)
    age = rng.normal(60, 15, 400).round(1)
    lab = (age + rng.normal(0, 6, 400)).round(1)
    columns = (
        Column("age", Kind.CONTINUOUS, decimals=1),
        Column("lab", Kind.CONTINUOUS, decimals=1),
    )
    table = Table(pd.DataFrame({"age": age, "lab": lab}), Schema(columns))
    told = Forest(min_leaf=300, trees=1).fit(table).sample(400).frame
    silent = Forest(min_leaf=300, trees=1, linear=0).fit(table).sample(400).frame
    assert told["age"].corr(told["lab"]) > 0.8
    assert abs(silent["age"].corr(silent["lab"])) < 0.2
