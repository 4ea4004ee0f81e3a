"""Known answers and coverage of the intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.intervals import Interval


def test_wilson_known_answers() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
    i = intervals.wilson(81, 263)
    assert (round(i.low, 4), round(i.high, 4)) == (0.2553, 0.3662)
    i = intervals.wilson(15, 148)
    assert (round(i.low, 4), round(i.high, 4)) == (0.0624, 0.1605)


def test_difference_known_answer() -> None:
    # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10, case (a)
    i = intervals.difference(intervals.wilson(56, 70), intervals.wilson(48, 80))
    assert (round(i.value, 4), round(i.low, 4), round(i.high, 4)) == (0.2, 0.0524, 0.3339)


@given(st.integers(0, 40), st.integers(0, 40))
def test_residual_risk_is_ordered_and_signed(attack: int, control: int) -> None:
    i = intervals.residual_risk(intervals.wilson(attack, 40), intervals.wilson(control, 40))
    if control == 40:
        assert np.isnan(i.value)
    else:
        assert i.low <= max(i.value, -1) <= i.high
        assert (i.value > 0) == (attack > control)


def test_residual_risk_covers_the_truth() -> None:
    rng, truth = np.random.default_rng(1), (0.3 - 0.1) / 0.9
    kept = 0
    for _ in range(400):
        a = intervals.wilson(int(rng.binomial(200, 0.3)), 200)
        c = intervals.wilson(int(rng.binomial(200, 0.1)), 200)
        i = intervals.residual_risk(a, c)
        kept += i.low <= truth <= i.high
    assert 0.92 <= kept / 400 <= 0.98


def test_auc_is_the_judges_and_covers_the_truth() -> None:
    rng, kept = np.random.default_rng(2), 0
    for _ in range(300):
        a, b = np.round(rng.normal(0.36, 1, 120), 1), np.round(rng.normal(0, 1, 90), 1)
        i = intervals.auc(a, b)
        kept += i.low <= 0.6005 <= i.high
    assert i.value == pytest.approx(
        roc_auc_score(np.repeat([1, 0], [120, 90]), np.concatenate([a, b]))
    )
    assert 0.92 <= kept / 300 <= 0.98


def test_a_perfect_ranking_of_few_rows_is_not_certainty() -> None:
    i = intervals.auc(np.arange(10, 20.0), np.arange(10.0))
    assert i.value == 1.0 and i.low < 0.95


@given(st.integers(1, 400), st.integers(0, 5))
def test_tpr_of_chance_is_the_false_alarm_rate(n: int, digits: int) -> None:
    # the same scores on both sides, with or without ties: the ROC is the diagonal
    scores = np.round(np.random.default_rng(n).random(n + 1), digits)
    assert intervals.tpr_at(scores, scores, 0.1).value == pytest.approx(0.1, abs=1e-9)


def test_tpr_sees_a_tenth_that_stands_out() -> None:
    rng = np.random.default_rng(3)
    inside = np.concatenate([np.full(100, 9.0), rng.random(900)])
    assert intervals.tpr_at(inside, rng.random(1000), 0.01).value == pytest.approx(0.109, abs=0.01)


def test_the_advantage_is_not_flattered_by_choosing_its_own_cut() -> None:
    rng = np.random.default_rng(4)
    values = [intervals.advantage(rng.random(60), rng.random(60)).value for _ in range(300)]
    assert abs(float(np.mean(values))) < 0.02


def test_the_winner_of_chance_attacks_is_not_flattered() -> None:
    rng, z, wrong = np.random.default_rng(5), intervals.quantile_of(0.95, 3), 0
    for _ in range(300):
        each = [intervals.auc(rng.random(80), rng.random(80), z) for _ in range(3)]
        wrong += intervals.largest(each).low > 0.5
    assert wrong / 300 <= 0.05


def test_largest_of_nothing_is_nothing() -> None:
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    assert np.isnan(intervals.largest([nothing]).value)
