"""From noisy marginals to the one distribution of greatest entropy that explains them best.

McKenna, Sheldon and Miklau 2019, Graphical-model based estimation and inference for differential
privacy (Private-PGM), algorithm 1: mirror descent over the marginals of a junction tree. Nothing
here sees a row: all of it is post-processing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsynai.marginal.tree import Clique, Tree, junction_tree, project


@dataclass(frozen=True)
class Measurement:
    """Noisy counts of some columns' codes, of groups of codes where they were measured coarsely.

    Attributes:
        columns: ascending places of columns.
        groups: for each column the group of each code, ascending from 0; every group has a code.
        counts: one noisy count a cell of groups.
        variance: of the noise, one number or one a cell.
    """

    columns: Clique
    groups: tuple[np.ndarray, ...]
    counts: np.ndarray
    variance: np.ndarray

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Values of codes summed within groups."""
        for axis, group in enumerate(self.groups):
            if group[-1] + 1 < len(group):
                first = np.searchsorted(group, np.arange(group[-1] + 1))
                values = np.add.reduceat(values, first, axis=axis)
        return values

    def scatter(self, values: np.ndarray) -> np.ndarray:
        """Values of groups for each of their codes."""
        for axis, group in enumerate(self.groups):
            if group[-1] + 1 < len(group):
                values = np.take(values, group, axis=axis)
        return values


@dataclass(frozen=True)
class Model:
    """A distribution over codes: a junction tree with its potentials (logs)."""

    tree: Tree
    potentials: tuple[np.ndarray, ...]

    def beliefs(self) -> list[np.ndarray]:
        """Probabilities of each clique's cells."""
        return self.tree.beliefs(self.potentials)

    def moved_to(self, tree: Tree) -> "Model":
        """The same distribution on a tree that holds all of its cliques."""
        moved = [np.zeros(tree.shape(c)) for c in tree.cliques]
        for clique, values in zip(self.tree.cliques, self.potentials, strict=True):
            host = tree.host(clique)
            moved[host] = moved[host] + tree.spread(values, clique, host)
        return Model(tree, tuple(moved))


def pairwise(model: Model, beliefs: Sequence[np.ndarray], pair: Clique) -> np.ndarray:
    """The probabilities of two columns, wherever they stand in the tree.

    Along the path between them: P(a, b) = sum over separators of P(a, s) P(b | s).
    """
    tree = model.tree
    a, b = pair
    together = [i for i, c in enumerate(tree.cliques) if a in c and b in c]
    if together:
        return project(beliefs[together[0]], tree.cliques[together[0]], pair)
    path = _path(tree, a, b)
    state: Clique = (a,)
    joint = project(beliefs[path[0]], tree.cliques[path[0]], (a,))
    for here, there in zip(path, [*path[1:], path[-1]], strict=True):
        clique = tree.cliques[here]
        shared = tuple(v for v in clique if v in tree.cliques[there])
        ahead = (b,) if here == there else shared
        joint, state = _step(tree, beliefs[here], clique, (a, joint, state), ahead)
    return joint


def _step(
    tree: Tree,
    belief: np.ndarray,
    clique: Clique,
    so_far: tuple[int, np.ndarray, Clique],
    ahead: Clique,
) -> tuple[np.ndarray, Clique]:
    """Carry P(a, separator) through one clique to P(a, next separator)."""
    a, joint, state = so_far
    ahead_only = tuple(v for v in ahead if v != a)
    if state == (a,) and a in clique:
        kept = tuple(sorted({a, *ahead_only}))
        moved = project(belief, clique, kept)
        return np.moveaxis(moved, kept.index(a), 0), (a, *ahead_only)
    before = state[1:]
    kept = tuple(sorted({*before, *ahead_only}))
    values = project(belief, clique, kept)
    mass = project(values, kept, before)
    letters = {v: chr(97 + i) for i, v in enumerate(dict.fromkeys((a, *before, *ahead_only)))}

    def spell(columns: Clique) -> str:
        return "".join(letters[v] for v in columns)

    with np.errstate(divide="ignore", invalid="ignore"):
        shaped = mass.reshape([tree.sizes[v] if v in before else 1 for v in kept])
        given = np.where(shaped > 0, values / shaped, 0.0)
    ahead_state = (a, *ahead_only)
    out = np.einsum(f"{spell(state)},{spell(kept)}->{spell(ahead_state)}", joint, given)
    return out, ahead_state


def _path(tree: Tree, a: int, b: int) -> list[int]:
    """Cliques from one that holds `a` to one that holds `b`, as few as possible."""
    near: list[list[int]] = [[] for _ in tree.cliques]
    for i, parent in enumerate(tree.parents):
        if parent >= 0:
            near[i].append(parent)
            near[parent].append(i)
    starts = [i for i, c in enumerate(tree.cliques) if a in c]
    came = dict.fromkeys(starts, -1)
    queue = list(starts)
    for i in queue:
        if b in tree.cliques[i]:
            path = [i]
            while came[path[-1]] >= 0:
                path.append(came[path[-1]])
            return path[::-1]
        for j in near[i]:
            if j not in came:
                came[j] = i
                queue.append(j)
    raise AssertionError("a junction tree is connected")


TABLE = 1000  # cells whose handling takes about as long as what any table needs besides its cells


@dataclass(frozen=True)
class Effort:
    """How much work a fit may be, whatever the clock says: a clock would tell of the rows.

    Attributes:
        passes: over the tree, at most.
        work: cells that are handled in all, at most; each table counts for `TABLE` more.
    """

    passes: int
    work: float = math.inf

    def passes_over(self, tree: Tree, tables: int) -> int:
        """How many passes over such a tree, measured by so many tables, are allowed."""
        cells = tree.cells + TABLE * (len(tree.cliques) + tables)
        return int(min(self.passes, self.work / cells))


THOROUGH = Effort(1000)


def estimate(
    sizes: tuple[int, ...],
    measured: Sequence[Measurement],
    total: float,
    zeros: Sequence[tuple[Clique, np.ndarray]] = (),
    start: Model | None = None,
    effort: Effort = THOROUGH,
) -> Model:
    """The graphical model nearest to the measurements.

    Args:
        sizes: codes of each column.
        measured: noisy counts.
        total: how many rows the counts are about, itself noisy or public.
        zeros: cells that cannot be (True), by columns: structural zeros.
        start: an earlier model to go on from.
        effort: how much work mirror descent may be.
    """
    cliques = [m.columns for m in measured] + [c for c, _ in zeros]
    if start is not None:
        cliques += list(start.tree.cliques)
    tree = junction_tree(sizes, cliques)
    model = Model(tree, tuple(np.zeros(tree.shape(c)) for c in tree.cliques))
    if start is None:
        potentials = list(model.potentials)
        for columns, never in zeros:
            host = tree.host(columns)
            lifted = np.where(never, -np.inf, 0.0)
            potentials[host] = potentials[host] + tree.spread(lifted, columns, host)
        model = Model(tree, tuple(potentials))
    else:
        model = start.moved_to(tree)
    hosted = [(tree.host(m.columns), m) for m in measured]
    return _descend(model, hosted, total, effort.passes_over(tree, len(measured)))


Hosted = list[tuple[int, Measurement]]
# Below the loss that the truth itself has, noise is explained, not data (Morozov 1966).
EXPLAINED = 0.8
HALVINGS = 30  # of a step that does not help, before the descent ends
ENOUGH = 1e-5  # relative gain of the loss over ten steps below which the descent ends


def _descend(model: Model, hosted: Hosted, total: float, passes: int) -> Model:
    """Mirror descent with a step that is halved until it helps enough (their line search)."""
    if passes < 1:
        return model
    tree, potentials = model.tree, list(model.potentials)
    beliefs = tree.beliefs(potentials)
    loss, slopes = _loss(tree, beliefs, hosted, total)
    rate, halved, moves = 4.0 / max(loss, 1e-9), 0, 0
    marks = [loss]
    noise = EXPLAINED * 0.5 * sum(m.counts.size for _, m in hosted)
    for _ in range(passes - 1):
        if loss <= noise or halved == HALVINGS:
            break
        tried = [p - rate * s for p, s in zip(potentials, slopes, strict=True)]
        new = tree.beliefs(tried)
        new_loss, new_slopes = _loss(tree, new, hosted, total)
        gain = sum(float((s * (b - n)).sum()) for s, b, n in zip(slopes, beliefs, new, strict=True))
        if loss - new_loss < 0.5 * gain:
            rate, halved = rate / 2.0, halved + 1
            continue
        rate, halved, moves = rate * 2.0, 0, moves + 1
        potentials, beliefs, loss, slopes = tried, new, new_loss, new_slopes
        if moves % 10 == 0:
            marks.append(loss)
            if marks[-2] - loss <= ENOUGH * marks[-2]:
                break
    return Model(tree, tuple(potentials))


def _loss(
    tree: Tree, beliefs: list[np.ndarray], hosted: Hosted, total: float
) -> tuple[float, list[np.ndarray]]:
    """Half the squared error over the noise's variance, and its slope by each belief."""
    loss, slopes = 0.0, [np.zeros(()) for _ in beliefs]
    for host, m in hosted:
        counts = m.gather(total * project(beliefs[host], tree.cliques[host], m.columns))
        miss = counts - m.counts
        loss += 0.5 * float((miss**2 / m.variance).sum())
        slope = total * m.scatter(miss / m.variance)
        slopes[host] = slopes[host] + tree.spread(slope, m.columns, host)
    return loss, [np.broadcast_to(s, b.shape) for s, b in zip(slopes, beliefs, strict=True)]
