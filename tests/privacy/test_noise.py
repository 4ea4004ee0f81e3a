"""Noise, sampling and bought facts: distributions, rates, and that nobody can seed them."""

import inspect

import numpy as np
import pytest
from scipy import stats

from medsynai.errors import BudgetError, PlanError
from medsynai.privacy import histograms, noise, sampling
from medsynai.privacy.accounting import Kind, Spend, epsilon_of, gaussian_epsilon
from medsynai.privacy.histograms import OTHER, bounds, stable_histogram, threshold
from medsynai.privacy.noise import FINE, GRAIN, choose, noisy_counts, noisy_sums
from medsynai.privacy.sampling import PoissonSampler, capped

pytest.importorskip("opendp")
SURE = 1e-7  # this noise has no seed: a right build may fail here once in a million runs, not more


def test_nothing_on_the_private_path_takes_a_seed_or_a_generator():
    for module in (noise, sampling, histograms):
        for name, thing in inspect.getmembers(module, inspect.isfunction):
            words = set(inspect.signature(thing).parameters)
            assert not words & {"seed", "seeds", "rng", "generator", "random_state"}, name
        text = inspect.getsource(module)
        assert "default_rng" not in text and "Seeds" not in text and "np.random" not in text


def test_two_runs_differ_whatever_is_seeded():
    for draw in (
        lambda: noisy_sums(np.zeros(50), 1.0),
        lambda: noisy_counts(np.zeros(50), counted(3.0)),
    ):
        np.random.seed(3)  # noqa: NPY002
        one = draw()
        np.random.seed(3)  # noqa: NPY002
        assert not np.array_equal(one, draw())


def counted(size: float, **facts) -> Spend:
    return Spend(Kind.GAUSSIAN, size, **facts)


def test_counts_get_discrete_noise_of_the_stated_spread():
    noised = noisy_counts(np.full((100, 200), 7), counted(5.0))
    assert noised.shape == (100, 200)
    assert np.array_equal(noised * GRAIN, np.rint(noised * GRAIN))  # nothing in the low bits
    assert abs(noised.mean() - 7) < 0.2 and abs(noised.std() - 5) < 0.15
    lifted = noisy_counts(np.zeros(20000), counted(5.0), reach=3)
    assert abs(lifted.std() - 15) < 0.5
    laplace = noisy_counts(np.zeros(20000), Spend(Kind.LAPLACE, 5.0))
    assert abs(laplace.std() - 5 * np.sqrt(2)) < 0.4


def test_too_little_noise_for_the_lattice_is_refused():
    with pytest.raises(BudgetError):
        noisy_counts(np.zeros(3), counted(0.0))
    with pytest.raises(BudgetError):
        noisy_counts(np.zeros(3), counted(0.1))


def test_noise_of_sums_is_gaussian_and_on_a_lattice():
    sums = np.linspace(-3, 3, 100_001)  # more than a block
    drawn = noisy_sums(sums.copy(), 2.0)
    assert np.array_equal(drawn / 2 * FINE, np.rint(drawn / 2 * FINE))  # nothing in lower bits
    noise_ = (drawn - sums) / 2
    assert stats.kstest(noise_, "norm").pvalue > SURE
    assert abs(np.corrcoef(noise_[:-1], noise_[1:])[0, 1]) < 5.4 / np.sqrt(100_000)
    with pytest.raises(BudgetError):
        noisy_sums(sums, 0.0)


@pytest.mark.parametrize("spread", [1.0, 1.9, 3e-5])
def test_the_lowest_bits_of_the_noise_are_coins(spread):
    """Were the noise mostly even, it would not hide whether a sum is."""
    lattice = noisy_sums(np.zeros(400_000, np.float32), spread) / np.float32(noise._grain(spread))
    assert np.array_equal(lattice, np.rint(lattice))
    for bit in range(4):
        odd = (lattice.astype(np.int64) >> bit & 1).mean()
        assert abs(odd - 0.5) < 5.4 * 0.5 / np.sqrt(400_000)


def test_neighbours_are_no_farther_on_the_lattice_than_the_slack_says():
    size, spread, away = 10_000, 1.3, 1e-3
    draw = np.random.default_rng(0).normal
    one = draw(size=size)
    step = draw(size=size)
    two = one + step * away / np.linalg.norm(step)
    grain = noise._grain(spread)
    apart = np.linalg.norm(np.rint(one / grain) - np.rint(two / grain)) * grain
    assert away < apart <= away + noise.slack(size, spread)
    with pytest.raises(BudgetError):
        noise.slack(size, 0.0)


@pytest.mark.parametrize("size", [1, 3, noise.BLOCK - 1, 3 * noise.BLOCK // 2 + 1])
def test_noise_takes_the_place_of_every_sum(size):
    sums = np.full(size, 1e6, dtype=np.float32)
    drawn = noisy_sums(sums, 1e5)
    assert drawn is sums and sums.dtype == np.float32
    assert (np.abs(sums - 1e6) < 1e6).all()  # ten spreads
    assert (sums != 1e6).sum() >= size - 3  # every one has noise of its own


@pytest.mark.parametrize("size", [0.125, 0.3, 1.0])
def test_discrete_noise_costs_what_the_accountant_takes_it_for(size):
    """The violation: on a lattice of 1/16 it costs more, by half of delta where there is least."""
    assert size * GRAIN >= noise.LEAST
    at = np.arange(-int(12 * size * GRAIN), int(12 * size * GRAIN) + GRAIN)  # without, and with one
    absent, present = (np.exp(-(((at - k) / GRAIN / size) ** 2) / 2) for k in (0, GRAIN))
    for delta in np.geomspace(1e-6, 1e-3, 20):
        epsilon = gaussian_epsilon(size, delta)
        found = np.maximum(present - np.exp(epsilon) * absent, 0).sum() / absent.sum()
        assert found <= delta * (1 + 2e-5)
    spend = Spend(Kind.LAPLACE, 8 * size, steps=20)
    decay = np.exp(-1 / spend.noise / GRAIN)
    mass = (1 - decay) / (1 + decay) * decay ** np.arange(GRAIN + 1.0)
    mass[[0, -1]] /= 1 - decay  # and all beyond it
    width = spend.steps * GRAIN
    mass = np.fft.irfft(np.fft.rfft(mass, 4 * width) ** spend.steps, 4 * width)[: width + 1]
    loss = spend.steps * (1 - 2 * np.arange(width + 1) / width) / spend.noise
    epsilon = epsilon_of([spend], 1e-6)
    assert (mass * np.maximum(-np.expm1(epsilon - loss), 0)).sum() <= 1e-6 * (1 + 2e-5)


def test_weights_of_the_exponential_mechanism_are_exact_at_both_ends(monkeypatch):
    ends = []
    monkeypatch.setattr(noise.secrets, "randbelow", lambda end: ends.append(end) or end - 1)
    assert choose(np.array([0.0, 19.5]), 2.0) == 1 and choose(np.array([0.0]), 2.0) == 0
    assert (ends[0] - ends[1]) / ends[1] == pytest.approx(np.exp(-19.5), rel=1e-12, abs=0)


def test_the_exponential_mechanism_picks_with_its_probabilities():
    scores, eps = np.array([0.0, 1.0, 3.0]), 2.0
    wanted = np.exp(eps / 2 * scores) / np.exp(eps / 2 * scores).sum()
    found = np.bincount([choose(scores, eps) for _ in range(6000)], minlength=3) / 6000
    assert np.abs(found - wanted).max() < 0.03
    far = [choose(np.array([0.0, 1e9]), 1.0) for _ in range(50)]
    assert set(far) == {1}


def test_sampling_is_poisson_by_patient():
    patients = np.repeat(np.arange(200), 3)
    sampler = PoissonSampler(patients, 0.1)
    drawn = [sampler.draw() for _ in range(2000)]
    sizes = np.array([len(d) for d in drawn]) / 3
    assert (sizes == np.round(sizes)).all()  # a patient with all rows or none
    assert abs(sizes.mean() - 20) < 0.5
    assert abs(sizes.var() - 200 * 0.1 * 0.9) < 3.5  # a fixed batch size would have none
    times = np.bincount(np.concatenate(drawn), minlength=600)[::3]
    assert stats.kstest((times - 200) / np.sqrt(180), "norm").pvalue > SURE
    tiny = PoissonSampler(np.arange(3), 0.05)
    assert any(len(tiny.draw()) == 0 for _ in range(100))
    with pytest.raises(PlanError):
        PoissonSampler(patients, 0.0)


def test_a_patient_is_capped_whatever_the_others_have():
    patients = np.array([5, 1, 5, 5, 2, 1])
    assert capped(patients, 2).tolist() == [0, 1, 2, 4, 5]
    assert capped(np.array([], dtype=int), 2).tolist() == []


@pytest.mark.parametrize("kind", [Kind.GAUSSIAN, Kind.LAPLACE])
def test_a_singleton_is_named_at_most_at_delta(kind):
    spend = Spend(kind, 3.0, delta=1e-2)
    limit, runs = threshold(spend), 20_000
    named = (noisy_counts(np.ones(runs), spend) >= limit).mean()
    assert named <= 1e-2 + 5.2 * np.sqrt(1e-2 / runs)
    assert named > 3e-3  # and the threshold wastes little


def test_the_threshold_formula_and_the_other_category():
    exact = 1 + np.log(1 / (2 * 1e-6)) / 0.1
    assert threshold(Spend(Kind.LAPLACE, 10.0, delta=1e-6)) == pytest.approx(exact + 1 / GRAIN)
    kept = stable_histogram({"a": 500, "b": 1, OTHER: 400}, counted(3.0, delta=1e-6))
    assert set(kept) == {"a", OTHER}
    with pytest.raises(PlanError):
        threshold(counted(3.0))


def test_bounds_hold_the_crowd_and_not_one_outlier():
    rng = np.random.default_rng(0)
    values = np.r_[rng.uniform(20, 90, 2000), 1e9, np.nan]
    low, high = bounds(values, counted(3.0))
    assert (low, high) == (16.0, 128.0)
    assert bounds(-values, counted(3.0)) == (-128.0, -16.0)
    low, high = bounds(np.zeros(500), counted(3.0))
    assert low <= 0 <= high and high - low < 1e-3
    with pytest.raises(PlanError):
        bounds(np.array([1.0]), counted(3.0))
