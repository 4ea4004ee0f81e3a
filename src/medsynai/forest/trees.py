"""The trees of one column, flat: grown by scikit-learn, walked and drawn from here.

A leaf holds a histogram over the target's codes, never rows: the codes of its train rows, sorted,
which is the histogram written out so that a draw is one look-up.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer

from medsynai.forest.lean import Lean
from medsynai.forest.rarity import LEAST_ROWS
from medsynai.store import Arrays

Features = Float[np.ndarray, "features rows"]
Rows = Integer[np.ndarray, " n"]
Floats = Float[np.ndarray, " n"]
BLOCK = 16_384  # rows walked at a time: their features stay in the cache
FILL_ROWS = 300_000  # rows that fill the leaves of one column's trees, over all trees
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True)
class Trees:
    """All trees of one target in shared arrays.

    Attributes:
        feature: (nodes,) which feature a node asks, -1 for a leaf.
        threshold: (nodes,) left if the feature is at most this.
        left, right: (nodes,) children.
        root: (trees,) the node each tree begins at.
        start, size: (nodes,) a leaf's codes are codes[start:start + size].
        rank: (nodes,) leaves in order of their mean code, over all trees.
        codes: the leaves' sorted codes, end to end.
        lean: how a leaf's codes go along with a guess at them.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    root: np.ndarray
    start: np.ndarray
    size: np.ndarray
    rank: np.ndarray
    codes: np.ndarray
    lean: Lean

    def leaves(self, features: Features, tree: Rows) -> Rows:
        """The leaf that each row (a column of `features`) reaches in the tree named for it."""
        # flat look-ups, as one index into a row of numbers takes half the time of two
        children = np.column_stack([self.left, self.right]).ravel()
        flat, rows = np.ascontiguousarray(features).reshape(-1), features.shape[1]
        reached = self.root[tree].astype(np.int64)
        for begin in range(0, rows, BLOCK):
            node = reached[begin : begin + BLOCK]
            active = np.flatnonzero(self.feature[node] >= 0)
            while len(active):
                at = node[active]
                asked = flat.take(self.feature.take(at) * np.int64(rows) + (active + begin))
                at = children.take(2 * at + (asked > self.threshold.take(at)))
                node[active] = at
                active = active[self.feature.take(at) >= 0]
        return reached

    def draw(self, leaf: Rows, guess: Floats | None, rng: np.random.Generator) -> Rows:
        """A code for each row from its leaf's histogram.

        Rows in order of their leaves' means take the points of one low-discrepancy sequence
        (array-RQMC: L'Ecuyer, Lecot and Tuffin 2008), so that a whole sample has little more
        noise than the model; each row alone still follows its leaf's histogram.

        Args:
            leaf: (n,) the leaf of each row.
            guess: (n,) the linear prediction for each row, if there is one; see `Lean`.
            rng: all randomness.
        """
        u = self.spread(leaf, rng)
        if guess is not None:
            u = self.lean.bend(u, leaf, guess)
        return self.codes[self.start[leaf] + (u * self.size[leaf]).astype(np.int64)]

    def spread(self, leaf: Rows, rng: np.random.Generator) -> Float[np.ndarray, " n"]:
        """A uniform number a row, spread evenly over rows of like leaves."""
        n = len(leaf)
        shuffled = rng.permutation(n)
        order = shuffled[np.argsort(self.rank[leaf[shuffled]], kind="stable")]
        u = np.empty(n)
        u[order] = (np.arange(n) * GOLDEN + rng.random()) % 1.0
        return u

    def draw_allowed(
        self, leaf: Rows, able: Bool[np.ndarray, " codes"], rng: np.random.Generator
    ) -> tuple[Rows, Float[np.ndarray, " n"]]:
        """A code among those `able`, and the share of the leaf that is able (0: none was)."""
        passed = np.concatenate(([0], np.cumsum(able[self.codes])))
        before = passed[self.start[leaf]]
        count = passed[self.start[leaf] + self.size[leaf]] - before
        u = self.spread(leaf, rng)
        nth = before + (u * count).astype(np.int64)
        place = np.searchsorted(passed, nth, side="right") - 1
        codes = self.codes[np.clip(place, 0, len(self.codes) - 1)]
        return codes, count / np.maximum(self.size[leaf], 1)

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        own = {f"{prefix}.{name}": getattr(self, name) for name in _NAMES}
        return own | self.lean.arrays(f"{prefix}.lean")

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Trees":
        """The inverse of `arrays`."""
        lean = Lean.load(arrays, f"{prefix}.lean")
        return Trees(**{name: arrays[f"{prefix}.{name}"] for name in _NAMES}, lean=lean)


_NAMES = tuple(name for name in Trees.__dataclass_fields__ if name != "lean")


@dataclass(frozen=True)
class Grower:
    """How the trees of a column are grown; see `Forest` for what the settings mean."""

    min_leaf: int
    trees: int
    fraction: float
    max_rows: int
    candidates: float
    best: bool

    def share_of(self, rows: int) -> int:
        """How many of the train rows each tree is given: a model's size stays bounded."""
        most = max(FILL_ROWS // self.trees, self.max_rows)
        return min(int(np.ceil(self.fraction * rows)), most)

    def grow(
        self,
        features: Float[np.ndarray, "rows features"],
        target: Float[np.ndarray, "rows k"],
        weights: Float[np.ndarray, " rows"] | None,
        seed: int,
    ) -> Any:
        """A scikit-learn tree structure, or None where there is nothing to split."""
        from sklearn import config_context
        from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

        weight = len(features) if weights is None else min(len(features), weights.sum())
        if not features.shape[1] or weight < 2 * self.min_leaf:
            return None
        size = {"min_samples_leaf": self.min_leaf, "min_weight_fraction_leaf": 0.0}
        if weights is not None:
            size["min_samples_leaf"] = min(LEAST_ROWS, self.min_leaf)
            size["min_weight_fraction_leaf"] = min(0.5, self.min_leaf / weights.sum())
        kind = DecisionTreeRegressor if self.best else ExtraTreeRegressor
        tree = kind(**size, max_features=self.candidates, random_state=seed)
        # both are contiguous and of the dtypes that the grower wants: no second look, no copy
        target = np.ascontiguousarray(target, dtype=np.float64)
        # hundreds of small trees: looking at the settings of each takes a tenth of the time
        with config_context(skip_parameter_validation=True, assume_finite=True):
            return tree.fit(features, target, sample_weight=weights, check_input=False).tree_


def plant(grown: list[Any]) -> Trees:
    """Join grown trees (None: a lone leaf) into shared arrays, their leaves still empty."""
    counts = [1 if tree is None else tree.node_count for tree in grown]
    root = np.concatenate(([0], np.cumsum(counts)))[:-1].astype(np.int32)
    total = sum(counts)
    feature = np.full(total, -1, dtype=np.int16)
    threshold = np.zeros(total, dtype=np.float32)
    left, right = np.zeros(total, dtype=np.int32), np.zeros(total, dtype=np.int32)
    for tree, at, count in zip(grown, root, counts, strict=True):
        if tree is not None:
            mine = slice(at, at + count)
            feature[mine] = np.maximum(tree.feature, -1)
            threshold[mine] = tree.threshold
            left[mine] = tree.children_left + at
            right[mine] = tree.children_right + at
    empty = np.zeros(total, dtype=np.int64)
    nothing = np.empty(0, dtype=np.uint8)
    return Trees(
        feature, threshold, left, right, root, empty, empty, empty, nothing, Lean.none(total)
    )


def fill(trees: Trees, leaf: Rows, codes: Rows, guess: Floats | None, missing: int) -> Trees:
    """The same trees with these rows' codes as their leaves' histograms.

    Args:
        trees: planted trees.
        leaf: (m,) leaf of every row in every tree that takes it.
        codes: (m,) the target code of the same rows.
        guess: (m,) a linear prediction of the same rows' codes; None if there is none, or if
            codes have no order.
        missing: the code of a missing value, the last.
    """
    nodes = len(trees.feature)
    order = np.lexsort((codes, leaf))
    size = np.bincount(leaf, minlength=nodes)
    mean = np.bincount(leaf, weights=codes, minlength=nodes) / np.maximum(size, 1)
    rank = np.empty(nodes, dtype=np.int64)
    rank[np.lexsort((np.arange(nodes), mean))] = np.arange(nodes)
    small = np.uint16 if nodes <= np.iinfo(np.uint16).max else np.int32  # 16 bits: radix sort
    lean = Lean.none(nodes)
    if guess is not None:
        lean = Lean.of(leaf[order], guess[order], codes[order] < missing, size)
    return Trees(
        trees.feature,
        trees.threshold,
        trees.left,
        trees.right,
        trees.root,
        start=(np.cumsum(size) - size).astype(np.int32),
        size=size.astype(np.int32),
        rank=rank.astype(small),
        codes=codes[order],
        lean=lean,
    )
