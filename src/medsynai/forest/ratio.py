"""How much likelier rows are real than drawn: boosted trees, round after round, while it helps.

A classifier's odds are the ratio of two densities. Patients are dealt into folds, each with a chain
of classifiers of its own that do not learn from it; its patients say when a chain's trees end, and
which rounds are kept. A later round is shown drawn rows in proportion to the weights so far, so
that it sees what is left to tell (Azadi et al. 2019 in rounds; as in Rogozhnikov 2016, Reweighting
with boosted decision trees). What is kept is the mean of the chains: much of a classifier's noise
is its own, and would be told from real rows as well as what it mends.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Integer

from medsynai.forest.booster import NOTHING, Booster, Features, Learner
from medsynai.seeds import Seeds

MOST_REAL, MOST_DRAWN = 20_000, 100_000  # rows at most: time and memory stay flat

Ratios = Float[np.ndarray, " rows"]
Owners = Integer[np.ndarray, " rows"]


@dataclass(frozen=True)
class Rounds:
    """How ratios are fitted.

    Attributes:
        learner: how a round's trees are grown.
        most: rounds at most.
        folds: chains; each learns from the patients of all other folds.
    """

    learner: Learner
    most: int
    folds: int

    def fit(
        self, real: Features, patients: Owners, drawn: Features, seeds: Seeds
    ) -> tuple[Booster, list[float]]:
        """The log ratio of the densities of real and drawn rows; nothing where no round helps.

        Args:
            real: (n, columns) marks of real rows.
            patients: (n,) whose each is.
            drawn: marks of drawn rows.
            seeds: all randomness.

        Returns:
            The trees of the rounds that helped, and what the held rows gained by then: their mean
            log ratio less the logarithm of held drawn rows' mean ratio. By so much the divergence
            KL(real | drawn) falls when drawn rows are weighed by it.
        """
        if len(real) > MOST_REAL:
            some = seeds.of("some").numpy().choice(len(real), MOST_REAL, replace=False)
            real, patients = real[some], patients[some]
        people = np.unique(patients, return_inverse=True)[1]
        folds = min(self.folds, int(people.max(initial=0)) + 1)
        if folds < 2:
            return NOTHING, []
        deal = seeds.of("folds").numpy().permutation(people.max() + 1) % folds
        chains = [
            _Chain(real, people, drawn, deal[people] == k, np.arange(len(drawn)) % folds == k)
            for k in range(folds)
        ]
        gains: list[float] = []
        for turn in range(self.most):
            own = seeds.of("round", turn)
            told = [chain.grow(self.learner, own.of(k)) for k, chain in enumerate(chains)]
            gains.append(float(np.mean(told)))
            if gains[-1] <= max(gains[:-1], default=0.0):
                break
        kept = int(np.argmax(gains)) + 1 if max(gains) > 0 else 0
        grown = [booster for chain in chains for booster in chain.boosters[:kept]]
        return Booster.joined(grown, 1 / folds), gains


@dataclass
class _Chain:
    """One fold's classifiers, and the log ratios that they give all rows so far."""

    real: Features
    people: Owners
    drawn: Features
    held_real: Bool[np.ndarray, " n"]
    held_drawn: Bool[np.ndarray, " m"]
    boosters: list[Booster] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.of_real, self.of_drawn = np.zeros(len(self.real)), np.zeros(len(self.drawn))

    def grow(self, learner: Learner, seeds: Seeds) -> float:
        """One more round; gives what the held rows gain by all so far."""
        shown = np.arange(len(self.drawn))
        if self.boosters:
            rng = seeds.of("pick").numpy()
            shown = np.sort(pick(self.of_drawn, len(self.drawn) // 2, rng))
        mine, many = one_each(self.people, seeds)
        rows = np.vstack([self.real[mine], self.drawn[shown]])
        real = np.arange(len(rows)) < len(mine)
        weight = np.append(many, np.ones(len(shown)))
        held = np.append(self.held_real[mine], self.held_drawn[shown])
        booster = learner.fit(rows, real, weight, held, seeds.of("grow"))
        self.boosters.append(booster)
        self.of_real += booster.log_odds(self.real)
        self.of_drawn += booster.log_odds(self.drawn)
        gained = self.of_real[self.held_real].mean()
        return float(gained - np.log(np.exp(self.of_drawn[self.held_drawn]).mean()))


def one_each(
    patients: Owners, seeds: Seeds
) -> tuple[Integer[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """One row of each patient, and how many there are of that patient. In the order of the rows."""
    order = np.arange(len(patients))
    if len(np.unique(patients)) < len(patients):
        order = seeds.of("one each").numpy().permutation(len(patients))
    first, many = np.unique(patients[order], return_index=True, return_counts=True)[1:]
    place = np.argsort(order[first])
    return order[first][place], many[place].astype(float)


def pick(log_weight: Ratios, n: int, rng: np.random.Generator) -> Integer[np.ndarray, " n"]:
    """`n` places, none twice, each with a probability in proportion to its weight, or surely.

    Systematic sampling (Madow 1949) of inclusion probabilities min(1, c * weight) that sum to `n`.
    """
    weight = np.exp(log_weight - log_weight.max())
    sure = np.zeros(len(weight), bool)
    while True:
        share = np.where(sure, 1.0, (n - sure.sum()) * weight / max(weight[~sure].sum(), 1e-300))
        more = ~sure & (share >= 1)
        if not more.any():
            break
        sure |= more
    order = rng.permutation(len(weight))
    ends = np.cumsum(share[order])
    at = (np.arange(n) + rng.random()) * ends[-1] / n
    return order[np.minimum(np.searchsorted(ends, at, side="right"), len(weight) - 1)]
