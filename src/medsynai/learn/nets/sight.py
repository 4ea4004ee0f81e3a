"""A space as tensors: what a network is shown of rows of codes, and what its outputs say of them.

A column's outputs are one logit a cell and, if the column has positions, the mean of a normal.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space
from medsynai.codec.tokens import places, presence
from medsynai.learn.nets.mlp import Reader, linear

Rows = Float[Tensor, "batch columns"]
Outputs = Float[Tensor, "batch outputs"]
TINY = 1e-30  # the least mass of a code under a normal: its log stays a number


class Sight(nn.Module):
    """Cells and positions of rows, and likelihoods of codes given outputs.

    Attributes:
        outs: where each column's outputs lie: its cells, then the mean of its position if any.
        placed: columns with positions.
    """

    cell: Tensor
    at: Tensor
    low: Tensor
    high: Tensor
    filled: Tensor
    logits: Tensor
    means: Tensor

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.codes, self.cells, self.placed = space.codes, space.cells, space.placed
        sizes = [s.size + (j in space.placed) for j, s in enumerate(space.cells)]
        names, ordered = (s.name for s in space.cells), (s.ordered for s in space.cells)
        self.outs = Layout.of(tuple(names), tuple(sizes), tuple(ordered))
        means = np.array([self.outs.spans[j].stop - 1 for j in space.placed], dtype=np.int64)
        buffers = {
            "cell": space.cell.astype(np.float32),
            "at": space.at.astype(np.float32),
            "low": space.border.astype(np.float32),
            "high": next_borders(space).astype(np.float32),
            "filled": _in_placed(space).astype(np.float32),
            "logits": np.setdiff1d(np.arange(self.outs.width), means),
            "means": means,
        }
        for name, values in buffers.items():  # not saved: the space itself is
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def see(self, rows: Rows) -> tuple[Rows, Float[Tensor, "batch placed"]]:
        """The cell of each code, and the position of each placed column's; NaN stays NaN."""
        if not self.placed:
            return rows, rows[:, :0]
        here, there = places(self.codes, rows), presence(rows)
        cells = self.cell[here] * there
        return cells, (self.at[here] * there)[:, self.placed]

    def usual(self, rows: Rows) -> Float[Tensor, " outputs"]:
        """Outputs that say no more than each cell's share of the rows."""
        cells = places(self.cells, self.see(rows)[0]).flatten()
        shares = torch.bincount(cells, minlength=self.cells.width).float() / max(len(rows), 1)
        outs = torch.zeros(self.outs.width)
        outs[self.logits] = shares.clamp_min(0.1 / max(len(rows), 1)).log()
        return outs

    def surprise(self, outs: Outputs, rows: Rows, spreads: Float[Tensor, " placed"]) -> Rows:
        """-log of each column's likelihood: its cell's, and the density of its position there.

        Args:
            outs: the network's outputs.
            rows: codes.
            spreads: log standard deviations of the placed columns' positions.
        """
        cells, position = self.see(rows)
        scores = outs[:, self.logits] if self.placed else outs
        spans = torch.split(scores, list(self.cells.sizes), dim=1)
        scores = torch.cat([torch.log_softmax(s, dim=1) for s in spans], dim=1)
        miss = -scores.gather(1, places(self.cells, cells)) * presence(rows)
        if not self.placed:
            return miss
        off = (position - outs[:, self.means]) * torch.exp(-spreads)
        density = 0.5 * off**2 + spreads + 0.5 * math.log(2 * math.pi)
        there = self.filled[places(self.codes, rows)][:, self.placed]
        placed = torch.tensor(self.placed, device=rows.device)
        return miss.index_add(1, placed, density * there)

    def scores(
        self, column: int, outs: Float[Tensor, "n outs"], spreads: Float[Tensor, " placed"]
    ) -> Float[Tensor, "n size"]:
        """Log-probability of every code of a column, given this column's outputs."""
        mine = self.codes.spans[column].places
        size = self.cells.spans[column].size
        scores = torch.log_softmax(outs[:, :size], dim=1)[:, self.cell[mine].long()]
        if column not in self.placed:
            return scores
        spread = spreads[self.placed.index(column)].exp()
        mean = outs[:, -1:]
        below = torch.special.ndtr((self.low[mine] - mean) / spread)
        above = torch.special.ndtr((self.high[mine] - mean) / spread)
        return scores + torch.log((above - below).clamp_min(TINY)) * self.filled[mine]


class Looker(nn.Module):
    """The first layer: a vector for each cell, a weight for each position, summed."""

    def __init__(self, space: Space, width: int) -> None:
        super().__init__()
        self.sight = Sight(space)
        self.cells = Reader(space.cells, width)
        self.positions = linear(len(space.placed), width) if space.placed else None

    def forward(self, rows: Rows, kept: Rows) -> Float[Tensor, "batch width"]:
        """The sum over the columns `kept` (1 or 0); a blinded row gives NaN."""
        cells, position = self.sight.see(rows)
        seen: Tensor = self.cells(cells, kept)
        if self.positions is not None:
            seen = seen + self.positions(position * kept[:, self.sight.placed])
        return seen


def next_borders(space: Space) -> np.ndarray:
    """(width,) the border of the next code in the same cell; infinity for the last one."""
    high = np.full(space.codes.width, np.inf)
    for span in space.codes:
        cell = space.cell[span.places]
        for one in np.unique(cell):
            members = span.start + np.flatnonzero(cell == one)
            high[members[:-1]] = space.border[members[1:]]
    return high


def _in_placed(space: Space) -> np.ndarray:
    """(width,) whether a code has a position: all of a placed column but missing."""
    there = np.zeros(space.codes.width)
    for column in space.placed:
        span = space.codes.spans[column]
        there[span.start : span.stop - 1] = 1.0
    return there
