"""Sets of codes from log-odds: of a size that is drawn first, and how often each code stands there.

Real rows differ little in how many codes they have, which coins tossed code by code would not keep;
so the size is drawn, and then so many codes.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Integer

from medsynai.data.codes import CodeMatrix, Counts
from medsynai.store import Arrays

LEAST = 3  # patients that a range of sizes must have
PRIOR = 5.0  # rows by which a code's own repeats lean to those of all codes
CHUNK = 4096  # rows made dense at once

Sizes = Integer[np.ndarray, " n"]
Logits = Float[np.ndarray, "n codes"]


@dataclass(frozen=True)
class Ranges:
    """Whole numbers cut into ranges of at least three patients each, drawn evenly inside.

    >>> few = Ranges.of(np.array([1, 1, 1, 3, 3, 3, 3, 7, 9]))
    >>> few.low.tolist(), few.high.tolist(), few.share.round(2).tolist()
    ([1, 3], [1, 9], [0.33, 0.67])
    """

    low: Sizes
    high: Sizes
    share: Float[np.ndarray, " ranges"]

    @staticmethod
    def of(values: Sizes, least: int = LEAST) -> "Ranges":
        """Ranges of observed values; a last one of too few joins the one below."""
        found, counts = np.unique(values, return_counts=True)
        groups: list[list[int]] = []
        filled = least
        for place in range(len(found)):
            if filled >= least:
                groups.append([])
                filled = 0
            groups[-1].append(place)
            filled += int(counts[place])
        if filled < least and len(groups) > 1:
            few = groups.pop()
            groups[-1] += few
        low, high = (found[[g[end] for g in groups]] for end in (0, -1))
        share = np.array([counts[g].sum() for g in groups], np.float64)
        return Ranges(low, high, share / max(share.sum(), 1))

    def place(self, values: Sizes) -> Sizes:
        """The range of each value."""
        return np.clip(np.searchsorted(self.high, values), 0, len(self.high) - 1)

    def spread(self, place: Sizes, rng: np.random.Generator) -> Sizes:
        """A value of each range."""
        return rng.integers(self.low[place], self.high[place] + 1)

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        return {f"{prefix}.{n}": getattr(self, n) for n in ("low", "high", "share")}

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Ranges":
        """The inverse of `arrays`."""
        return Ranges(*(arrays[f"{prefix}.{n}"] for n in ("low", "high", "share")))


def pick_sets(logits: Logits, sizes: Sizes, rng: np.random.Generator) -> Counts:
    """For each row the `sizes` codes of greatest log-odds, after logistic noise: CSR of ones.

    Pareto sampling: a fixed size, and each code's chance is as near to its own as that allows. A
    constant added to a row's log-odds changes nothing. Codes of log-odds -inf are never taken.

    Source: Rosén 1997, On sampling with probability proportional to size, section 3.
    """
    n, width = logits.shape
    able = np.isfinite(logits).sum(axis=1)
    wanted = np.minimum(sizes, able)
    places, rows = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        u = rng.random(logits[part].shape, np.float32)
        noisy = np.log(u + 1e-12) - np.log1p(-u) + logits[part]
        for k in np.unique(wanted[part]):
            mine = np.flatnonzero(wanted[part] == k)
            if k:
                top = np.argpartition(-noisy[mine], k - 1, axis=1)[:, :k]
                places.append(top.ravel())
                rows.append(np.repeat(start + mine, k))
    where = np.concatenate(rows), np.concatenate(places)
    return sp.csr_array((np.ones(len(where[0]), np.int32), where), shape=(n, width))


@dataclass(frozen=True)
class Repeats:
    """How often a code stands in a row that has it; every code leans to what all codes do.

    Attributes:
        ranges: of the numbers of all codes.
        share: (codes, ranges).
    """

    ranges: Ranges
    share: Float[np.ndarray, "codes ranges"]

    @staticmethod
    def of(matrix: CodeMatrix) -> "Repeats":
        """Learn from train rows."""
        data = matrix.counts.data if matrix.counts.nnz else np.ones(1, np.int32)
        ranges = Ranges.of(data)
        held = np.zeros((len(matrix.codes), len(ranges.low)))
        np.add.at(held, (matrix.counts.indices, ranges.place(matrix.counts.data)), 1)
        held += PRIOR * ranges.share
        return Repeats(ranges, held / held.sum(axis=1, keepdims=True))

    def fill(self, sets: Counts, rng: np.random.Generator) -> Counts:
        """The same codes, each as often as drawn for it alone."""
        if self.ranges.high.max() <= 1:
            return sets
        ends = np.cumsum(self.share, axis=1)[sets.indices]
        place = (rng.random(len(sets.indices))[:, None] > ends[:, :-1]).sum(axis=1)
        data = self.ranges.spread(place, rng).astype(np.int32)
        return sp.csr_array((data, sets.indices, sets.indptr), shape=sets.shape)

    def arrays(self) -> Arrays:
        """For a safetensors file."""
        return self.ranges.arrays("repeats") | {"repeats.codes": self.share}

    @staticmethod
    def load(arrays: Arrays) -> "Repeats":
        """The inverse of `arrays`."""
        return Repeats(Ranges.load(arrays, "repeats"), arrays["repeats.codes"])
