"""What must be caught is caught, and what is harmless is let be."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.evaluate.attacks import attribute, membership
from medsynai.evaluate.attacks.space import Space, nearest
from medsynai.evaluate.policy import Status, judge_gates, load_policy
from medsynai.evaluate.score import Score
from medsynai.evaluate.trial import Trial

Found = Callable[[str], dict[str, Score]]
RISKS = (
    "singling_out_univariate",
    "singling_out_multivariate",
    "linkability",
    "attribute_inference",
    "copies_exact",
    "copies_near",
    "membership_advantage",
)
AUCS = ("membership_auc", "membership_distance_auc", "membership_learned_auc")


def failing(scores: dict[str, Score]) -> set[str]:
    verdict = judge_gates(list(scores.values()), load_policy())
    return {g.name for g in verdict.gates if g.status is Status.FAIL}


def test_fresh_rows_carry_no_risk(found: Found) -> None:
    scores = found("none")
    for name in RISKS:
        score = scores[name]
        assert score.low is not None and score.low <= 0.01, (name, score)
        assert score.value is not None and abs(score.value) < 0.1, (name, score)
    for name in AUCS:
        assert scores[name].low is not None and scores[name].low < 0.5, scores[name]  # type: ignore[operator]
    assert failing(scores) == set()


def test_a_shuffled_table_fails_nothing(found: Found) -> None:
    assert failing(found("shuffled")) == set()


@pytest.mark.parametrize(
    ("fault", "gates"),
    [
        ("copy", {"membership_auc", "membership_tpr_1", "copies_exact", "linkability"}),
        ("jittered copy", {"membership_auc", "membership_tpr_1", "linkability"}),
        ("half copied", {"membership_auc", "membership_advantage", "copies_exact"}),
        ("tenth copied", {"membership_tpr_1", "copies_exact"}),
        ("outliers copied", {"membership_worst_auc", "membership_tpr_1", "copies_exact"}),
    ],
)
def test_a_planted_fault_fails_its_gates(found: Found, fault: str, gates: set[str]) -> None:
    assert gates <= failing(found(fault))


def test_the_average_hides_the_outliers_but_the_worst_tenth_does_not(found: Found) -> None:
    scores = found("outliers copied")
    mean, worst = scores["membership_auc"].value, scores["membership_worst_auc"].value
    assert mean is not None and worst is not None
    assert mean < 0.65 < 0.9 < worst


def test_every_attack_catches_the_plain_copy(found: Found) -> None:
    scores = found("none")
    for name in (*RISKS, *AUCS, "membership_tpr_1", "membership_worst_auc"):
        control, anchor = scores[name].control, scores[name].holdout
        assert control is not None and anchor is not None
        assert control > anchor + 0.2, scores[name]
        assert "inconclusive" not in scores[name].note


def test_identity_risk_is_the_excess_over_people_who_are_not_in_the_data(found: Found) -> None:
    """The estimate itself counts lucky guesses: a shuffled table comes near the limit by them."""
    fresh, copy = found("none"), found("copy")
    shuffled = found("shuffled")
    for scores in (fresh, shuffled):
        score = scores["identity_disclosure_excess"]
        assert score.value is not None and abs(score.value) < 0.09, score
    assert shuffled["identity_disclosure"].value > 0.07  # type: ignore[operator]
    caught, chance = copy["identity_disclosure_excess"], fresh["identity_disclosure_excess"]
    assert caught.low is not None and chance.value is not None
    assert caught.low > 0.02 > chance.value  # sex and age in bands single out few of 500


def test_the_secret_is_hidden_from_the_one_who_guesses_it(release: Callable[[str], Trial]) -> None:
    """Columns that have nothing to do with each other tell no more than the commonest value."""
    exhibit = attribute.measure(release("shuffled")).exhibits["attribute_inference"]
    assert {line["column"] for line in exhibit} >= {"died", "sex", "stage"}
    for line in exhibit:
        assert line["attack"] <= line["naive"] + 0.08, line


def wide(n: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 100))).add_prefix("x")


def test_noise_that_passes_a_distance_test_does_not_pass_membership(
    trial_of: Callable[..., Trial],
) -> None:
    """The DCR delusion: further from train than fresh rows are, and still given away."""
    real, other = wide(300, 1), wide(300, 2)
    schema = Schema(tuple(Column(c, Kind.CONTINUOUS) for c in real))
    noisy = real + 1.7 * np.random.default_rng(3).normal(size=real.shape)
    train, holdout = Table(real, schema), Table(other, schema)
    synthetic = Table(noisy, schema, "synthetic")
    space = Space.of(train, holdout)
    t, h, s = (space.place(x) for x in (train, holdout, synthetic))
    dcr, fresh = nearest(s, t)[0], nearest(h, t)[0]
    assert np.quantile(dcr, 0.05) > np.quantile(fresh, 0.05)
    assert np.median(dcr) > np.median(fresh)
    scores = {x.name: x for x in membership.measure(trial_of(train, holdout, synthetic)).scores}
    assert scores["membership_auc"].value is not None and scores["membership_auc"].value > 0.9
    assert "membership_auc" in failing(scores)


def test_distances_are_information_and_say_so(found: Found) -> None:
    for name in ("dcr_share", "dcr_median", "nndr_median"):
        score = found("copy")[name]
        assert score.information and score.better == "info"
        assert "not evidence of privacy" in score.note
