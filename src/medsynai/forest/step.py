"""One column's step: its trees, and what they split by besides the columns drawn before."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Integer

from medsynai.codec.table import CodeMatrix, ColumnCodec, TableCodec
from medsynai.data.schema import Role
from medsynai.forest.design import MANY_TOLD, Ridge, profiles_of, target_of
from medsynai.forest.order import MANY_LEVELS
from medsynai.forest.rarity import shares_of
from medsynai.forest.trees import Grower, Trees, fill, plant
from medsynai.seeds import Seeds
from medsynai.store import Arrays

Rows = slice | Integer[np.ndarray, " _"]
PRIOR_ROWS = 5.0  # a level's mean is drawn to the column's by this many rows
ORDERS = 6  # of the levels of a column that `wants_orders`


@dataclass(frozen=True)
class Fitting:
    """What all steps of one fit share: codes of the real rows and sums over them.

    Attributes:
        whose: (rows,) whose row each is; None where every row is another patient's.
    """

    grower: Grower
    linear: int
    codec: TableCodec
    codes: CodeMatrix
    whose: Integer[np.ndarray, " rows"] | None
    weights: Float[np.ndarray, " rows"] | None
    counts: list[Integer[np.ndarray, " _"]]
    design: list[Float[np.ndarray, "_ _"]]
    ridge: Ridge | None
    seeds: Seeds


@dataclass(frozen=True)
class Step:
    """How one column is drawn from those before it.

    Features are numbered by column; those from the number of columns on are linear predictions,
    and behind them further orders of levels.

    Attributes:
        trees: the column's forest.
        ranks: for each earlier column of several levels, by its place: the order of its levels
            that best parts this target (the first principal component of the levels' means;
            Coppersmith, Hong and Hosking 1999).
        weights: (design width, k) linear predictors; width 0 where there is none.
        design: (codes, width) what this column shows to later predictors.
    """

    trees: Trees
    ranks: dict[int, Float[np.ndarray, " _"]]
    orders: dict[int, Float[np.ndarray, "_ _"]]
    weights: Float[np.ndarray, "before k"]
    design: Float[np.ndarray, "codes width"]

    @property
    def behind(self) -> int:
        """How many features stand behind the columns."""
        return self.weights.shape[1] + sum(table.shape[1] for table in self.orders.values())

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        stored = {f"{prefix}.rank.{place}": rank for place, rank in self.ranks.items()}
        stored |= {f"{prefix}.orders.{place}": table for place, table in self.orders.items()}
        stored |= {f"{prefix}.weights": self.weights, f"{prefix}.design": self.design}
        return stored | self.trees.arrays(f"{prefix}.trees")

    @staticmethod
    def load(arrays: Arrays, prefix: str) -> "Step":
        """The inverse of `arrays`."""
        ranks, orders = (_by_place(arrays, f"{prefix}.{part}.") for part in ("rank", "orders"))
        weights, design = arrays[f"{prefix}.weights"], arrays[f"{prefix}.design"]
        return Step(Trees.load(arrays, f"{prefix}.trees"), ranks, orders, weights, design)


def _by_place(arrays: Arrays, start: str) -> dict[int, np.ndarray]:
    """The arrays whose names are `start` and a place, in order of their places."""
    found = {int(k.removeprefix(start)): v for k, v in arrays.items() if k.startswith(start)}
    return dict(sorted(found.items()))


def fit_step(fitting: Fitting, place: int) -> Step:
    """Grow and fill the trees of the column at `place`, given the columns before it."""
    codes, codec = fitting.codes, fitting.codec
    target = target_of(codec.columns[place], fitting.counts[place])
    levels = not codec.columns[place].column.kind.is_number
    if levels and place and (fitting.counts[place] > 0).sum() > MANY_TOLD:
        target = np.hstack([target, profiles_of(codes, fitting.counts, place)])
    told = target[codes[:, place]]
    weights = _weights(fitting, place, told)
    ranks, orders = {}, {}
    for j in range(place):
        if not codec.columns[j].column.kind.is_number and codec.columns[j].size > 2:
            several = level_ranks(codes[:, j], fitting.counts[j], told)
            ranks[j] = several[:, 0]
            if wants_orders(codec.columns[j], fitting.counts[j]) and several.shape[1] > 1:
                orders[j] = several[:, 1:]
    features = np.empty((len(codes), place + weights.shape[1]), dtype=np.float32)
    for j in range(place):
        features[:, j] = ranks[j][codes[:, j]] if j in ranks else codes[:, j]
    if weights.size and fitting.ridge:
        features[:, place:] = fitting.ridge.design[:, : len(weights)] @ weights
    if orders:
        features = np.hstack([features, *(table[codes[:, j]] for j, table in orders.items())])
    trees = _forest(fitting, place, features, told, leans=weights.size > 0)
    return Step(trees, ranks, orders, weights, fitting.design[place])


def _weights(
    fitting: Fitting, place: int, told: Float[np.ndarray, "rows k"]
) -> Float[np.ndarray, "width directions"]:
    width = sum(table.shape[1] for table in fitting.design[:place])
    if not width or fitting.ridge is None:
        return np.zeros((width, 0), dtype=np.float32)
    return fitting.ridge.directions(width, told[:, : fitting.linear])


def wants_orders(column: ColumnCodec, counts: Integer[np.ndarray, " codes"]) -> bool:
    """Whether one order of its levels is too few to split by.

    It is for hundreds of levels, and for an outcome of more than two: the one order that parts a
    later column best is that of the common levels, and a rare one between them takes two splits
    of its own each time.
    """
    outcome = column.column.role is Role.TARGET
    return column.size > MANY_LEVELS or (outcome and int(np.count_nonzero(counts[:-1])) > 2)


def level_ranks(
    codes: Integer[np.ndarray, " rows"],
    counts: Integer[np.ndarray, " codes"],
    told: Float[np.ndarray, "rows k"],
) -> Float[np.ndarray, "codes orders"]:
    """The place of each level in the orders that best part the target's numbers, the best first."""
    sums = np.column_stack(
        [np.bincount(codes, weights=column, minlength=len(counts)) for column in told.T]
    )
    mean = told.mean(axis=0)
    score = (sums - counts[:, None] * mean) / (counts[:, None] + PRIOR_ROWS)
    if score.shape[1] > 1:
        weighted = np.sqrt(counts)[:, None] * score
        axes = np.linalg.eigh(weighted.T @ weighted)[1][:, : -ORDERS - 1 : -1]
        largest = np.abs(axes).argmax(axis=0)
        score = score @ (axes * np.sign(axes[largest, np.arange(axes.shape[1])]))
    order = np.argsort(score, axis=0, kind="stable")
    ranks: np.ndarray = np.argsort(order, axis=0, kind="stable").astype(np.float32)
    return ranks


def _forest(
    fitting: Fitting,
    place: int,
    features: Float[np.ndarray, "rows features"],
    told: Float[np.ndarray, "rows k"],
    leans: bool,
) -> Trees:
    grower, codes = fitting.grower, fitting.codes[:, place]
    given = grower.share_of(len(codes))
    column = fitting.codec.columns[place]
    leans = leans and column.column.kind.is_number
    grown, taken, reached, guessed, nodes = [], [], [], [], 0
    for t in range(grower.trees):
        seeds = fitting.seeds.of("tree", place, t)
        mine, few = _rows(len(codes), given, grower.max_rows, seeds)
        weights = shares_of(fitting.weights, fitting.whose, few)
        tree = grower.grow(features[few], told[few], weights, seeds.integer())
        leaf = np.zeros(len(codes[mine]), np.int64) if tree is None else tree.apply(features[mine])
        grown.append(tree)
        taken.append(codes[mine])
        guessed.append(features[mine, place] if leans else np.empty(0))
        reached.append(leaf + nodes)
        nodes += 1 if tree is None else tree.node_count
    filled = fill(
        plant(grown),
        np.concatenate(reached),
        np.concatenate(taken),
        np.concatenate(guessed) if leans else None,
        column.size - 1,
    )
    return _renumber(filled, place, fitting)


def _rows(rows: int, given: int, grown: int, seeds: Seeds) -> tuple[Rows, Rows]:
    """Which rows a tree is given, and which of those it is grown on; all: a slice, not a copy."""
    if given >= rows and grown >= rows:
        return slice(None), slice(None)
    mine = seeds.numpy().permutation(rows)[:given]
    return mine, mine[:grown]


def _renumber(trees: Trees, place: int, fitting: Fitting) -> Trees:
    """What stands behind `place` while it is grown stands behind all columns in a draw."""
    behind = trees.feature >= place
    shift = (len(fitting.codec.columns) - place) * behind
    feature = (trees.feature + shift).astype(np.int16)
    return replace(trees, feature=feature)
