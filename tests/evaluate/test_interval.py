"""Intervals: the spread they claim is the spread that is there."""

import math

import numpy as np
import pytest

from medsynai.evaluate.encode import Codes
from medsynai.evaluate.fidelity import distances
from medsynai.evaluate.interval import auc, auc_interval, jackknife, midranks, wilson


def test_jackknife_spread_is_that_of_fresh_samples() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array([6, 5])

    def draw() -> Codes:
        a = rng.integers(0, 6, 500)
        return np.column_stack([a, np.where(rng.random(500) < 0.3, a % 5, rng.integers(0, 5, 500))])

    def tvd(a: Codes, b: Codes) -> float:
        # Against a far table, so that the distance is not at its boundary of 0.
        return float(distances(a, np.minimum(b, 3), sizes, [(0, 1)])[0])

    values, halves = [], []
    for _ in range(60):
        a, b = draw(), draw()
        low, high = jackknife(tvd, (a, b), rng)
        assert low is not None and high is not None
        values.append(tvd(a, b))
        halves.append((high - low) / 2 / 2.093)
    assert 0.75 < np.mean(halves) / np.std(values) < 1.35


def test_jackknife_says_none_where_there_is_no_spread_to_see() -> None:
    rng = np.random.default_rng(0)
    assert jackknife(lambda a: math.nan, (np.ones(50),), rng) == (None, None)
    assert jackknife(np.mean, (np.ones(4),), rng) == (None, None)


def test_auc_and_delong_agree_with_resampling() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400)
    score = np.round(truth + rng.normal(0, 1.5, 400), 1)
    assert auc(truth, score) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    picks = rng.integers(0, 400, (400, 400))
    spread = np.std([auc(truth[p], score[p]) for p in picks])
    low, high = auc_interval(truth, score)
    assert low is not None and high is not None
    assert (high - low) / 2 / 1.96 == pytest.approx(spread, rel=0.12)


def test_perfect_auc_keeps_an_interval() -> None:
    low, high = auc_interval(np.r_[np.ones(30), np.zeros(30)], np.r_[np.ones(30), np.zeros(30)])
    assert low == pytest.approx(0.9) and high == 1.0


def test_wilson_known_answer() -> None:
    low, high = wilson(10, 100)
    assert (round(low or 0, 4), round(high or 0, 4)) == (0.0552, 0.1744)


def test_midranks_share_ties() -> None:
    from scipy.stats import rankdata

    values = np.random.default_rng(2).integers(0, 9, 200).astype(float)
    assert np.array_equal(midranks(values), rankdata(values))
