"""Rows of codes drawn from a graphical model, with as little chance in them as can be.

Within each group of rows that share what is known, codes are drawn at evenly spaced quantiles from
one random start (systematic sampling, Madow and Madow 1944): counts are then within one of their
expectation, instead of a binomial spread around it.
"""

import numpy as np

from medsynai.marginal.estimate import Model


def draw_rows(
    model: Model, n: int, rng: np.random.Generator, able: list[np.ndarray] | None = None
) -> np.ndarray:
    """(n, columns) codes.

    Args:
        model: what to draw from.
        n: rows.
        rng: public randomness: this is post-processing.
        able: for each column which codes may be drawn; None for all.
    """
    tree = model.tree
    potentials = list(model.potentials)
    for column, mask in enumerate(able or []):
        host = tree.host((column,))
        with np.errstate(divide="ignore"):
            potentials[host] = potentials[host] + tree.spread(np.log(mask), (column,), host)
    beliefs = tree.beliefs(potentials)
    rows = np.zeros((n, len(tree.sizes)), dtype=np.int64)
    for place, clique in enumerate(tree.cliques):
        known = tree.separators[place]
        new = tuple(v for v in clique if v not in known)
        values = np.transpose(beliefs[place], [clique.index(v) for v in (*known, *new)])
        table = values.reshape(int(np.prod([tree.sizes[v] for v in known])), -1)
        at = np.zeros(n, dtype=np.int64)
        for v in known:
            at = at * tree.sizes[v] + rows[:, v]
        picked = systematic(table, at, rng)
        for v in reversed(new):
            rows[:, v] = picked % tree.sizes[v]
            picked = picked // tree.sizes[v]
    return rows


def systematic(table: np.ndarray, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each row a column of `table`, by the weights of its line `at[row]`."""
    order = rng.permutation(len(at))
    order = order[np.argsort(at[order], kind="stable")]
    groups, starts, counts = np.unique(at[order], return_index=True, return_counts=True)
    rank = np.arange(len(at)) - np.repeat(starts, counts)
    u = (rank + np.repeat(rng.random(len(groups)), counts)) / np.repeat(counts, counts)
    ends = np.cumsum(table[groups], axis=1)
    total = ends[:, -1:]
    ends = np.where(total > 0, ends / np.where(total > 0, total, 1), 1.0)
    lifted = (ends + np.arange(len(groups))[:, None]).ravel()
    line = np.repeat(np.arange(len(groups)), counts)
    place = np.searchsorted(lifted, line + np.minimum(u, 1 - 1e-12), side="right")
    picked = np.empty(len(at), dtype=np.int64)
    picked[order] = np.clip(place - line * table.shape[1], 0, table.shape[1] - 1)
    return picked
