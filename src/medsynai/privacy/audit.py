"""What epsilon the outputs prove: lower bounds that no mechanism within its claim should pass.

Canaries are made-up patients, each put in or left out by a coin; an attacker who sees all releases
scores each. The better the scores tell in from out, the larger an epsilon they prove.

Sources: Steinke, Nasr and Jagielski 2023, Privacy auditing with one (1) training run, theorem 5.2;
Jagielski, Ullman and Oprea 2020, Auditing differentially private machine learning (pairs of
neighbours); Nasr et al. 2023, Tight auditing of differentially private machine learning (canaries
that are gradients).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import brentq
from scipy.stats import beta, binom

from medsynai.errors import PlanError
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.noise import noisy_counts, uniform

MOST = 30.0  # no audit of a few thousand canaries proves more than this
SHARES = (1.0, 0.5, 0.2, 0.05)  # of the canaries that are guessed, fixed before a score is seen
Scores = Float[np.ndarray, " canaries"]
Coins = Bool[np.ndarray, " canaries"]
Run = Callable[[Coins], np.ndarray]  # (steps, canaries), in units of the sensitivity


@dataclass(frozen=True)
class Proof:
    """What one audit proves.

    Attributes:
        epsilon: at least this much is spent, but for a chance of `doubt`.
        right: canaries that were guessed rightly.
        guessed: canaries that were guessed at all.
    """

    epsilon: float
    right: int
    guessed: int
    doubt: float


def one_run(scores: Scores, inside: Coins, delta: float, doubt: float = 0.05) -> Proof:
    """A lower bound of epsilon from many canaries in one run.

    The highest scores are guessed in, the lowest out, the rest is left open.

    Args:
        scores: higher where the releases look more as if the canary was in.
        inside: fair coins, independent of each other, that decided it.
        delta: as claimed. Doubt of less than about `len(scores)` deltas leaves nothing to prove.
        doubt: the chance with which a mechanism that keeps its claim is said to break it.
    """
    best, order = Proof(0.0, 0, 0, doubt), np.argsort(scores, kind="stable")
    for share in SHARES:
        half = max(1, round(share * len(scores) / 2))
        right = int(inside[order[-half:]].sum() + (~inside[order[:half]]).sum())
        found = _most(
            lambda e, h=half, v=right: chance_of(v, 2 * h, len(scores), e, delta),  # type: ignore[misc]
            doubt / len(SHARES),
        )
        if found > best.epsilon:
            best = Proof(found, right, 2 * half, doubt)
    return best


def chance_of(right: int, guessed: int, canaries: int, epsilon: float, delta: float) -> float:
    """How likely so many right guesses are at most, for any mechanism within (epsilon, delta).

    Steinke, Nasr and Jagielski 2023, theorem 5.2: P(W >= v) <= beta + 2 m delta alpha, with W
    binomial at e^eps / (1 + e^eps) and alpha = max_i P(v - i <= W < v) / i.
    """
    q = 1 / (1 + math.exp(-epsilon))
    below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guessed, q))
    alpha = float((below / np.arange(1, right + 1)).max(initial=0.0))
    return min(1.0, float(binom.sf(right - 1, guessed, q)) + 2 * canaries * delta * alpha)


def _most(chance: Callable[[float], float], doubt: float) -> float:
    """The largest epsilon under which what was seen is less likely than the doubt."""
    if chance(0.0) >= doubt:
        return 0.0
    if chance(MOST) < doubt:
        return MOST
    return float(brentq(lambda e: chance(e) - doubt, 0.0, MOST, xtol=1e-3)) - 1e-3


def pair(present: np.ndarray, absent: np.ndarray, delta: float, doubt: float = 0.05) -> Proof:
    """A lower bound from many runs on two neighbours, by one number of each run.

    A threshold is chosen on the first half of the runs, and counted on the second (Clopper and
    Pearson 1934).

    Args:
        present: (runs,) a statistic of the releases, higher with the patient in.
        absent: (runs,) of the neighbour without.
        delta: as claimed.
        doubt: the chance of saying too much.
    """
    half = len(present) // 2
    cuts = np.quantile(np.r_[present[:half], absent[:half]], np.linspace(0.02, 0.98, 49))
    rates = [
        ((present[:half] > c).mean() + 0.01) / ((absent[:half] > c).mean() + 0.01) for c in cuts
    ]
    cut, n = cuts[int(np.argmax(rates))], len(present) - half
    hits, alarms = int((present[half:] > cut).sum()), int((absent[half:] > cut).sum())
    least = float(beta.ppf(doubt / 2, hits, n - hits + 1)) if hits else 0.0
    most = float(beta.ppf(1 - doubt / 2, alarms + 1, n - alarms)) if alarms < n else 1.0
    found = math.log(max(least - delta, 1e-300) / most)
    return Proof(max(0.0, found), hits + n - alarms, 2 * n, doubt)


def likeliness(seen: np.ndarray, spend: Spend, noise: float | None = None) -> np.ndarray:
    """Log p(seen | in) / p(seen | out) of one release that the canary moves from 0 to 1.

    Args:
        seen: of any shape, in units of the sensitivity.
        spend: kind, noise and rate of the release.
        noise: in place of the spend's own.
    """
    scale = spend.noise if noise is None else noise
    if spend.kind is Kind.LAPLACE:
        return (np.abs(seen) - np.abs(seen - 1)) / scale
    if spend.kind is not Kind.GAUSSIAN:
        raise PlanError("the audit has no canary for choices; they are left out of it")
    told = (2 * seen - 1) / (2 * scale**2)
    if spend.rate == 1:
        return told
    return np.logaddexp(math.log1p(-spend.rate), math.log(spend.rate) + told)


@dataclass(frozen=True)
class Seen:
    """What an attacker makes of all releases of one run.

    Attributes:
        direct: the log-likelihood ratio of each canary.
        beside: the same beside a run without any canary: it sees noise that repeats itself.
    """

    direct: Scores
    beside: Scores

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(self.direct + other.direct, self.beside + other.beside)

    def proof(self, inside: Coins, delta: float, doubt: float) -> Proof:
        """The better of the two, each with half the doubt."""
        found = (one_run(s, inside, delta, doubt / 2) for s in (self.direct, self.beside))
        return max(found, key=lambda p: p.epsilon)


def seen_of(run: Run, inside: Coins, spend: Spend) -> Seen:
    """Attack one mechanism, run with the canaries that are inside, and again with none.

    Args:
        run: (steps, canaries) what each step tells of each canary, in units of the sensitivity.
        inside: which are in.
        spend: what a step claims.
    """
    told, blank = run(inside), run(np.zeros_like(inside))
    twice = math.sqrt(2) * spend.noise  # both runs have noise
    direct, beside = likeliness(told, spend), likeliness(told - blank, spend, twice)
    return Seen(direct.sum(0), beside.sum(0))


def count_canaries(spend: Spend, steps: int) -> Run:
    """Counts in which every canary has a cell of its own."""

    def run(inside: Coins) -> np.ndarray:
        return np.stack([noisy_counts(inside.astype(np.int64), spend) for _ in range(steps)])

    return run


def coins(canaries: int) -> Coins:
    """Fair and independent, from the operating system's entropy."""
    return uniform(canaries) < 0.5


def summed(parts: Sequence[Seen]) -> Seen:
    """All releases together."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
