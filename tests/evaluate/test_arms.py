"""The verdict on augmentation: paired, corrected, and silent on a gain without its control."""

import math

import numpy as np
import pytest

from medsynai.evaluate.arms import Arm, Outcome, differences, figures_of, verdict


def outcomes(gains: dict[Arm, float], seeds: int = 6, noise: float = 0.005) -> list[Outcome]:
    rng, found = np.random.default_rng(1), []
    for seed in range(seeds):
        level = 0.8 + 0.05 * rng.standard_normal()  # shared by all arms of a seed: pairing takes it
        for arm, gain in gains.items():
            auroc = level + gain + noise * rng.standard_normal()
            found.append(Outcome(25, seed, arm, 1.0, 50, True, 0.8, {"auroc": auroc}))
    return found


def said(gains: dict[Arm, float], **more: float) -> str:
    return verdict(25, differences(outcomes(gains, **more)))


REAL, TWICE, MIXED = Arm.REAL, Arm.DUPLICATED, Arm.MIXED


def test_a_gain_must_stand_against_duplicated_real_records_too():
    assert "a gain, +0.0" in said({REAL: 0.0, TWICE: 0.0, MIXED: 0.05})
    only_longer = said({REAL: 0.0, TWICE: 0.05, MIXED: 0.05})
    assert "no gain beyond that of duplicating" in only_longer and "a gain" not in only_longer
    assert "no gain shown" in said({REAL: 0.0, TWICE: 0.0, MIXED: 0.0})
    assert "harm, -0.0" in said({REAL: 0.0, TWICE: 0.0, MIXED: -0.05})


def test_without_its_control_or_with_few_seeds_nothing_is_decided():
    assert "duplicated real records is missing" in said({REAL: 0.0, MIXED: 0.3})
    assert "fewer than 5" in said({REAL: 0.0, TWICE: 0.0, MIXED: 0.3}, seeds=4)
    assert "fewer than 5" in said({REAL: 0.0, TWICE: 0.0, MIXED: 0.3}, seeds=1)


def test_differences_are_paired_and_corrected():
    found = {(d.arm, d.against): d for d in differences(outcomes({REAL: 0, TWICE: 0, MIXED: 0.02}))}
    one = found[MIXED, REAL]
    assert one.value == pytest.approx(0.02, abs=0.006) and one.seeds == 6
    assert one.low is not None and one.low > 0  # levels differ by .05: only pairing shows it
    gaps = [(a - b) for a, b in _aurocs(outcomes({REAL: 0, TWICE: 0, MIXED: 0.02}))]
    raw = _two_sided(gaps)
    assert raw < one.p <= 3 * raw + 1e-12  # three comparisons were made
    lone = Outcome(25, 0, MIXED, 2.0, 50, False, 0.8, {"auroc": 1.0})  # a ratio not chosen
    assert differences([*outcomes({REAL: 0, TWICE: 0, MIXED: 0.02}), lone]) == list(found.values())


def _aurocs(found: list[Outcome]) -> list[tuple[float, float]]:
    by = {(o.arm, o.seed): o.figures["auroc"] for o in found}
    return [(by[MIXED, s], by[REAL, s]) for s in range(6)]


def _two_sided(gaps: list[float]) -> float:
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(gaps, 0.0).pvalue)


def test_figures_by_class():
    stack = np.array([[0, 0.9, 0.1], [0, 0.2, 0.8], [1, 0.3, 0.7], [1, 0.4, 0.6]])
    found = figures_of(stack, ("ill", "well"))
    assert found["sensitivity of ill"] == 0.5 == found["specificity of well"]
    assert found["sensitivity of well"] == 1.0 == found["specificity of ill"]
    assert found["balanced accuracy"] == 0.75 and found["auroc"] == 0.5
    alone = figures_of(stack[:2], ("ill", "well"))
    assert math.isnan(alone["sensitivity of well"]) and alone["balanced accuracy"] == 0.5
