"""A boosted classifier of coded rows whose trees are plain arrays: the discriminator of refinement.

Stochastic gradient boosting (Friedman 2002): scikit-learn grows the trees and stops when rows held
out are told apart no better; structure and leaf values are then copied, so that nothing is pickled.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from medsynai.forest.trees import Trees, plant
from medsynai.store import Arrays

HELD = 0.25  # share of the rows that only say when to stop
PATIENCE = 8  # trees without a gain on them
HALF = 0.5  # share of the rows, and of the columns, that a tree sees

Features = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class Learner:
    """How a booster is grown: `trees` at most, of `leaves` leaves with `min_leaf` rows at least."""

    trees: int
    leaves: int
    min_leaf: int
    rate: float

    def fit(self, rows: Features, real: Bool[np.ndarray, " rows"], seed: int) -> "Booster":
        """Tell real rows from others; too few rows to tell by give a booster that says nothing."""
        from sklearn.ensemble import GradientBoostingClassifier

        if min(real.sum(), (~real).sum()) < 2 * self.min_leaf:
            return Booster(plant([None]), np.zeros(1, np.float32))
        weight = np.where(real, 0.5 / real.mean(), 0.5 / (1 - real.mean()))  # half and half
        model = GradientBoostingClassifier(
            n_estimators=self.trees,
            learning_rate=self.rate,
            max_leaf_nodes=self.leaves,
            max_depth=None,
            min_samples_leaf=self.min_leaf,
            subsample=HALF,
            max_features=HALF,
            validation_fraction=HELD,
            n_iter_no_change=PATIENCE,
            random_state=seed,
        ).fit(rows.astype(np.float32), real, sample_weight=weight)
        grown = [stage[0].tree_ for stage in model.estimators_]
        value = np.concatenate([tree.value[:, 0, 0] for tree in grown]) * self.rate
        return Booster(plant(grown), value.astype(np.float32))


@dataclass(frozen=True)
class Booster:
    """A grown classifier.

    Attributes:
        trees: their structure; their leaves hold no codes.
        value: (nodes,) what a leaf adds to the log odds of being real.
    """

    trees: Trees
    value: np.ndarray

    def log_odds(self, rows: Features) -> Float[np.ndarray, " rows"]:
        """Log odds of being real, beside what half-and-half would give. (rows,)."""
        features, total = np.ascontiguousarray(rows.T, dtype=np.float32), np.zeros(len(rows))
        for t in range(len(self.trees.root)):
            total += self.value[self.trees.leaves(features, np.full(len(rows), t))]
        return total

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        return {f"{prefix}.value": self.value} | self.trees.arrays(f"{prefix}.trees")

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Booster":
        """The inverse of `arrays`."""
        return Booster(Trees.load(arrays, f"{prefix}.trees"), arrays[f"{prefix}.value"])
