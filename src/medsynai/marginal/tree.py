"""A junction tree of small factors, and exact beliefs on it.

Source: Lauritzen and Spiegelhalter 1988, Local computations with probabilities on graphical
structures; Koller and Friedman 2009, Probabilistic Graphical Models, chapter 10.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import logsumexp

Clique = tuple[int, ...]  # columns by their place, ascending


@dataclass(frozen=True)
class Tree:
    """Cliques with the running intersection property; clique 0 is the root.

    Attributes:
        sizes: codes of each column.
        cliques: each clique's columns.
        parents: each clique's parent, which stands before it; -1 for the root.
        separators: the columns that a clique shares with its parent.
    """

    sizes: tuple[int, ...]
    cliques: tuple[Clique, ...]
    parents: tuple[int, ...]
    separators: tuple[Clique, ...]

    @property
    def cells(self) -> int:
        """Cells of all cliques together: what a pass over the tree costs."""
        return sum(math.prod(self.sizes[v] for v in c) for c in self.cliques)

    def shape(self, clique: Clique) -> tuple[int, ...]:
        """How many codes each of these columns has."""
        return tuple(self.sizes[v] for v in clique)

    def host(self, columns: Clique) -> int:
        """The smallest clique that holds these columns."""
        wanted = set(columns)
        able = [i for i, c in enumerate(self.cliques) if wanted <= set(c)]
        return min(able, key=lambda i: math.prod(self.shape(self.cliques[i])))

    def beliefs(self, potentials: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Each clique's probabilities under the product of all potentials (logs in).

        Two passes of messages: towards the root and back.
        """
        gathered = list(potentials)
        upward: list[np.ndarray] = [np.zeros(())] * len(self.cliques)
        for i in range(len(self.cliques) - 1, 0, -1):
            upward[i] = reduce_log(gathered[i], self.cliques[i], self.separators[i])
            above = self.parents[i]
            gathered[above] = gathered[above] + self.spread(upward[i], self.separators[i], above)
        for i in range(1, len(self.cliques)):
            above = self.parents[i]
            down = reduce_log(gathered[above], self.cliques[above], self.separators[i])
            with np.errstate(invalid="ignore"):
                message = np.where(np.isneginf(down), -np.inf, down - upward[i])
            gathered[i] = gathered[i] + self.spread(message, self.separators[i], i)
        norm = logsumexp(gathered[0])
        return [np.exp(g - norm) for g in gathered]

    def spread(self, values: np.ndarray, columns: Clique, clique: int) -> np.ndarray:
        """Values of some columns, shaped to be broadcast over a clique."""
        here = set(columns)
        return values.reshape([self.sizes[v] if v in here else 1 for v in self.cliques[clique]])


def junction_tree(sizes: tuple[int, ...], measured: Sequence[Clique]) -> Tree:
    """A tree whose cliques hold every measured clique and every column."""
    return _joined(sizes, _eliminated(sizes, measured))


def cells_of(sizes: tuple[int, ...], measured: Sequence[Clique]) -> int:
    """The cells that `junction_tree` would have, without joining its cliques."""
    return sum(math.prod(sizes[v] for v in c) for c in _eliminated(sizes, measured))


def _eliminated(sizes: tuple[int, ...], measured: Sequence[Clique]) -> list[frozenset[int]]:
    """Columns are eliminated greedily, the one whose clique has the fewest cells first."""
    near: dict[int, set[int]] = {v: set() for v in range(len(sizes))}
    for clique in measured:
        for a, b in combinations(clique, 2):
            near[a].add(b)
            near[b].add(a)

    def cost(column: int) -> tuple[int, int]:
        return sizes[column] * math.prod([sizes[u] for u in near[column]]), column

    costs = {v: cost(v) for v in near}
    found: list[frozenset[int]] = []
    holds: dict[int, list[frozenset[int]]] = {v: [] for v in near}
    while near:
        column = min(costs.values())[1]
        others = near.pop(column)
        del costs[column]
        for a in others:
            near[a] |= others
            near[a] -= {a, column}
            costs[a] = cost(a)
        whole = frozenset(others | {column})
        if not any(whole <= c for c in holds[column]):
            found.append(whole)
            for a in others:
                holds[a].append(whole)
    return found


def _joined(sizes: tuple[int, ...], found: list[frozenset[int]]) -> Tree:
    """A spanning tree of greatest separators over the cliques (Prim 1957)."""
    inside, outside = [found[-1]], found[:-1]
    parents, separators = [-1], list[Clique]([()])
    best = {c: (len(c & inside[0]), 0) for c in outside}
    while outside:
        clique = max(outside, key=lambda c: best[c][0])
        outside.remove(clique)
        parent = best[clique][1]
        parents.append(parent)
        separators.append(tuple(sorted(clique & inside[parent])))
        inside.append(clique)
        for other in outside:
            best[other] = max(
                best[other], (len(other & clique), len(inside) - 1), key=lambda x: x[0]
            )
    cliques = tuple(tuple(sorted(c)) for c in inside)
    return Tree(sizes, cliques, tuple(parents), tuple(separators))


def reduce_log(values: np.ndarray, clique: Clique, kept: Clique) -> np.ndarray:
    """Logs summed over all columns but those kept."""
    axes = tuple(i for i, v in enumerate(clique) if v not in kept)
    if not axes:
        return values
    top = values.max(axis=axes, keepdims=True)
    safe = np.where(np.isneginf(top), 0.0, top)
    with np.errstate(divide="ignore"):
        summed = np.log(np.exp(values - safe).sum(axis=axes, keepdims=True)) + safe
    return summed.reshape([s for i, s in enumerate(values.shape) if i not in axes])


def project(values: np.ndarray, clique: Clique, kept: Clique) -> np.ndarray:
    """Probabilities summed over all columns but those kept."""
    axes = tuple(i for i, v in enumerate(clique) if v not in kept)
    return values.sum(axis=axes) if axes else values
