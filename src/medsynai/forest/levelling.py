"""Weights that give every column its real shares, and rows kept so that chance does as well.

Weights of whole rows, fitted to few patients, move single columns a little, and keeping rows at
random moves them more. So weights are raked until each column's weighted shares are those of train
rows (Deming and Stephan 1940), and some kept rows are exchanged, so that each column's shares among
them are nearer to what the weights say (balanced sampling: Deville and Tillé 2004; here by
exchanges, which many columns at once allow).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from medsynai.forest.ratio import pick
from medsynai.store import Arrays

PARTS = 12  # of a column, about equally many drawn rows in each; missing lies below all
TURNS, FURTHEST = 20, 2.0  # of raking; and the most that a cell's log weight may move
SMOOTH = 0.5  # train rows added to each cell
EXCHANGES, FIRST = 6, 0.03  # rounds, and the share of rows in the first; more cost correlations

Cells = Integer[np.ndarray, "rows columns"]
Weights = Float[np.ndarray, " rows"]
Seen = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class Levels:
    """Cells of columns, and what is added to the log weight of a row in each.

    Attributes:
        edges: (columns, PARTS - 1) where parts of what `Marks` sees begin; +inf where there are
            fewer.
        start: (columns + 1,) the first cell of each column.
        added: (cells,) to the log weight.
    """

    edges: np.ndarray
    start: np.ndarray
    added: np.ndarray

    @staticmethod
    def of(seen: Seen, weight: Weights, real: Seen) -> "Levels":
        """Cells of drawn rows, raked so that with these log weights they have real rows' shares.

        Args:
            seen: drawn rows, as `Marks` sees them.
            weight: their log weights.
            real: train rows, likewise.
        """
        edges = np.full((seen.shape[1], PARTS - 1), np.inf)
        for column, values in enumerate(seen.T):
            at = np.unique(
                np.quantile(values, np.linspace(0, 1, PARTS + 1)[1:-1], method="nearest")
            )
            edges[column, : len(at)] = at
        sizes = np.isfinite(edges).sum(1) + 1
        start = np.concatenate([[0], np.cumsum(sizes)])
        plain = Levels(edges, start, np.zeros(start[-1]))
        return plain._raked(plain.cells(seen), weight, plain.cells(real))

    def cells(self, seen: Seen) -> Cells:
        """(rows, columns) the cell of each value, counted through all columns."""
        found = np.empty(seen.shape, np.int32)
        for column, values in enumerate(seen.T):
            part = np.searchsorted(self.edges[column], values, side="left")
            found[:, column] = self.start[column] + part
        return found

    def _raked(self, cells: Cells, weight: Weights, real: Cells) -> "Levels":
        size, added = len(self.added), self.added.copy()
        aim = np.bincount(real.ravel(), minlength=size) + SMOOTH
        mine = np.exp(weight - weight.max())
        for _ in range(TURNS):
            for a, b, column in zip(self.start[:-1], self.start[1:], cells.T, strict=True):
                share = np.bincount(column - a, mine, b - a) / mine.sum()
                wanted = aim[a:b] / aim[a:b].sum()
                step = np.log(wanted / np.maximum(share, 1e-12))
                step = np.clip(added[a:b] + step, -FURTHEST, FURTHEST) - added[a:b]
                added[a:b] += step
                mine *= np.exp(step)[column - a]
        return Levels(self.edges, self.start, added)

    def arrays(self) -> Arrays:
        """For a safetensors file."""
        own = {"edges": self.edges, "start": self.start, "added": self.added}
        return {f"levels.{k}": v for k, v in own.items()}

    @staticmethod
    def load(arrays: Arrays) -> "Levels":
        """The inverse of `arrays`."""
        return Levels(*(arrays[f"levels.{k}"] for k in ("edges", "start", "added")))

    def log_weight(self, cells: Cells) -> Weights:
        """(rows,) what their cells add."""
        return np.asarray(self.added[cells].sum(1))


def pick_level(cells: Cells, weight: Weights, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` places of the pool by log weights, none twice, and few columns off by chance."""
    size = int(cells.max(initial=0)) + 1
    chance = np.exp(weight - weight.max())
    aim = n * np.bincount(cells.ravel(), np.repeat(chance, cells.shape[1]), size) / chance.sum()
    kept = np.zeros(len(cells), bool)
    kept[pick(weight, n, rng)] = True
    worth = 1 / np.maximum(aim, 1.0)
    best, least = kept.copy(), np.inf
    for turn in range(EXCHANGES + 1):
        off = aim - np.bincount(cells[kept].ravel(), minlength=size)
        if (error := float((off**2 * worth).sum())) < least:
            best, least = kept.copy(), error
        gain = (off * worth)[cells].sum(1)
        offer = max(1, int(FIRST * n * (1 - turn / (EXCHANGES + 1))))
        out, inn = np.flatnonzero(kept), np.flatnonzero(~kept)
        if not len(inn):
            break
        leave = out[np.argsort(gain[out], kind="stable")[:offer]]
        # those who may come are as likely as their weights say, so that these stay what they were
        tried = inn[pick(weight[inn], min(len(inn), 8 * offer), rng)]
        come = tried[np.argsort(-gain[tried], kind="stable")[: len(leave)]]
        kept[leave[: len(come)]], kept[come] = False, True
    return np.flatnonzero(best)
