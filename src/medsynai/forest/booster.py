"""A boosted classifier whose trees are plain arrays: the discriminator of refinement.

Gradient boosting on histograms (Friedman 2001; Ke et al. 2017): scikit-learn grows the trees, and
stops when rows held out are told apart no better. Questions and leaf values are then copied, so
that nothing is pickled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from medsynai.seeds import Seeds
from medsynai.store import Arrays

PATIENCE = 20  # trees without a gain on the rows held out
HALF = 0.5  # share of the columns that a split tries
LEAVES, EVERY = 8, np.uint8(255)  # of a tree at most: they are the bits of a byte
BLOCK = 16_384  # rows looked up at a time: their features stay in the cache
FIRST = np.array([0, *((n & -n).bit_length() - 1 for n in range(1, 256))])  # lowest bit of a byte

Features = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class Learner:
    """How a booster is grown: `trees` at most, of `leaves` leaves with `min_leaf` rows at least.

    It is shown one row a patient, so that a leaf of so many rows is one of so many patients.
    """

    trees: int
    leaves: int
    min_leaf: int
    rate: float

    def fit(
        self,
        rows: Features,
        real: Bool[np.ndarray, " rows"],
        many: Float[np.ndarray, " rows"],
        held: Bool[np.ndarray, " rows"],
        seeds: Seeds,
    ) -> "Booster":
        """Tell real rows from others; too few rows to tell by give a booster that says nothing.

        Args:
            rows: one of each patient.
            real: which are real.
            many: how many rows each stands for; both sides then weigh the same.
            held: which only say when to stop.
            seeds: all randomness.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        mine = ~held
        if min(real[mine].sum(), (~real[mine]).sum()) < 1.5 * self.min_leaf or not held.any():
            return NOTHING
        share = (many * real).sum() / many.sum()
        weight = many * np.where(real, 0.5 / share, 0.5 / (1 - share))  # half and half
        model = HistGradientBoostingClassifier(
            max_iter=self.trees,
            learning_rate=self.rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.min_leaf,
            max_features=HALF,
            early_stopping=True,
            n_iter_no_change=PATIENCE,
            random_state=seeds.integer(),
        )
        with threadpool_limits(limits=1):  # small trees: threads only get into their own way
            model.fit(
                rows[mine],
                real[mine],
                weight[mine],
                X_val=rows[held],
                y_val=real[held],
                sample_weight_val=weight[held],
            )
        # no public name leads to the trees; their arrays are copied, the object is let go
        return Booster.of([stage[0].nodes for stage in model._predictors])


@dataclass(frozen=True)
class Booster:
    """A grown classifier: trees of at most eight leaves, counted from the left.

    Each question answered with "more" rules out the leaves to its left, and a row's leaf is the
    first that is left over: a byte a tree, and no walk (Lucchese et al. 2015, QuickScorer).

    Attributes:
        feature: (trees, 7) what each question asks about; where there is none, its mask rules
            nothing out.
        threshold: (trees, 7) the answer is "more" above it.
        mask: (trees, 7) the leaves that stay then, one bit each.
        value: (trees, 8) what each leaf adds to the log odds of being real.
    """

    feature: np.ndarray
    threshold: np.ndarray
    mask: np.ndarray
    value: np.ndarray

    @staticmethod
    def of(grown: Sequence[np.ndarray]) -> "Booster":
        """From the nodes of trees as scikit-learn keeps them, left children next to parents."""
        shape = (len(grown), LEAVES - 1)
        feature, threshold = np.zeros(shape, np.int16), np.zeros(shape, np.float32)
        mask, value = np.full(shape, EVERY, np.uint8), np.zeros((len(grown), LEAVES), np.float32)
        for tree, nodes in enumerate(grown):
            count, question = 0, 0

            def walk(node: Any, tree: int = tree, nodes: np.ndarray = nodes) -> None:
                nonlocal count, question
                if node["is_leaf"]:
                    value[tree, count] = node["value"]
                    count += 1
                    return
                mine, first = question, count
                question += 1
                walk(nodes[node["left"]])
                feature[tree, mine] = node["feature_idx"]
                threshold[tree, mine] = node["num_threshold"]
                mask[tree, mine] = EVERY - sum(1 << leaf for leaf in range(first, count))
                walk(nodes[node["right"]])

            walk(nodes[0])
        return Booster(feature, threshold, mask, value)

    @staticmethod
    def joined(boosters: Sequence["Booster"], share: float) -> "Booster":
        """Log odds that are `share` times the sum of theirs; none where there are none."""
        parts = [[getattr(b, name) for b in (NOTHING, *boosters)] for name in PARTS]
        feature, threshold, mask, value = (np.concatenate(part) for part in parts)
        return Booster(feature, threshold, mask, value * np.float32(share))

    def log_odds(self, rows: Features) -> Float[np.ndarray, " rows"]:
        """Log odds of being real, beside what half-and-half would give. (rows,)."""
        features, total = np.ascontiguousarray(rows.T, dtype=np.float32), np.zeros(len(rows))
        tables = self.value[:, FIRST]
        for begin in range(0, len(rows), BLOCK):
            mine = slice(begin, begin + BLOCK)
            part = features[:, mine]
            for tree, table in enumerate(tables):
                left = np.full(part.shape[1], EVERY, np.uint8)
                for ask, above, stay in zip(
                    self.feature[tree], self.threshold[tree], self.mask[tree], strict=True
                ):
                    if stay != EVERY:
                        left &= np.where(part[ask] > above, stay, EVERY)
                total[mine] += table[left]
        return total

    def arrays(self) -> Arrays:
        """For a safetensors file."""
        return {f"booster.{name}": getattr(self, name) for name in PARTS}

    @staticmethod
    def load(arrays: Arrays) -> "Booster":
        """The inverse of `arrays`."""
        return Booster(*(arrays[f"booster.{name}"] for name in PARTS))


PARTS = ("feature", "threshold", "mask", "value")
NOTHING = Booster.of([])
