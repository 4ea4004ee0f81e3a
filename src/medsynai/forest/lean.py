"""How the codes inside a leaf go along with a linear guess at them: one correlation a leaf.

A leaf of a hundred rows still holds a relation: where a guess at the target is high within the
leaf, so is the target. A tree can only follow it with smaller leaves, which tell more of single
patients; a Gaussian copula within the leaf follows it with one figure. (Trees with linear models
in their leaves: Quinlan 1992, Learning with continuous classes; here the leaf keeps its histogram.)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import ndtr, ndtri

from medsynai.store import Arrays

Rows = Integer[np.ndarray, " n"]
Floats = Float[np.ndarray, " n"]
FAR = 2.5  # a guess this many deviations from its leaf's mean says no more than that
LEAST = 10  # rows with a value that a leaf must have to hold a correlation


@dataclass(frozen=True)
class Lean:
    """One line a node; `pull` 0 where there is nothing to go along with.

    Attributes:
        pull: (nodes,) correlation of the normal scores of codes with the guess, shrunk.
        centre, width: (nodes,) mean and deviation of the guess in the leaf.
        present: (nodes,) share of the leaf's codes that are values; missing is the last code.
    """

    pull: np.ndarray
    centre: np.ndarray
    width: np.ndarray
    present: np.ndarray

    @staticmethod
    def none(nodes: int) -> "Lean":
        """No leaf leans."""
        zero, one = np.zeros(nodes, np.float32), np.ones(nodes, np.float32)
        return Lean(zero, zero, one, one)

    @staticmethod
    def of(
        leaf: Rows,
        guess: Floats,
        value: Bool[np.ndarray, " n"],
        size: Integer[np.ndarray, " nodes"],
    ) -> "Lean":
        """From rows sorted by leaf, and by code within it.

        Args:
            leaf: (n,) ascending.
            guess: (n,) of the same rows.
            value: (n,) whether the code is a value; in each leaf these come first.
            size: (nodes,) rows a leaf.
        """
        nodes = len(size)
        start = np.cumsum(size) - size
        count = np.bincount(leaf, weights=value, minlength=nodes)
        place = np.arange(len(leaf)) - start[leaf]
        leaf, guess, place = leaf[value], guess[value].astype(np.float64), place[value]
        rows = np.maximum(count, 1)

        def mean(of: Floats) -> Floats:
            return np.bincount(leaf, weights=of, minlength=nodes) / rows

        score = ndtri((place + 0.5) / rows[leaf])
        centre = mean(guess)
        off = guess - centre[leaf]
        width = np.sqrt(mean(off**2))
        with np.errstate(divide="ignore", invalid="ignore"):
            pull = np.nan_to_num(mean(score * off) / (width * np.sqrt(mean(score**2))))
            # less what chance gives: the variance of a correlation of so many rows
            kept = np.nan_to_num(1 - (1 - pull**2) ** 2 / (pull**2 * rows))
        pull = np.where((count >= LEAST) & (width > 1e-6), pull * np.clip(kept, 0, 1), 0.0)
        columns = (pull, centre, np.maximum(width, 1e-6), count / np.maximum(size, 1))
        return Lean(*(column.astype(np.float32) for column in columns))

    def bend(self, u: Floats, leaf: Rows, guess: Floats) -> Floats:
        """Where in its leaf's sorted codes each row's draw lies, given its guess.

        Args:
            u: (n,) uniform in [0, 1).
            leaf: (n,) where each row is.
            guess: (n,) of the same rows.

        Returns:
            (n,) in [0, 1): over a leaf's rows as uniform as `u`, but higher where the guess is.
        """
        at = np.flatnonzero((self.pull[leaf] != 0) & (u < self.present[leaf]))
        if not len(at):
            return u
        here = leaf[at]
        pull, share = self.pull[here].astype(np.float64), self.present[here].astype(np.float64)
        z = np.clip((guess[at] - self.centre[here]) / self.width[here], -FAR, FAR)
        bent = u.copy()
        moved = ndtr(pull * z + np.sqrt(1 - pull**2) * ndtri(u[at] / share))
        bent[at] = np.minimum(moved, 1 - 1e-9) * share
        return bent

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        return {f"{prefix}.{name}": getattr(self, name) for name in _NAMES}

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Lean":
        """The inverse of `arrays`."""
        return Lean(*(arrays[f"{prefix}.{name}"] for name in _NAMES))


_NAMES = tuple(Lean.__dataclass_fields__)
