"""Synthetic rows on their way through the steps of a forest, one column after another."""

from collections.abc import Mapping
from itertools import accumulate

import numpy as np
from jaxtyping import Bool, Float, Integer

from medsynai.forest.step import Step

Codes = Integer[np.ndarray, "columns rows"]
Weights = Float[np.ndarray, " rows"]
Able = Mapping[int, Bool[np.ndarray, " codes"]]


class Passage:
    """Rows half drawn: their codes, and what steps see of them.

    Arrays lie column by column, as each step writes and reads whole columns; (columns, rows).
    """

    def __init__(self, steps: tuple[Step, ...], codes: Codes) -> None:
        rows = codes.shape[1]
        behind = max(step.behind for step in steps)
        self.codes = codes
        self._steps = steps
        self._ends = [0, *accumulate(step.design.shape[1] for step in steps)]
        self._seen = np.empty((self._ends[-1], rows), dtype=np.float32)
        self._features = np.empty((len(steps) + behind, rows), dtype=np.float32)

    def walk(self, begun: int, until: int, able: Able, rng: np.random.Generator) -> Weights:
        """Draw the columns from `begun` to before `until`; those before `begun` are there.

        Returns:
            (rows,) the share of each row's leaves that meets what columns may be (`able`).
        """
        weight = np.ones(self.codes.shape[1])
        for place in range(until):
            if place >= begun:
                leaf = self._leaves(place, rng)
                trees = self._steps[place].trees
                if place in able:
                    self.codes[place], share = trees.draw_allowed(leaf, able[place], rng)
                    weight *= share
                else:
                    self.codes[place] = trees.draw(leaf, self._guess(place), rng)
            design = self._steps[place].design
            for k, column in enumerate(design.T):
                self._seen[self._ends[place] + k] = column[self.codes[place]]
            self._features[place] = self.codes[place]
        return weight

    def _leaves(self, place: int, rng: np.random.Generator) -> Integer[np.ndarray, " rows"]:
        """Every row's leaf in one tree, picked at random, of the step at `place`."""
        step = self._steps[place]
        for j, rank in step.ranks.items():
            self._features[j] = rank[self.codes[j]]
        if step.weights.size:
            told = step.weights.T @ self._seen[: self._ends[place]]
            self._features[len(self._steps) : len(self._steps) + len(told)] = told
        at = len(self._steps) + step.weights.shape[1]
        for j, table in step.orders.items():
            for order in table.T:
                self._features[at] = order[self.codes[j]]
                at += 1
        tree = rng.permutation(self.codes.shape[1]) % len(step.trees.root)
        return step.trees.leaves(self._features, tree)

    def _guess(self, place: int) -> Weights | None:
        """(rows,) the first linear prediction of the column at `place`, once `_leaves` made it."""
        return self._features[len(self._steps)] if self._steps[place].weights.size else None
