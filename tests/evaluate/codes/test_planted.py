"""Faults planted into codes, which the measures must see; and fresh rows, which they must pass."""

from dataclasses import replace

import numpy as np
import pytest

from medsynai.data.codes import CodeMatrix
from medsynai.evaluate.codes import (
    abundance,
    copies,
    detection,
    membership,
    pairs,
    prediction,
    prevalence,
)
from medsynai.evaluate.panel import CODE_PANEL, judge
from medsynai.evaluate.policy import judge_gates, load_policy


def scores(measure, trial):
    return {s.name: s for s in measure(trial).scores}


def test_fresh_rows_score_as_real_rows_do(trial_of):
    trial = trial_of()
    for measure in (prevalence, abundance, pairs):
        for name, score in scores(measure.measure, trial).items():
            if score.value is not None and score.low is not None:
                assert score.low <= score.holdout <= score.high, name
    assert abs(scores(detection.measure, trial)["c2st"].value - 0.5) < 0.06
    assert abs(scores(membership.measure, trial)["membership_auc"].value - 0.5) < 0.06


def test_real_rows_are_not_told_from_real_ones_by_what_they_taught(trial_of, codes_of):
    """On wide, few rows axes fit those that taught them: the anchor was .9 and said nothing."""
    train, holdout, fresh = (codes_of(200, seed, width=1500) for seed in (1, 2, 3))
    wide = trial_of(fresh, train=train, holdout=holdout)
    found = scores(detection.measure, wide)["c2st"]
    assert found.value == pytest.approx(0.5, abs=0.12)
    assert found.holdout == pytest.approx(0.5, abs=0.15)
    copy = scores(detection.measure, trial_of(wide.copied, train=train, holdout=holdout))["c2st"]
    assert copy.low > found.holdout  # a copy does not win


def test_without_rare_codes_r2_hardly_moves_and_their_band_does(trial_of):
    whole = trial_of()
    rare = (whole.frequency >= 3) & (whole.frequency <= 10)
    assert rare.sum() > 20
    counts = whole.synthetic.counts.tolil()
    counts[:, np.flatnonzero(rare)] = 0
    fault = trial_of(CodeMatrix.of(counts.tocsr(), whole.synthetic.codes))
    good, bad = (scores(prevalence.measure, t) for t in (whole, fault))
    assert abs(good["code_r2"].value - bad["code_r2"].value) < 0.01
    assert bad["code_logodds_rare"].value > 1.5 * good["code_logodds_rare"].value
    assert bad["code_missed"].value > good["code_missed"].high
    assert bad["code_logodds_common"].value == good["code_logodds_common"].value


def test_shuffled_codes_keep_their_shares_and_lose_their_pairs(trial_of):
    shuffled = trial_of(trial_of().shuffled)
    good, bad = scores(pairs.measure, trial_of()), scores(pairs.measure, shuffled)
    shares = scores(prevalence.measure, shuffled)["code_r2"]
    assert shares.low <= shares.holdout
    assert bad["code_pairs_r2"].high < good["code_pairs_r2"].low
    assert bad["code_lift"].low > good["code_lift"].high
    found = scores(prediction.measure, shuffled)
    assert found["code_auroc"].high < found["code_auroc"].holdout
    assert found["code_auroc_gap"].low > 0


def test_a_row_with_too_many_codes_is_seen(trial_of):
    whole = trial_of()
    wide = whole.synthetic.counts.toarray()
    wide[:, 40:42] = 1
    fault = scores(abundance.measure, trial_of(CodeMatrix.of(wide, whole.train.codes)))
    assert fault["code_width"].low > 1.5
    assert scores(detection.measure, trial_of(CodeMatrix.of(wide, whole.train.codes)))[
        "c2st"
    ].low > 0.9  # fmt: skip


def test_a_bootstrap_is_caught(trial_of):
    trial = trial_of(trial_of().copied)
    found = scores(membership.measure, trial) | scores(copies.measure, trial)
    for name in ("membership_auc", "membership_worst_auc"):
        assert found[name].low > found[name].holdout, name
    assert found["membership_auc"].low > 0.6
    assert found["copies_exact"].low > 0.1 and found["copies_unique"].low > 0.1
    verdict = judge_gates(tuple(found.values()), load_policy(default="codes/policy.toml"))
    failed = {g.name for g in verdict.gates if g.status == "fail"}
    assert {"membership_auc", "copies_exact", "copies_unique"} <= failed


def test_half_a_bootstrap_is_caught_too(trial_of):
    whole = trial_of()
    import scipy.sparse as sp

    mixed = sp.vstack([whole.copied.counts[:750], whole.synthetic.counts[:750]])
    found = scores(copies.measure, trial_of(CodeMatrix.of(mixed, whole.train.codes)))
    assert found["copies_unique"].low > 0.05


def test_an_invented_code_fails_its_gate(trial_of):
    score = scores(prevalence.measure, trial_of(invented=0.01))["code_invented"]
    verdict = judge_gates((score,), load_policy(default="codes/policy.toml"))
    assert next(g for g in verdict.gates if g.name == "code_invented").status == "fail"


def test_patients_not_rows_are_resampled(trial_of):
    """Each patient's row ten times over says no more than once."""
    whole = trial_of()
    ten = np.repeat(np.arange(200), 10)
    many = replace(whole.synthetic.rows(ten), patients=ten)
    few = whole.synthetic.rows(np.arange(200))
    wide = scores(prevalence.measure, trial_of(many))["code_logodds_common"]
    once = scores(prevalence.measure, trial_of(few))["code_logodds_common"]
    assert wide.high - wide.low > 0.5 * (once.high - once.low)


def test_without_a_holdout_nothing_is_guessed(trial_of):
    found = {s.name: s for s in judge(trial_of(holdout=None), panel=CODE_PANEL).scores}
    for name in ("membership_auc", "copies_exact", "c2st", "code_auroc"):
        assert found[name].value is None, name
    assert "No holdout" in found["code_pairs_r2"].note


ODD = {
    "one code": np.ones((40, 1), int),
    "no codes in any row": np.zeros((40, 3), int),
    "all codes in all rows": np.ones((40, 4), int),
    "few rows": np.eye(25, 5, dtype=int),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_matrices_are_judged_or_said_not_to_be(odd):
    from medsynai.evaluate.codes.trial import CodeTrial
    from medsynai.seeds import Seeds

    matrix = CodeMatrix.of(ODD[odd], tuple(f"c{i}" for i in range(ODD[odd].shape[1])))
    card = judge(CodeTrial(matrix, matrix, matrix, Seeds(1)), panel=CODE_PANEL)
    assert not card.failed
