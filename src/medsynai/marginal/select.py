"""Which pairs of columns to measure: a spanning tree (MST), or one round after another (AIM).

McKenna, Miklau and Sheldon 2021, Winning the NIST contest: a scalable and general approach to
differentially private synthetic data (MST); McKenna, Mullins, Sheldon and Miklau 2022, AIM: an
adaptive and iterative mechanism for differentially private synthetic data.

Rows are read in two places only, `Rows.score` and `Rows.measure`; both prices were charged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from medsynai.marginal.estimate import Effort, Measurement, Model, estimate, pairwise
from medsynai.marginal.tree import Clique, cells_of
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.noise import choose, noisy_counts

Groups = tuple[np.ndarray, ...]
# Pairs that a round looks at: of so many the best is near the best of all (Mirzasoleiman et al.
# 2015, Lazier than lazy greedy), and a round's cost no longer grows with the square of the columns.
POOL = 200
# Pairs that are candidates at all, up to 200 columns every one: what scoring takes is bounded too.
PAIRS = 20_000
FIRST, LAST = 0.05, 0.25  # shares of the work for the first fit and for the last
HALF_NORMAL = math.sqrt(2 / math.pi)  # mean size of a standard Gaussian


@dataclass(frozen=True)
class Prices:
    """What a plan pays, as shares of the budget's strength 1 / noise^2.

    Attributes:
        histograms: how many one-way histograms, and `singles` their share.
        rounds: pairs chosen and measured; `choices` is the share of choosing.
    """

    histograms: int
    rounds: int
    singles: float
    choices: float

    def single(self, noise: float) -> Spend:
        """Of one histogram of the first marginals."""
        return Spend(Kind.GAUSSIAN, noise * math.sqrt(self.histograms / self.singles))

    def choice(self, noise: float) -> Spend:
        """Of one choice: its range eps has eps^2 / 8 of zero-concentrated privacy."""
        share = self.choices if self.rounds else 1.0
        return Spend(Kind.EXPONENTIAL, noise * math.sqrt(max(self.rounds, 1) / share) / 2)

    def pair(self, noise: float) -> Spend:
        """Of one measured pair."""
        share = 1 - self.singles - self.choices
        return Spend(Kind.GAUSSIAN, noise * math.sqrt(max(self.rounds, 1) / share))

    def spends(self, noise: float) -> tuple[Spend, ...]:
        """All of it."""
        return (
            *[self.single(noise)] * self.histograms,
            *[self.choice(noise), self.pair(noise)] * self.rounds,
        )


@dataclass(frozen=True)
class Candidate:
    """A pair of columns that may be measured, in groups of codes."""

    columns: Clique
    groups: Groups
    weight: float = 1.0


@dataclass(frozen=True)
class Rows:
    """The private codes, and the only two ways to ask about them.

    Attributes:
        codes: (n, columns).
        reach: rows that a patient has at most.
    """

    codes: np.ndarray
    sizes: tuple[int, ...]
    reach: int = 1

    def _counts(self, candidate: Candidate) -> np.ndarray:
        a, b = (
            g[self.codes[:, c]] for g, c in zip(candidate.groups, candidate.columns, strict=True)
        )
        shape = tuple(int(g.max()) + 1 for g in candidate.groups)
        return np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape)

    def score(
        self, candidates: Sequence[Candidate], expected: Sequence[np.ndarray], noise: float
    ) -> np.ndarray:
        """How much measuring each would mend (AIM, eq. 1): exact, so for `choose` alone.

        Args:
            candidates: what may be measured.
            expected: what the model says of each, in counts.
            noise: spread of the noise that the measurement will have; public.
        """
        scores = []
        for candidate, guess in zip(candidates, expected, strict=True):
            gap = float(np.abs(self._counts(candidate) - guess).sum())
            scores.append(candidate.weight * (gap - HALF_NORMAL * noise * guess.size))
        return np.array(scores)

    def choose(self, candidates: Sequence[Candidate], scores: np.ndarray, spend: Spend) -> int:
        """The exponential mechanism over their scores; `spend` was charged for this choice.

        A patient changes a pair's counts by `reach` in L1, so a score by `reach` times its weight.
        """
        reach = self.reach * max(c.weight for c in candidates)
        return choose(scores, 1 / spend.noise, reach)

    def measure(self, candidate: Candidate, spend: Spend) -> Measurement:
        """A pair's noisy counts."""
        counts = noisy_counts(self._counts(candidate), spend, self.reach)
        variance = np.array((spend.noise * self.reach) ** 2)
        return Measurement(candidate.columns, candidate.groups, counts, variance)


@dataclass
class Search:
    """A model that grows by measured pairs.

    Attributes:
        first: the one-way measurements.
        zeros: cells that the schema's rules forbid.
        most: cells of the junction tree at most.
        work: of all fits together at most; see `Effort`.
    """

    rows: Rows
    total: float
    first: list[Measurement]
    zeros: list[tuple[Clique, np.ndarray]]
    most: int
    work: float
    found: list[Measurement] = field(default_factory=list)
    large: set[Clique] = field(default_factory=set)

    def fit(self, start: Model | None, passes: int, share: float) -> Model:
        """The model of all measurements so far, for a share of the work."""
        measured, effort = [*self.first, *self.found], Effort(passes, share * self.work)
        return estimate(self.rows.sizes, measured, self.total, self.zeros, start, effort)

    @property
    def cliques(self) -> list[Clique]:
        """What the tree must hold so far."""
        return [*(c for c, _ in self.zeros), *(m.columns for m in self.found)]

    def able(self, candidates: Sequence[Candidate], model: Model) -> list[Candidate]:
        """Those with which the tree stays small enough.

        The tree only grows: a pair that was too large once is, until a clique holds it by chance.
        """
        tree = model.tree
        inside = {pair for clique in tree.cliques for pair in combinations(clique, 2)}
        for pair in {c.columns for c in candidates} - inside - self.large:
            if cells_of(tree.sizes, [*tree.cliques, pair]) > self.most:
                self.large.add(pair)
        fits = inside | ({c.columns for c in candidates} - self.large)
        return [c for c in candidates if c.columns in fits]


def spanning_tree(
    search: Search, candidates: Sequence[Candidate], prices: Prices, noise: float
) -> None:
    """MST: the pairs of a tree, each chosen by how far its columns are from independent.

    A pair with which the tree would have too many cells is left out: that is known from the
    contract and the pairs so far. What pairs would mend does not change while the tree grows, so
    rows are scored once.
    """
    model = search.fit(None, 100, FIRST)
    sizes = search.rows.sizes
    cells = [math.prod(sizes[v] for v in c.columns) for c in candidates]
    alive = [i for i, c in enumerate(cells) if c <= search.most]
    spread, scores = prices.pair(noise).noise * search.rows.reach, np.zeros(len(candidates))
    few = [candidates[i] for i in alive]
    scores[alive] = search.rows.score(few, _expected(model, few, search.total), spread)
    group, held = list(range(len(sizes))), model.tree.cells
    for _ in range(prices.rounds):
        alive = [i for i in alive if held + cells[i] <= search.most]
        alive = [i for i in alive if len({group[v] for v in candidates[i].columns}) == 2]
        if not alive:
            break
        few = [candidates[i] for i in alive]
        picked = candidates[alive.pop(search.rows.choose(few, scores[alive], prices.choice(noise)))]
        with_it = cells_of(sizes, [*search.cliques, picked.columns])
        if with_it > search.most:  # it closes a circle with pairs that a rule is about
            continue
        held = with_it
        search.found.append(search.rows.measure(picked, prices.pair(noise)))
        a, b = (group[v] for v in picked.columns)
        group = [a if g == b else g for g in group]


def adaptive(
    search: Search,
    candidates: Sequence[Candidate],
    prices: Prices,
    noise: float,
    *,
    random: np.random.Generator,
) -> Model:
    """AIM: in each round, measure the pair that the model explains worst, then fit again.

    Of a wide table each round looks at `POOL` pairs drawn without regard to the rows.
    """
    model = search.fit(None, 200, FIRST)
    spread = prices.pair(noise).noise * search.rows.reach
    ways: dict[Clique, list[Candidate]] = {}
    for candidate in candidates:
        ways.setdefault(candidate.columns, []).append(candidate)
    pairs = sorted(ways)
    for _ in range(prices.rounds):
        seen = random.permutation(len(pairs))[:POOL]
        able = search.able([c for i in seen for c in ways[pairs[i]]], model)
        if not able:
            continue
        expected = _expected(model, able, search.total)
        scores = search.rows.score(able, expected, spread)
        picked = search.rows.choose(able, scores, prices.choice(noise))
        search.found.append(search.rows.measure(able[picked], prices.pair(noise)))
        model = search.fit(model, 120, (1 - FIRST - LAST) / prices.rounds)
    return model


def _expected(model: Model, candidates: Sequence[Candidate], total: float) -> list[np.ndarray]:
    """What the model says of each candidate, in counts."""
    beliefs, whole = model.beliefs(), dict[Clique, np.ndarray]()
    found = []
    for candidate in candidates:
        if candidate.columns not in whole:
            whole[candidate.columns] = total * pairwise(model, beliefs, candidate.columns)
        counts = whole[candidate.columns]
        shaped = Measurement(candidate.columns, candidate.groups, counts, np.ones(()))
        found.append(shaped.gather(counts))
    return found


def candidates_of(
    sizes: tuple[int, ...],
    ordered: Sequence[bool],
    weights: dict[int, float],
    coarse: int,
    random: np.random.Generator,
) -> list[Candidate]:
    """Every pair in full, and with numbers in `coarse` groups where that is fewer.

    Of more than `PAIRS` pairs so many are drawn, without regard to the rows.
    """
    full = [np.arange(s) for s in sizes]
    rough = [_coarse(s, coarse) if o else np.arange(s) for s, o in zip(sizes, ordered, strict=True)]
    found, pairs = [], list(combinations(range(len(sizes)), 2))
    if len(pairs) > PAIRS:
        pairs = [pairs[i] for i in np.sort(random.permutation(len(pairs))[:PAIRS])]
    for a, b in pairs:
        weight = max(weights.get(a, 1.0), weights.get(b, 1.0))
        seen = set()
        for left in (full[a], rough[a]):
            for right in (full[b], rough[b]):
                shape = (int(left.max()), int(right.max()))
                if shape not in seen:
                    seen.add(shape)
                    found.append(Candidate((a, b), (left, right), weight))
    return found


def _coarse(size: int, groups: int) -> np.ndarray:
    """Neighbouring codes in `groups` groups; missing, the last code, stays apart."""
    if size - 1 <= groups:
        return np.arange(size)
    return np.append(np.arange(size - 1) * groups // (size - 1), groups)
