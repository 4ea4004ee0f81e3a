"""The judges of series: each measure sees its planted fault, and fresh real series pass."""

import numpy as np
import pytest

from medsynai.data.series import SeriesSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.interval import auc
from medsynai.evaluate.series import (
    correlation,
    detection,
    marginals,
    memory,
    pictures,
    prediction,
    sequence_net,
    utility,
)
from medsynai.evaluate.series.trial import SeriesTrial
from medsynai.seeds import Seeds

STEPS = 16


def waves(n: int, seed: int) -> SeriesSet:
    """Two channels that move together; class "quick" turns faster. Two series a patient."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    turn = np.where(labels == 1, 0.8, 0.3)[:, None] * np.arange(STEPS)
    first = np.sin(turn + rng.uniform(0, 6.28, (n, 1)))
    both = np.stack([first, 0.8 * first + 0.2 * np.cos(turn)], 2) * rng.uniform(0.7, 1.3, (n, 1, 1))
    values = both + rng.normal(0, 0.1, both.shape)
    return SeriesSet.of(values, labels, ("slow", "quick"), np.arange(n) // 2)


TRAIN, HOLDOUT, FRESH = waves(400, 1), waves(200, 2), waves(400, 3)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(sequence_net, "ROUNDS", 60)
    monkeypatch.setattr(sequence_net, "FEWEST", 60)
    monkeypatch.setattr(sequence_net, "RATE", 2e-2)
    monkeypatch.setattr(utility, "STEPS", 40)


def trial(synthetic: SeriesSet, holdout: SeriesSet | None = HOLDOUT) -> SeriesTrial:
    return SeriesTrial(TRAIN, holdout, synthetic, Seeds(0))


def by_name(measure, synthetic: SeriesSet) -> dict:
    return {s.name: s for s in measure(trial(synthetic)).scores}


def but(series: SeriesSet, values: np.ndarray | None = None, labels=None) -> SeriesSet:
    return SeriesSet.of(
        series.values if values is None else values,
        series.labels if labels is None else labels,
        series.classes,
    )


def test_values_that_are_spread_otherwise_are_seen():
    good, bad = (
        by_name(marginals.measure, FRESH),
        by_name(marginals.measure, but(FRESH, FRESH.values * 1.5)),
    )
    assert bad["series_tvd"].value > 2 * good["series_tvd"].value
    assert bad["series_tvd"].low > good["series_tvd"].value
    turned = but(FRESH, FRESH.values[:, ::-1] * np.linspace(0, 2, STEPS)[:, None])
    late = by_name(marginals.measure, turned)["series_step_tvd"]
    assert late.value > good["series_step_tvd"].value + 0.1
    assert abs(good["series_tvd"].value - good["series_tvd"].holdout) < 0.03


def test_memory_and_ties_between_channels_that_are_lost_are_seen():
    rng = np.random.default_rng(0)
    good = by_name(correlation.measure, FRESH)
    dealt = by_name(correlation.measure, but(FRESH, rng.permuted(FRESH.values, axis=1)))
    auto = "series_autocorrelation"
    assert dealt[auto].low > 5 * good[auto].value and dealt[auto].shuffled > 5 * good[auto].value
    apart = FRESH.values.copy()
    apart[:, :, 1] = apart[rng.permutation(len(apart)), :, 1]
    lost = by_name(correlation.measure, but(FRESH, apart))
    cross = "series_cross_correlation"
    assert lost[cross].low > 0.3 > good[cross].value
    assert lost[auto].value < 3 * good[auto].holdout + 0.02  # each channel alone is right


def test_noise_is_told_apart_and_fresh_series_are_not():
    rng = np.random.default_rng(0)
    noisy = but(FRESH, FRESH.values + rng.normal(0, 0.25, FRESH.values.shape))
    same = by_name(detection.measure, FRESH)
    whole = trial(noisy)
    told = detection.boosted(whole, whole.sides.reference, whole.sides.synthetic, Seeds(0))
    assert auc(*told) > 0.9 and abs(same["c2st"].value - 0.5) < 0.15
    assert same["c2st"].shuffled > 0.95  # steps dealt anew are seen by both judges
    score = same["discriminative_score"]
    assert score.shuffled > 0.2 > score.value and score.low == 0.0


def test_a_next_step_that_cannot_be_learnt_costs():
    rng = np.random.default_rng(0)
    good = by_name(prediction.measure, FRESH)["predictive_score"]
    bad = by_name(prediction.measure, but(FRESH, rng.permuted(FRESH.values, axis=1)))
    assert bad["predictive_score"].low > good.high and good.shuffled > good.value
    assert abs(good.value - good.holdout) < 0.02


def test_wrong_labels_cost_utility():
    good = by_name(utility.measure, FRESH)["tstr_accuracy"]
    bad = by_name(utility.measure, but(FRESH, labels=1 - FRESH.labels))["tstr_accuracy"]
    assert good.value > 0.9 and good.holdout > 0.9 and bad.value < 0.3


def test_a_copycat_is_caught_and_fresh_series_are_not():
    late = np.roll(TRAIN.values, 1, axis=1)
    late[:, 0] = TRAIN.values[:, 0]
    hidden = by_name(memory.measure, but(TRAIN, late + 0.01))
    fresh = by_name(memory.measure, FRESH)
    assert hidden["copies_exact"].value == 0.0 == fresh["copies_exact"].value
    assert hidden["series_near_copies"].low > 0.5 > 0.15 > fresh["series_near_copies"].value
    assert hidden["membership_auc"].low > 0.8
    plain = by_name(memory.measure, TRAIN)
    assert plain["copies_exact"].value == 1.0 and plain["membership_auc"].value > 0.95
    assert abs(fresh["membership_auc"].value - 0.5) < 0.12
    assert plain["membership_auc"].n == 100  # patients, two series each, not series
    assert "inconclusive" not in fresh["series_near_copies"].note


def test_one_copied_series_gives_its_patient_away():
    half = TRAIN.rows(np.arange(0, len(TRAIN), 2))  # one of each patient's two
    found = by_name(memory.measure, but(half, half.values, half.labels))
    assert found["membership_auc"].value > 0.95


def test_without_a_holdout_or_with_a_class_gone_nothing_is_claimed():
    alone = trial(FRESH, None)
    assert all(s.value is None for s in memory.measure(alone).scores)
    measures = (marginals, correlation, detection, prediction, utility)
    for measure in measures:
        with pytest.raises(AssessmentError):
            measure.measure(alone)
    with pytest.raises(AssessmentError, match="classes"):
        marginals.measure(trial(FRESH.rows(FRESH.labels == 0)))


def test_pictures_show_no_real_series_and_no_band_of_few_patients():
    from medsynai.report.exhibits import draw

    few = TRAIN.rows(np.flatnonzero((TRAIN.labels == 0) | (np.arange(len(TRAIN)) < 60)))
    found = pictures.measure(SeriesTrial(few, HOLDOUT, FRESH, Seeds(0))).exhibits["courses"]
    assert [bool(p["real"]) for p in found] == [True, True, False, False]
    shown = np.array([x for p in found for x in p["drawn"]])
    real = np.concatenate([few.values[:, :, c] for c in (0, 1)])
    assert np.abs(shown[:, None] - real[None]).max(2).min() > 0.01
    page = str(draw("courses", found))
    assert page.count("<svg") == 4 and "band-real" in page
