"""A network that is shown a row half noise, half itself, and says what the row was.

Every column is a point: the position of a placed column beside its cells' points; the cells of a
column each have a fixed point of their own, one-hot where they are few, else a row of signs.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space
from medsynai.codec.tokens import places, presence
from medsynai.learn.nets.mlp import linear
from medsynai.learn.nets.sight import Sight

FEW = 16  # cells of a column up to which each has an axis of its own; else so many signs
WAVES = 8  # sines and cosines of the time
Points = Float[Tensor, "batch points"]
Times = Float[Tensor, " batch"]


class Denoiser(nn.Module):
    """Outputs (see `Sight`) of every column, from a noisy row and its time (0 noise, 1 the row).

    It has the face of a decoder whose columns are not tied: its latent is the noisy row at `last`.

    Attributes:
        last: the time at which a drawn row is read off.
        width: how many numbers a noisy row has.
        points: (cells, points) where each cell lies.
        knots, onto: for each placed column the quantiles of drawn positions, and those that train
            rows have: read-off positions are mapped from the one onto the other.
    """

    points: Tensor
    usual: Tensor
    knots: Tensor
    onto: Tensor
    ties = 0

    def __init__(self, space: Space, hidden: int, layers: int, last: float) -> None:
        super().__init__()
        self.sight, self.last = Sight(space), last
        placed, cells = len(space.placed), _points(space.cells)
        self.width = placed + cells.shape[1]
        self.enter = linear(self.width, hidden)
        self.time = linear(2 * WAVES, hidden)
        self.layers = nn.ModuleList(linear(hidden, hidden) for _ in range(layers - 1))
        self.ends = linear(hidden, self.sight.outs.width)
        self.register_buffer("points", cells, persistent=False)
        self.register_buffer("usual", torch.zeros(self.sight.outs.width))
        self.register_buffer("knots", torch.linspace(-9, 9, KNOTS).repeat(placed, 1))
        self.register_buffer("onto", torch.linspace(-9, 9, KNOTS).repeat(placed, 1))

    def place(self, rows: Float[Tensor, "batch columns"]) -> Points:
        """The points of rows of codes; NaN for a blinded one."""
        cells, position = self.sight.see(rows)
        here = places(self.sight.cells, cells)
        at = self.points[here].sum(1)
        there = presence(rows).sum(1, keepdim=True) / max(rows.shape[1], 1)
        return torch.cat([position, at * there], dim=1)

    def forward(self, noisy: Points, time: Times) -> Float[Tensor, "batch outputs"]:
        """Outputs for rows at their times."""
        turns = time[:, None] * math.pi * torch.arange(1, WAVES + 1, device=time.device)
        state = self.enter(noisy) + self.time(torch.cat([turns.sin(), turns.cos()], dim=1))
        for layer in self.layers:
            state = state + layer(nn.functional.silu(state))
        outs: Tensor = self.ends(nn.functional.silu(state)) + self.usual
        return outs

    def expect(self, outs: Float[Tensor, "batch outputs"]) -> Points:
        """The mean point of the row that the outputs speak of."""
        sight = self.sight
        scores = outs[:, sight.logits]
        spans = torch.split(scores, list(sight.cells.sizes), dim=1)
        shares = torch.cat([torch.softmax(s, dim=1) for s in spans], dim=1)
        gaps = [sight.cells.spans[j].stop - 1 for j in sight.placed]
        position = outs[:, sight.means] * (1 - shares[:, gaps])  # a missing value lies at 0
        return torch.cat([position, shares @ self.points], dim=1)

    @property
    def spreads(self) -> Float[Tensor, " placed"]:
        """Log standard deviations of positions at the time of reading off."""
        return torch.full((len(self.sight.placed),), log_spread(torch.tensor(self.last)).item())

    def open(self, z: Points) -> tuple[Tensor, None]:
        """The outputs at the time of reading off; see `Decoder.open`."""
        return self(z, torch.full((len(z),), self.last)), None

    def ask(
        self, column: int, outs: Tensor, bias: Tensor | None, known: Tensor
    ) -> Float[Tensor, "rows size"]:
        """Log-probabilities of one column's codes; see `Decoder.ask`."""
        out = outs[:, self.sight.outs.spans[column].places]
        if column in self.sight.placed:
            j = self.sight.placed.index(column)
            out = torch.cat([out[:, :-1], self._mapped(out[:, -1:], j)], dim=1)
        return self.sight.scores(column, out, self.spreads)

    def tell(self, column: int, codes: Tensor, known: Tensor) -> Tensor:
        """Columns are not tied."""
        return known

    def _mapped(self, position: Tensor, j: int) -> Tensor:
        knots, onto = self.knots[j], self.onto[j]
        right = torch.searchsorted(knots, position.contiguous()).clamp(1, KNOTS - 1)
        low, high = knots[right - 1], knots[right]
        share = (position - low) / (high - low).clamp_min(1e-6)
        return onto[right - 1] + share.clamp(-1, 2) * (onto[right] - onto[right - 1])

    @torch.no_grad()
    def fit_ranks(self, space: Space, drawn: Points, shares: Float[Tensor, " width"]) -> None:
        """Learn to map read-off positions so that each column's ranks are the train rows'.

        Args:
            space: of the codes.
            drawn: noisy rows at `last`, drawn freely.
            shares: of the train rows that have each code.
        """
        outs = self.open(drawn)[0]
        ranks = (torch.arange(KNOTS) + 0.5) / KNOTS
        for j, column in enumerate(space.placed):
            if space.cells.spans[column].size > 2:
                continue  # positions in several cells have no ranks in common
            span = space.codes.spans[column]
            mass = shares[span.start : span.stop - 1].numpy().astype(np.float64)
            cells = outs[:, self.sight.outs.spans[column].places]
            there = cells[:, 0] > cells[:, 1]
            if not mass.any() or there.sum() < KNOTS:
                continue
            at = space.at[span.places][:-1]
            edges = np.append(space.border[span.places][1:-1], at[-1])
            ends = np.cumsum(mass) / mass.sum()
            onto = np.interp(ranks.numpy(), np.append(0.0, ends), np.append(at[0], edges))
            self.knots[j] = torch.quantile(outs[there, self.sight.means[j]], ranks)
            self.onto[j] = torch.from_numpy(onto).float()


KNOTS = 65


def log_spread(time: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Log standard deviation of a standard normal position given its noisy self at `time`."""
    ratio = time / (1 - time).clamp_min(1e-3)
    return -0.5 * torch.log1p(ratio**2)


def _points(cells: Layout) -> Tensor:
    """(cells, points): each column's block of points, zero elsewhere."""
    blocks = [_block(span.size) for span in cells]
    whole = torch.zeros(cells.width, sum(b.shape[1] for b in blocks))
    at = 0
    for span, block in zip(cells, blocks, strict=True):
        whole[span.places, at : at + block.shape[1]] = block
        at += block.shape[1]
    return whole


def _block(cells: int) -> Tensor:
    """(cells, k): an axis for each cell, or rows of signs that all differ."""
    if cells <= FEW:
        return torch.eye(cells)
    rng = np.random.default_rng(cells)
    bits = max(FEW, 2 * math.ceil(math.log2(cells)))
    seen: dict[bytes, np.ndarray] = {}
    while len(seen) < cells:
        signs = rng.choice([-0.5, 0.5], bits)
        seen.setdefault(signs.tobytes(), signs)
    return torch.from_numpy(np.array(list(seen.values()))).float()
