"""What releases cost together: privacy-loss distributions, with Renyi DP as the second accountant.

Unit: one patient. Neighbours: data with and without all that one patient contributes (add/remove).

Sources: Koskela, Jalko and Honkela 2020, Computing tight differential privacy guarantees using FFT;
Doroshenko et al. 2022, Connect the dots (both in dp-accounting); Mironov 2017, Renyi DP; Bun and
Steinke 2016, zero-concentrated DP; Balle and Wang 2018, theorem 8 (the Gaussian in closed form);
Dong, Durfee and Rogers 2020, Optimal DP composition for exponential mechanisms (bounded range).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from medsynai.errors import MissingExtra, PlanError

RELATION = "add or remove one patient"
STEP = 1e-3  # spacing of the discretised privacy loss; rounding is pessimistic, below 0.1 %


class Kind(StrEnum):
    """Mechanisms that the accountant knows."""

    GAUSSIAN = "gaussian"
    LAPLACE = "laplace"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True)
class Spend:
    """One mechanism, run `steps` times.

    Attributes:
        noise: gaussian: standard deviation over the L2 sensitivity; laplace: scale over the L1
            sensitivity; exponential: one over its epsilon. 0 is no noise at all.
        rate: chance with which each patient takes part in a step (Poisson sampling).
        steps: how often it is run.
        delta: a failure chance of its own beside its noise, e.g. of a stable histogram.
    """

    kind: Kind
    noise: float
    rate: float = 1.0
    steps: int = 1
    delta: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.noise) or self.noise < 0:
            raise PlanError("noise must be a finite number of at least 0")
        if not 0 < self.rate <= 1 or self.steps < 0 or not 0 <= self.delta < 1:
            raise PlanError("a rate lies in (0, 1], steps are at least 0, delta lies in [0, 1)")
        if self.rate < 1 and self.kind is not Kind.GAUSSIAN:
            raise PlanError("Poisson sampling is accounted for with Gaussian noise only")


def epsilon_of(spends: Sequence[Spend], delta: float) -> float:
    """The least epsilon that all releases together keep at this delta (PLD accountant).

    **Guarantee:** an upper bound: the loss is discretised pessimistically and composed adaptively.

    | spends | epsilon |
    |---|---|
    | none | 0 |
    | one without noise | inf |
    | own deltas that use up `delta` | inf |

    Raises:
        MissingExtra: dp-accounting is not installed.

    >>> round(epsilon_of([Spend(Kind.GAUSSIAN, 3.0, rate=0.1, steps=512)], 1e-6), 2)
    3.77
    """
    rest = _rest(spends, delta)
    spends = merged(spends)
    if not spends:
        return 0.0
    if rest <= 0 or any(s.noise == 0 for s in spends):
        return math.inf
    return float(_composed(spends).get_epsilon_for_delta(rest))


def delta_of(spends: Sequence[Spend], epsilon: float) -> float:
    """The least delta at this epsilon: the other half of the same curve."""
    own = _own(spends)
    spends = merged(spends)
    if not spends:
        return own
    if any(s.noise == 0 for s in spends):
        return 1.0
    return min(1.0, own + float(_composed(spends).get_delta_for_epsilon(epsilon)))


def renyi_epsilon_of(spends: Sequence[Spend], delta: float) -> float:
    """The second accountant: the same total through Renyi DP; never below the first by much.

    Raises:
        MissingExtra: dp-accounting is not installed.
    """
    rest = _rest(spends, delta)
    spends = merged(spends)
    if not spends:
        return 0.0
    if rest <= 0 or any(s.noise == 0 for s in spends):
        return math.inf
    try:
        from dp_accounting import dp_event, rdp
    except ImportError:
        raise MissingExtra("differential privacy", "dp-accounting", "dp") from None
    accountant: Any = rdp.RdpAccountant()
    for spend in spends:
        event: Any
        match spend.kind:
            case Kind.GAUSSIAN:
                event = dp_event.GaussianDpEvent(spend.noise)
                if spend.rate < 1:
                    event = dp_event.PoissonSampledDpEvent(spend.rate, event)
            case Kind.LAPLACE:
                event = dp_event.LaplaceDpEvent(spend.noise)
            case Kind.EXPONENTIAL:  # Cesar and Rogers 2021, lemma 3.2: eps^2 / 8 zCDP
                event = dp_event.ZCDpEvent(1 / (8 * spend.noise**2))
        accountant.compose(event, spend.steps)
    return float(accountant.get_epsilon(rest))


def merged(spends: Sequence[Spend]) -> tuple[Spend, ...]:
    """The same cost in fewer entries: Gaussians without sampling are one Gaussian."""
    plain = [s for s in spends if s.kind is Kind.GAUSSIAN and s.rate == 1 and s.steps and s.noise]
    rest = [s for s in spends if s.steps and s not in plain]
    counts: dict[Spend, int] = {}
    for spend in rest:
        key = Spend(spend.kind, spend.noise, spend.rate)
        counts[key] = counts.get(key, 0) + spend.steps
    out = [Spend(k.kind, k.noise, k.rate, n) for k, n in counts.items()]
    if plain:
        strength = math.fsum(s.steps / s.noise**2 for s in plain)
        out.insert(0, Spend(Kind.GAUSSIAN, 1 / math.sqrt(strength)))
    return tuple(out)


def _rest(spends: Sequence[Spend], delta: float) -> float:
    if not 0 < delta < 1:
        raise PlanError("delta must lie above 0 and below 1")
    return delta - _own(spends)


def _own(spends: Sequence[Spend]) -> float:
    """Failure chances that stand beside the noise; `merged` leaves them out."""
    return math.fsum(s.delta * s.steps for s in spends)


def _composed(spends: Sequence[Spend]) -> Any:
    """The privacy-loss distribution of all of them, at least one."""
    total = _distribution(spends[0])
    for spend in spends[1:]:
        total = total.compose(_distribution(spend))
    return total


def _distribution(spend: Spend) -> Any:
    """Its privacy-loss distribution, all steps."""
    try:
        from dp_accounting.pld.privacy_loss_distribution import (
            from_gaussian_mechanism,
            from_laplace_mechanism,
        )
    except ImportError:
        raise MissingExtra("differential privacy", "dp-accounting", "dp") from None
    one: Any
    match spend.kind:
        case Kind.GAUSSIAN if spend.rate == 1:
            return from_gaussian_mechanism(
                spend.noise / math.sqrt(spend.steps), value_discretization_interval=STEP
            )
        case Kind.GAUSSIAN:
            one = from_gaussian_mechanism(
                spend.noise, sampling_prob=spend.rate, value_discretization_interval=STEP
            )
        case Kind.LAPLACE:
            one = from_laplace_mechanism(spend.noise, value_discretization_interval=STEP)
        case Kind.EXPONENTIAL:
            one = _bounded_range(1 / spend.noise)
    return one.self_compose(spend.steps) if spend.steps > 1 else one


def bounded_range_delta(epsilon: float, x: np.ndarray) -> np.ndarray:
    """The greatest delta at epsilon `x` of any mechanism whose loss has range `epsilon`.

    Such a loss lies in [t - epsilon, t] for some t that the data choose. With the least mass that
    makes both sides probabilities, delta_t(x) = (e^eps - e^t)(1 - e^(x - t)) / (e^eps - 1); the
    greatest over t is at t = (eps + x) / 2 (Dong, Durfee and Rogers 2020, section 3):
    (e^(eps/2) - e^(x/2))^2 / (e^eps - 1), for x in [-eps, eps].
    """
    inside = np.clip(x, -epsilon, epsilon)
    delta = (np.expm1(epsilon / 2) - np.expm1(inside / 2)) ** 2 / np.expm1(epsilon)
    return np.where(x < -epsilon, -np.expm1(x), delta)


def _bounded_range(epsilon: float) -> Any:
    """The privacy-loss distribution that dominates the exponential mechanism."""
    from dp_accounting.pld import pld_pmf, privacy_loss_distribution

    most = math.ceil(epsilon / STEP)
    grid = np.arange(-most, most + 1)
    deltas = bounded_range_delta(epsilon, grid * STEP)
    made = pld_pmf.create_pmf_pessimistic_connect_dots(STEP, grid, deltas)
    return privacy_loss_distribution.PrivacyLossDistribution(made)


def gaussian_delta(noise: float, epsilon: float) -> float:
    """The exact delta of one Gaussian release (Balle and Wang 2018, theorem 8)."""
    a, b = 1 / (2 * noise), epsilon * noise
    return float(ndtr(a - b) - np.exp(epsilon + log_ndtr(-a - b)))


def gaussian_epsilon(noise: float, delta: float) -> float:
    """The exact epsilon of one Gaussian release.

    >>> round(gaussian_epsilon(3.730632, 1e-5), 3)
    1.0
    """
    if gaussian_delta(noise, 0.0) <= delta:
        return 0.0
    top = 1.0
    while gaussian_delta(noise, top) > delta:
        top *= 2
    return float(brentq(lambda e: gaussian_delta(noise, e) - delta, 0.0, top, xtol=1e-12))


def attack_bound(spends: Sequence[Spend], fpr: float) -> float:
    """The greatest share of members that any attack can name, at this share of false alarms."""
    return attack_curve(spends, (fpr,))[0]


def attack_curve(spends: Sequence[Spend], fprs: Sequence[float]) -> tuple[float, ...]:
    """The same for several shares of false alarms.

    Over all points (epsilon, delta) of the releases' curve: TPR <= e^eps FPR + delta, and
    TPR <= 1 - e^-eps (1 - delta - FPR) (Kairouz, Oh and Viswanath 2015, theorem 2.1).
    """
    own, spends = _own(spends), merged(spends)
    if not spends:
        return tuple(min(1.0, fpr + own) for fpr in fprs)
    if any(s.noise == 0 for s in spends):
        return (1.0,) * len(fprs)
    total = _composed(spends)
    grid = np.linspace(0, 15, 301)
    deltas = np.array([total.get_delta_for_epsilon(float(e)) for e in grid]) + own
    return tuple(_bound(grid, deltas, fpr) for fpr in fprs)


def budget_curve(epsilon: float, delta: float, fprs: Sequence[float]) -> tuple[float, ...]:
    """The same where nothing is known but that (epsilon, delta) holds: the promise alone.

    >>> [round(t, 3) for t in budget_curve(1.0, 1e-6, (0.01, 0.1))]
    [0.027, 0.272]
    """
    return tuple(_bound(np.array([epsilon]), np.array([delta]), fpr) for fpr in fprs)


def _bound(epsilons: np.ndarray, deltas: np.ndarray, fpr: float) -> float:
    low = np.exp(epsilons) * fpr + deltas
    high = 1 - np.exp(-epsilons) * (1 - deltas - fpr)
    return float(np.clip(np.minimum(low, high).min(), fpr, 1.0))
