"""Metrics, regressions, survival and draws against known answers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.evaluate import metrics, utility
from medsynai.evaluate.coefficients import (
    fit_cox,
    fit_linear,
    fit_logistic,
    overlap,
    sign_agreement,
)
from medsynai.evaluate.survival import concordance, kaplan_meier, survival_at
from medsynai.evaluate.tasks import _classes as classes_of
from medsynai.evaluate.trial import Trial

RNG = np.random.default_rng(9)


@pytest.mark.parametrize("classes", [2, 4])
def test_metrics_agree_with_scikit_learn(classes: int) -> None:
    from sklearn import metrics as theirs

    p = RNG.dirichlet(np.ones(classes), 500)
    truth = np.array([RNG.choice(classes, p=row) for row in p])
    stack = np.column_stack([truth, p])
    called, how = p.argmax(1), "binary" if classes == 2 else "macro"
    score = p[:, 1] if classes == 2 else p
    assert metrics.auroc(stack) == pytest.approx(
        theirs.roc_auc_score(truth, score, multi_class="ovr", average="macro")
    )
    assert metrics.accuracy(stack) == pytest.approx(theirs.accuracy_score(truth, called))
    assert metrics.precision(stack) == pytest.approx(
        theirs.precision_score(truth, called, average=how)
    )
    assert metrics.recall(stack) == pytest.approx(theirs.recall_score(truth, called, average=how))
    assert metrics.f1(stack) == pytest.approx(theirs.f1_score(truth, called, average=how))
    brier = np.mean(((p - np.eye(classes)[truth]) ** 2).sum(1)) / 2
    assert metrics.brier(stack) == pytest.approx(brier)
    assert metrics.calibration_slope(stack) == pytest.approx(1.0, abs=0.25)


def test_average_precision_is_the_rarer_class_s() -> None:
    from sklearn.metrics import average_precision_score

    truth = (RNG.random(900) < 0.95).astype(int)
    p = np.clip(0.9 * RNG.random(900) + 0.1 * truth, 0, 1).round(2)
    stack = np.column_stack([truth, 1 - p, p])
    theirs = average_precision_score(1 - truth, 1 - p)
    assert metrics.average_precision(stack) == pytest.approx(theirs)


def test_too_sure_predictions_have_a_slope_below_one() -> None:
    odds = RNG.normal(0, 1, 3000)
    truth = RNG.random(3000) < 1 / (1 + np.exp(-odds))
    p = 1 / (1 + np.exp(-2 * odds))
    stack = np.column_stack([truth, 1 - p, p])
    assert metrics.calibration_slope(stack) == pytest.approx(0.5, abs=0.06)


def test_regressions_agree_with_statsmodels() -> None:
    import statsmodels.api as sm
    from statsmodels.duration.hazard_regression import PHReg

    x = np.column_stack([np.ones(400), RNG.normal(size=(400, 2))])
    y = (RNG.random(400) < 1 / (1 + np.exp(-x @ [0.2, 1.0, -0.5]))).astype(float)
    beta, error = fit_logistic(x, y)
    logit = sm.Logit(y, x).fit(disp=0)
    assert np.allclose(beta, logit.params, atol=1e-3) and np.allclose(error, logit.bse, atol=1e-3)
    z = x @ [1.0, 2.0, 0.0] + RNG.normal(size=400)
    beta, error = fit_linear(x, z)
    ols = sm.OLS(z, x).fit()
    assert np.allclose(beta, ols.params, atol=1e-4) and np.allclose(error, ols.bse, atol=1e-4)
    time = np.ceil(10 * RNG.exponential(np.exp(-x[:, 1])))
    event = (RNG.random(400) < 0.7).astype(float)
    beta, error = fit_cox(np.column_stack([time, event, x[:, 1:]]))
    cox = PHReg(time, x[:, 1:], event, ties="breslow").fit()
    assert np.allclose(beta, cox.params, atol=1e-4) and np.allclose(error, cox.bse, atol=1e-4)


def test_few_rows_with_long_tails_do_not_throw_newton_off() -> None:
    """Plain steps ended at -.7 of a term whose likelihood is greatest at 1.9."""
    rng = np.random.default_rng(20)
    x = np.exp(rng.normal(size=(100, 4)))
    x = (x - x.mean(0)) / x.std(0)
    time, end = rng.exponential(np.exp(-2 * x[:, 0] - x[:, 1])), rng.exponential(1, 100)
    rows = np.column_stack([np.minimum(time, end), time < end, x])
    rows = rows[np.argsort(-rows[:, 0])]

    def likelihood(beta: np.ndarray) -> float:
        told = rows[:, 2:] @ beta
        return float(rows[:, 1] @ (told - np.logaddexp.accumulate(told)))

    beta, _ = fit_cox(rows)
    for term in range(4):  # concave, so a point that is best along each axis is the best of all
        for step in (-0.01, 0.01):
            assert likelihood(beta) > likelihood(beta + step * (np.arange(4) == term))
    assert beta[0] > 1.5


def test_separation_gives_a_wide_interval_not_a_crash() -> None:
    x = np.column_stack([np.ones(60), np.r_[np.zeros(30), np.ones(30)], np.zeros(60)])
    beta, error = fit_logistic(x, x[:, 1])
    assert np.isfinite(beta).all() and error[2] > 10


def test_overlap_known_answers() -> None:
    one, far = (np.array([0.0]), np.array([1.0])), (np.array([100.0]), np.array([1.0]))
    half = (np.array([1.959963984540054]), np.array([1.0]))
    endless = (np.array([0.0]), np.array([1e3]))
    assert overlap(one, one) == pytest.approx(1.0)
    assert overlap(half, one) == pytest.approx(0.5)
    assert overlap(far, one) == -1.0
    assert overlap(endless, one) == 0.0, "an interval that says nothing earns nothing"
    assert np.isnan(overlap(one, endless))
    assert (
        sign_agreement((np.array([5.0, -5, 0.1]), np.ones(3)), (np.array([1.0, 1, -1]), np.ones(3)))
        == 0.5
    )


def test_kaplan_meier_textbook() -> None:
    # Remission times under 6-MP (Freireich et al. 1963), as in Kleinbaum and Klein, table 2.2.
    time = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    event = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    rows = np.column_stack([time, event]).astype(float)
    found = survival_at(rows, np.array([0.0, 6, 7, 10, 13, 16, 22, 23, 40]))
    assert np.allclose(
        found, [1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482, 0.4482], atol=1e-4
    )
    times, _, at_risk = kaplan_meier(rows)
    assert dict(zip(times, at_risk, strict=True))[13.0] == 12


def test_concordance_is_what_counting_gives() -> None:
    n = 120
    outcome = np.column_stack([RNG.integers(1, 20, n), RNG.random(n) < 0.6]).astype(float)
    risk = np.round(RNG.normal(size=n) - outcome[:, 0] / 10, 1)
    good = total = 0.0
    for i in range(n):
        for j in range(n):
            later = outcome[j, 0] > outcome[i, 0] or (
                outcome[j, 0] == outcome[i, 0] and not outcome[j, 1]
            )
            if outcome[i, 1] and later:
                total += 1
                good += 1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0
    value, error = concordance(outcome, risk)
    assert value == pytest.approx(good / total)
    picks = RNG.integers(0, n, (200, n))
    spread = np.std([concordance(outcome[p], risk[p])[0] for p in picks])
    assert error == pytest.approx(spread, rel=0.3)


def test_more_rows_are_drawn_and_the_advice_follows(
    clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial]
) -> None:
    asked: list[int] = []

    def draw(n: int) -> Table:
        asked.append(n)
        return clinic(n, 77)

    trial = trial_of(clinic(150, 1), clinic(800, 2), clinic(150, 3), "died", draw=draw)
    found = utility.measure(trial)
    assert asked == [750]
    scores = {s.name: s for s in found.scores}
    assert [r["rows_drawn"] for r in found.exhibits["draws"]] == [150, 300, 750]
    once, five = scores["tstr_auroc_1x"], scores["tstr_auroc_5x"]
    assert once.value is not None and five.value is not None and five.value > once.value
    assert "draw 5 times" in five.note
    assert found.exhibits["draws"][2]["auroc"] == five.value


def test_rare_classes_beyond_ten_share_one() -> None:
    levels = tuple("klmnopqrstuv")
    names, groups = classes_of(levels, np.array([9, 8, 7, 6, 5, 4, 3, 2, 2, 1, 1, 0]))
    assert names == (*"klmnopqrs", "other levels")
    assert groups == (*range(9), 9, 9, 9)
    assert classes_of(("b", "a", "c"), np.array([5, 5, 0])) == (("a", "b"), (1, 0, 1))


def test_numbers_and_many_classes_are_targets_too(
    clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial], fair_trial: Trial
) -> None:
    number = {s.name: s for s in utility.measure(replace(fair_trial, target="albumin")).scores}
    r2 = number["tstr_r2"]
    assert r2.value is not None and r2.holdout is not None and r2.shuffled is not None
    assert r2.value > 0.2 > r2.shuffled and "tstr_mae" in number
    stage = {s.name: s for s in utility.measure(replace(fair_trial, target="stage")).scores}
    auroc = stage["tstr_auroc"]
    assert auroc.value is not None and auroc.shuffled is not None
    assert auroc.value > 0.7 > auroc.shuffled


def test_a_rare_class_is_judged_by_its_own_precision(
    table_of: Callable[..., Table], trial_of: Callable[..., Trial]
) -> None:
    schema = Schema((Column("x", Kind.CONTINUOUS), Column("y", Kind.BINARY, categories=("0", "1"))))

    def draw(seed: int) -> Table:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=1500)
        y = np.where(rng.random(1500) < 0.03 * np.exp(x) / 1.65, "1", "0")
        return table_of(pd.DataFrame({"x": x, "y": y}), schema)

    scores = {s.name: s for s in utility.measure(trial_of(draw(1), draw(2), draw(3), "y")).scores}
    found = scores["tstr_average_precision"]
    assert found.value is not None and found.shuffled is not None
    assert 0.3 > found.value > found.shuffled
    assert scores["tstr_accuracy"].value == pytest.approx(scores["tstr_accuracy"].holdout, abs=0.02)
