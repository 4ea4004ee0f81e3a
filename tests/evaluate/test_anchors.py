"""The anchors are ordered, a perfect generator reaches them, and a copy does not beat them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from medsynai.data.table import Table
from medsynai.evaluate.panel import PANEL, Scorecard, judge
from medsynai.evaluate.score import Family, Score
from medsynai.evaluate.trial import Trial

OURS = [m.name for m in PANEL if m.family is not Family.PRIVACY and m.headline[0]]
# What shuffling each column alone leaves as it is cannot fall behind the holdout. A share of
# groups is kept too; a sum of real and shuffled rows is no baseline.
KEPT = {
    "tvd_columns",
    "ks",
    "wasserstein",
    "precision",
    "missing_rates",
    "validity",
    "validity_types",
    "validity_ranges",
    "validity_categories",
    "validity_missing",
    "worst_group_disparity",
    "group_disparity",
    "c2st_logistic",
    "group_missing",
}


@pytest.fixture(scope="module")
def card(fair_trial: Trial) -> Scorecard:
    return judge(fair_trial, OURS)


@pytest.fixture(scope="module")
def copied(fair_trial: Trial) -> Scorecard:
    """A bootstrap of the train rows: some twice, some not at all."""
    rows = np.random.default_rng(5).integers(0, len(fair_trial.train), len(fair_trial.train))
    synthetic = fair_trial.train.rows(rows)
    return judge(
        replace(fair_trial, synthetic=synthetic),
        ["variation", "detection", "hellinger", "marginals", "association"],
    )


def _gain(score: Score, value: float | None, over: float | None) -> float:
    assert value is not None and over is not None
    return value - over if score.better == "high" else over - value


def test_every_measure_judges_and_none_breaks(card: Scorecard) -> None:
    assert card.failed == {} and card.skipped == {}
    absent = {s.name for s in card.scores if s.value is None and not s.group}
    assert absent == {"validity_rules"}


def test_holdout_anchor_is_better_than_shuffled(card: Scorecard) -> None:
    judged = [s for s in card.scores if s.better != "info" and s.value is not None]
    assert len(judged) > 30
    for score in judged:
        gain = _gain(score, score.holdout, score.shuffled)
        if score.name in KEPT or score.group:
            assert gain > -0.15, score.name
        else:
            assert gain > 0, score.name


def test_a_perfect_generator_reaches_the_holdout_anchor(card: Scorecard) -> None:
    for score in card.scores:
        if score.better == "info" or score.value is None or score.low is None or score.group:
            continue
        assert score.high is not None
        slack = (score.high - score.low) / 2
        # Both the figure and its anchor wobble, and the worst group is chosen for its wobble.
        times = 4.0 if score.name.startswith("worst") else 2.0
        assert _gain(score, score.value, score.holdout) > -times * slack - 1e-9, score.name


def test_intervals_hold_their_figures(card: Scorecard) -> None:
    for score in card.scores:
        if score.value is not None and score.low is not None and score.high is not None:
            assert score.low - 1e-9 <= score.value <= score.high + 1e-9, score.name
            assert score.n > 0 and score.source, score.name


def test_a_copy_gains_nothing_on_fidelity_and_detection(copied: Scorecard) -> None:
    for score in copied.scores:
        if score.family not in (Family.FIDELITY, Family.DETECTION) or score.value is None:
            continue
        assert score.low is not None and score.high is not None
        gain = _gain(score, score.value, score.holdout)
        assert gain < (score.high - score.low) / 2 + 1e-9, score.name
    c2st = copied.score("c2st")
    assert c2st is not None and c2st.value is not None and c2st.value > 0.55


def test_the_same_seeds_give_the_same_scores(fair_trial: Trial, card: Scorecard) -> None:
    again = judge(replace(fair_trial), ["variation", "effects", "groups"])
    for score in again.scores:
        assert score == card.score(score.name, score.group)


def test_without_a_holdout_nothing_is_guessed(
    clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial]
) -> None:
    trial = trial_of(clinic(200, 1), None, clinic(200, 2), "died")
    found = judge(trial, OURS)
    assert found.failed == {}
    for name in (
        "c2st",
        "tstr_auroc",
        "global_utility",
        "ci_overlap",
        "km_area",
        "worst_group_tvd",
    ):
        score = found.score(name)
        assert score is not None and score.value is None and "holdout" in score.note
    pairs = found.score("tvd_pairs")
    assert pairs is not None and pairs.holdout is None and "a copy would win" in pairs.note
