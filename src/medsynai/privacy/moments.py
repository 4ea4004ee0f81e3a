"""Counts, means and a covariance of clipped vectors, with noise enough to hide any one patient.

Nothing here charges: the caller has charged two Gaussian releases of this noise, one for `means`
and one for `root`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from medsynai.errors import BudgetError
from medsynai.privacy.noise import noisy_sums, slack

LEAST = 1e-9  # patients of a class that noise has taken away
CHUNK = 4096  # vectors that are looked at together
Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Weighed:
    """Vectors of patients, each patient's together weighing as much as one.

    Attributes:
        rows: (n, d) vectors.
        groups: (n,) places of their classes.
        patients: (n,) whose each is.
        noise: standard deviation over what a patient moves a release by; 0 is none at all.
    """

    rows: Float[np.ndarray, "n d"]
    groups: np.ndarray
    patients: np.ndarray
    noise: float

    @property
    def weights(self) -> Numbers:
        """(n,) one over how many vectors a patient has."""
        _, place, many = np.unique(self.patients, return_inverse=True, return_counts=True)
        found: Numbers = 1 / many[place.reshape(-1)]
        return found

    @property
    def spread(self) -> float:
        """Standard deviation of the noise of a count, and over their reach that of sums."""
        return self.noise * math.sqrt(2)

    def sums(
        self, classes: int, reach: float, by: Callable[[Numbers], Numbers] = np.asarray
    ) -> tuple[Numbers, Numbers]:
        """(classes,) how many patients each class has, and (classes, d) sums of their vectors.

        A patient's vectors weigh one together. Where noise has taken all of a class away, next to
        nothing stays: it can be asked for.

        Args:
            classes: how many.
            reach: the norm that each vector is clipped to.
            by: what is summed of some vectors, (m, any) to (m, d), each row by itself.

        **Guarantee:** that of one Gaussian release of `noise`: a patient adds a vector of norm 1 at
        most, the mean of (class, clipped vector / reach) / sqrt(2) over its own vectors.

        Raises:
            BudgetError: so much noise that its lattice is too coarse for any patient.
        """
        hot = np.eye(classes)[self.groups] * self.weights[:, None]
        parts = [slice(k, k + CHUNK) for k in range(0, max(1, len(hot)), CHUNK)]
        sums = np.sum([hot[p].T @ clipped(by(self.rows[p]), reach) / reach for p in parts], 0)
        whole = np.concatenate([hot.sum(0)[:, None], sums], 1) / math.sqrt(2)
        found = self._noised(whole.ravel()).reshape(whole.shape) * math.sqrt(2)
        return np.maximum(found[:, 0], LEAST if self.noise else 0.0), found[:, 1:] * reach

    def means(self, classes: int, reach: float) -> tuple[Numbers, Numbers]:
        """(classes,) how many patients each class has, and (classes, d) their means.

        A mean is drawn towards that of all patients by as much as noise has moved it away (James
        and Stein 1961, Estimation with quadratic loss), so a class of few is not noise alone.

        **Guarantee:** that of `sums`, whose one release is all that it reads.

        Raises:
            BudgetError: see `sums`.
        """
        counts, sums = self.sums(classes, reach)
        many = np.maximum(counts, 1.0)[:, None]
        own, all_of = sums / many, sums.sum(0) / many.sum()
        apart = own - all_of
        error = apart.shape[1] * 2 * (self.noise * reach / many) ** 2  # of the noise alone
        kept = 1 - error / np.maximum((apart**2).sum(1, keepdims=True), error + 1e-300)
        return counts, clipped(all_of + kept * apart, reach)

    def root(self, means: Numbers, reach: float, total: float) -> Numbers:
        """(d, d) a root of the covariance of vectors about the means of their classes.

        Directions that do not stand out of the noise share what is left evenly.

        **Guarantee:** that of one Gaussian release of `noise`: a patient adds a matrix of Frobenius
        norm 1 at most, the mean of x x' / reach^2 over its own clipped differences x.
        """
        off = clipped(self.rows - means[self.groups], reach) / reach
        size = off.shape[1]
        here = np.triu_indices(size)
        twice = np.where(here[0] == here[1], 1.0, math.sqrt(2))  # both halves of the matrix
        released = self._noised(((off * self.weights[:, None]).T @ off)[here] * twice) / twice
        matrix = np.zeros((size, size))
        matrix[here] = released
        matrix += np.triu(matrix, 1).T
        values, vectors = np.linalg.eigh(matrix)
        clear = values > self.noise * math.sqrt(2 * size)  # the greatest that noise alone reaches
        left = (np.trace(matrix) - values[clear].sum()) / max(1, size - clear.sum())
        kept = np.where(clear, values, max(0.0, left)) * reach**2 / max(total, 1.0)
        found: Numbers = vectors * np.sqrt(kept)
        return found

    def _noised(self, sums: Numbers) -> Numbers:
        if not self.noise:
            return sums
        room = 1 - slack(len(sums), self.noise)  # the lattice may move a patient by the rest
        if not room > 0:
            raise BudgetError(
                "so much noise hides all that a patient may add; ask for more epsilon"
            )
        found: Numbers = noisy_sums(sums * room, self.noise) / room
        return found


def clipped(rows: Float[np.ndarray, "n d"], reach: float) -> Numbers:
    """Vectors with a norm of `reach` at most.

    >>> clipped(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0).round(9).tolist()
    [[0.6, 0.8], [0.3, 0.4]]
    """
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    found: Numbers = rows * np.minimum(1.0, reach / np.maximum(norms, 1e-300))
    return found
