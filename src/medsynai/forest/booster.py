"""A boosted classifier of coded rows whose trees are plain arrays: the discriminator of refinement.

Gradient boosting on histograms (Friedman 2001; Ke et al. 2017): scikit-learn grows the trees, and
stops when rows held out are told apart no better. Structure and leaf values are then copied, so
that nothing is pickled.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

from medsynai.data.split import split_patients
from medsynai.forest.trees import Trees, plant
from medsynai.seeds import Seeds
from medsynai.store import Arrays

HELD = 0.25  # share of the rows that only say when to stop
PATIENCE = 8  # trees without a gain on them
HALF = 0.5  # share of the columns that a split tries

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
        patients: Integer[np.ndarray, " rows"],
        seeds: Seeds,
    ) -> "Booster":
        """Tell real rows from others; too few rows to tell by give a booster that says nothing.

        Of a patient with several rows one is shown, which weighs as many: another one in another
        round. The rows that say when to stop are of other patients than those it is grown on.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        shown, many = _one_each(patients, seeds)
        rows, real, patients = rows[shown], real[shown], patients[shown]
        mine, held = split_patients(np.unique(patients, return_inverse=True)[1], HELD, seeds)
        if min(real[mine].sum(), (~real[mine]).sum()) < 1.5 * self.min_leaf:
            return Booster(plant([None]), np.zeros(1, np.float32))
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
            random_state=seeds.of("grow").integer(),
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
        grown = [_Structure.of(stage[0].nodes) for stage in model._predictors]
        value = np.concatenate([tree.value for tree in grown])
        return Booster(plant(grown), value.astype(np.float32))


def _one_each(
    patients: Integer[np.ndarray, " rows"], seeds: Seeds
) -> tuple[Integer[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """One row of each patient, and how many there are of that patient. In the order of the rows."""
    order = np.arange(len(patients))
    if len(np.unique(patients)) < len(patients):
        order = seeds.of("one each").numpy().permutation(len(patients))
    first, many = np.unique(patients[order], return_index=True, return_counts=True)[1:]
    place = np.argsort(order[first])
    return order[first][place], many[place].astype(float)


@dataclass(frozen=True)
class _Structure:
    """One tree as `plant` takes it; -1 for a leaf's feature."""

    feature: np.ndarray
    threshold: np.ndarray
    children_left: np.ndarray
    children_right: np.ndarray
    value: np.ndarray

    @property
    def node_count(self) -> int:
        return len(self.feature)

    @staticmethod
    def of(nodes: np.ndarray) -> "_Structure":
        leaf = nodes["is_leaf"].astype(bool)
        feature = np.where(leaf, -1, nodes["feature_idx"].astype(np.int64))
        left, right = (
            np.where(leaf, 0, nodes[side].astype(np.int64)) for side in ("left", "right")
        )
        return _Structure(feature, nodes["num_threshold"], left, right, nodes["value"])


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
