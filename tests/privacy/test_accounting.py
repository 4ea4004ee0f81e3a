"""Known answers, two accountants beside each other, and faults that would show."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.errors import PlanError
from medsynai.privacy import calibrate as calibrate_module
from medsynai.privacy.accounting import (
    Kind,
    Spend,
    attack_bound,
    bounded_range_delta,
    delta_of,
    epsilon_of,
    gaussian_epsilon,
    merged,
    renyi_epsilon_of,
)
from medsynai.privacy.calibrate import calibrate

pytest.importorskip("dp_accounting")
GAUSS, LAPLACE, EXPONENTIAL = Kind.GAUSSIAN, Kind.LAPLACE, Kind.EXPONENTIAL


def test_the_known_answer_of_sampled_gaussian_steps():
    steps = [Spend(GAUSS, 3.0, rate=0.1, steps=512)]
    assert epsilon_of(steps, 1e-6) == pytest.approx(3.77, abs=0.005)
    assert 3.77 < renyi_epsilon_of(steps, 1e-6) < 4.3  # looser, never below


@pytest.mark.parametrize("noise", [0.8, 2.0, 3.73, 40.0])
@pytest.mark.parametrize("delta", [1e-3, 1e-6])
def test_the_accountant_agrees_with_the_closed_form_of_the_gaussian(noise, delta):
    exact = gaussian_epsilon(noise, delta)
    found = epsilon_of([Spend(GAUSS, noise)], delta)
    assert exact - 1e-6 <= found <= exact + 2e-3
    assert renyi_epsilon_of([Spend(GAUSS, noise)], delta) >= exact


def test_gaussians_compose_to_one_gaussian():
    many = [Spend(GAUSS, 4.0, steps=3), Spend(GAUSS, 6.0), Spend(GAUSS, 6.0)]
    noise = 1 / math.sqrt(3 / 16 + 2 / 36)
    (one,) = merged(many)
    assert one.noise == pytest.approx(noise) and one.steps == 1
    assert epsilon_of(many, 1e-6) == pytest.approx(gaussian_epsilon(noise, 1e-6), abs=2e-3)


def test_pure_mechanisms_cost_their_epsilon():
    assert epsilon_of([Spend(LAPLACE, 2.0)], 1e-12) == pytest.approx(0.5, abs=1e-3)
    assert epsilon_of([Spend(EXPONENTIAL, 2.0)], 1e-12) == pytest.approx(0.5, abs=1e-3)
    both = epsilon_of([Spend(LAPLACE, 2.0), Spend(EXPONENTIAL, 4.0)], 1e-12)
    assert both == pytest.approx(0.75, abs=2e-3)


def test_bounded_range_dominates_every_mechanism_of_that_range():
    """Two answers, losses t and t - eps: none may have a greater delta than the bound."""
    eps, x = 0.8, np.linspace(-1, 1, 81)
    bound = bounded_range_delta(eps, x)
    for t in np.linspace(0.01, eps - 0.01, 25):
        q = np.array([-math.expm1(t - eps), math.expm1(t)])
        q = q / (q[0] * math.exp(t) + q[1] * math.exp(t - eps))  # p sums to 1
        p = q * np.exp([t, t - eps])
        assert p.sum() == pytest.approx(1) and q.sum() == pytest.approx(1)
        delta = np.maximum(p[:, None] - np.exp(x) * q[:, None], 0).sum(0)
        assert (delta <= bound + 1e-12).all()


def test_many_choices_cost_less_than_the_sum_and_renyi_agrees():
    many = [Spend(EXPONENTIAL, 10.0, steps=40)]
    assert renyi_epsilon_of(many, 1e-6) * 0.8 < epsilon_of(many, 1e-6) < 4.0
    assert epsilon_of(many, 1e-6) < epsilon_of([Spend(LAPLACE, 10.0, steps=40)], 1e-6)


def test_no_noise_is_no_protection_and_nothing_costs_nothing():
    assert epsilon_of([], 1e-6) == 0
    for kind in Kind:
        assert epsilon_of([Spend(kind, 0.0)], 1e-6) == math.inf
        assert renyi_epsilon_of([Spend(kind, 0.0)], 1e-6) == math.inf
    assert epsilon_of([Spend(GAUSS, 1e-9, steps=0)], 1e-6) == 0


def test_epsilon_falls_with_noise_and_rises_with_steps_and_rate():
    def cost(noise=2.0, rate=0.1, steps=100):
        return epsilon_of([Spend(GAUSS, noise, rate, steps)], 1e-6)

    assert cost(noise=1.0) > cost(noise=2.0) > cost(noise=4.0)
    assert cost(rate=0.2) > cost() and cost(steps=200) > cost()


def test_a_delta_of_its_own_is_taken_from_the_whole():
    plain = epsilon_of([Spend(GAUSS, 4.0)], 1e-6)
    with_own = epsilon_of([Spend(GAUSS, 4.0, delta=5e-7)], 1e-6)
    assert with_own == pytest.approx(epsilon_of([Spend(GAUSS, 4.0)], 5e-7)) and with_own > plain
    assert epsilon_of([Spend(GAUSS, 4.0, delta=1e-6)], 1e-6) == math.inf
    assert delta_of([Spend(GAUSS, 4.0, delta=5e-7)], plain) == pytest.approx(1.5e-6, rel=0.01)


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(-1, 1, 1), (math.nan, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, -1)]
)
def test_nonsense_is_refused(noise, rate, steps):
    with pytest.raises(PlanError):
        Spend(GAUSS, noise, rate, steps)
    with pytest.raises(PlanError, match="Poisson"):
        Spend(LAPLACE, 1.0, rate=0.5)


@settings(max_examples=8, deadline=None)
@given(
    epsilon=st.floats(0.1, 10),
    delta=st.sampled_from([1e-4, 1e-5, 1e-6]),
    measured=st.integers(1, 30),
    chosen=st.integers(0, 10),
    share=st.floats(0.1, 0.9),
)
def test_calibrated_noise_stays_inside_any_budget(epsilon, delta, measured, chosen, share):
    def planned(noise):
        return [
            Spend(GAUSS, noise / math.sqrt(share), steps=measured),
            Spend(EXPONENTIAL, noise / math.sqrt(1 - share), steps=chosen),
        ]

    noise = calibrate(planned, epsilon, delta)
    assert epsilon_of(planned(noise), delta) <= epsilon
    assert epsilon_of(planned(noise * 0.97), delta) > epsilon  # and wastes little


def test_what_an_attack_may_reach_for_a_gaussian():
    """The exact trade-off curve of a Gaussian: TPR = Phi(Phi^-1(FPR) + 1 / noise)."""
    from scipy.stats import norm

    for noise in (3.73, 1.0):
        for fpr in (0.01, 0.1):
            exact = norm.cdf(norm.ppf(fpr) + 1 / noise)
            assert exact <= attack_bound([Spend(GAUSS, noise)], fpr) <= exact + 0.005
    assert attack_bound([], 0.1) == 0.1 and attack_bound([Spend(GAUSS, 0.0)], 0.1) == 1


def test_a_failure_chance_of_its_own_raises_what_an_attack_can_do():
    quiet, failing = Spend(Kind.GAUSSIAN, 1e3), Spend(Kind.GAUSSIAN, 1e3, delta=0.05)
    assert attack_bound([quiet], 0.01) < 0.02
    assert attack_bound([failing], 0.01) >= 0.05  # whoever fails is named by everyone


@pytest.mark.parametrize("epsilon", [0.1, 2.0])
def test_noise_for_sampled_steps_is_found_in_a_few_turns(epsilon, monkeypatch):
    """Below a noise of one, epsilon falls faster than one over it: a guess by that rule hung."""
    turns, before = [], calibrate_module.epsilon_of
    monkeypatch.setattr(
        calibrate_module, "epsilon_of", lambda s, d: turns.append(s) or before(s, d)
    )
    plan = lambda s: [Spend(Kind.GAUSSIAN, 0.29 * s, 0.1, 6), Spend(Kind.GAUSSIAN, 3.65 * s)]  # noqa: E731
    found = calibrate_module.calibrate(plan, epsilon, 1e-5)
    assert 0.995 * epsilon < epsilon_of(plan(found), 1e-5) <= epsilon and len(turns) < 15
