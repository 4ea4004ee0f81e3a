"""A generator that draws cells through its own chances, and a critic that reads packs of rows."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space
from medsynai.codec.tokens import one_hot, places, presence
from medsynai.learn.nets.mlp import linear
from medsynai.learn.nets.sight import next_borders

Seen = Float[Tensor, "batch seen"]
Hot = Float[Tensor, "batch cells"]
SURE = 1e3  # logits of what is given: nothing that is learnt weighs against it
EDGE = 30.0  # logits are kept within -30 to 30: no chance underflows, none is ever certain
NONE = torch.zeros(0, dtype=torch.long)
WAVES = 5  # smooth functions of an ordered column's cells beside the cells themselves


class Board(nn.Module):
    """A space as both players see it: cells one-hot, then the placed columns' positions."""

    within: Tensor
    cell: Tensor
    at: Tensor
    low: Tensor
    high: Tensor
    waves: Tensor

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.space, self.cells = space, space.cells
        within = torch.zeros(self.cells.width, len(self.cells))
        for place, span in enumerate(self.cells):
            within[span.places, place] = 1
        starts = np.repeat(np.array(self.cells.starts), np.array(space.codes.sizes))
        buffers = {
            "within": within,
            "cell": torch.from_numpy(space.cell + starts),
            "at": torch.from_numpy(space.at).float(),
            "waves": waves(self.cells),
        }
        for name, values in buffers.items():  # not saved: the space itself is
            self.register_buffer(name, values, persistent=False)
        self.register_buffer("low", torch.from_numpy(space.border).float())
        self.register_buffer("high", torch.from_numpy(next_borders(space)).float())

    @property
    def width(self) -> int:
        """Numbers that a row is for the players."""
        return self.cells.width + len(self.space.placed)

    def view(self, rows: Float[Tensor, "batch columns"]) -> Seen:
        """Coded rows as the critic sees them; a blinded row gives NaN."""
        if not self.space.placed:
            return one_hot(self.cells, rows)
        here, there = places(self.space.codes, rows), presence(rows)
        hot = torch.zeros(len(rows), self.cells.width, device=rows.device)
        hot = hot.scatter(1, self.cell[here], there)
        return torch.cat([hot, (self.at[here] * there)[:, list(self.space.placed)]], dim=1)

    def chances(self, logits: Hot) -> Hot:
        """Softmax in each column's span."""
        return self.normed(torch.exp(EDGE * torch.tanh(logits / EDGE)))

    def normed(self, mass: Hot) -> Hot:
        """Each cell's share of its column's mass."""
        return mass * ((1 / (mass @ self.within)) @ self.within.T)

    def drawn(self, chances: Hot, u: Float[Tensor, "batch columns"]) -> Hot:
        """One-hot cells at the quantiles u of the chances; no gradient."""
        columns = torch.arange(len(self.cells), device=u.device)
        starts = torch.tensor(self.cells.starts, device=u.device)
        last = starts + torch.tensor(self.cells.sizes, device=u.device) - 1
        ends = torch.cumsum(chances.detach().double(), dim=1)
        at = torch.searchsorted(ends, columns + u.double())
        return torch.zeros_like(chances).scatter_(1, at.maximum(starts).minimum(last), 1.0)

    def codes(
        self, chances: Hot, positions: Float[Tensor, "batch placed"]
    ) -> Float[Tensor, "batch codes"]:
        """The log-chance of every code: its cell's, if the position is this code's in the cell."""
        scores = chances.log()[:, self.cell]
        if not self.space.placed:
            return scores
        where = torch.zeros(len(chances), len(self.cells), device=chances.device)
        where[:, list(self.space.placed)] = positions
        sizes = torch.tensor(self.space.codes.sizes, device=chances.device)
        where = torch.repeat_interleave(where, sizes, dim=1)
        inside = (where >= self.low) & (where < self.high)
        return torch.where(inside, scores, -torch.inf)

    def by_cell(self, shares: Float[Tensor, " codes"]) -> Float[Tensor, " codes"]:
        """The share of each code's cell: codes at positions in one rise and fall together."""
        return torch.zeros(self.cells.width).index_add(0, self.cell, shares)[self.cell]

    @torch.no_grad()
    def fit_borders(
        self,
        chances: Hot,
        positions: Float[Tensor, "batch placed"],
        shares: Float[Tensor, " codes"],
    ) -> None:
        """Move the borders between codes of one cell until rows drawn have each code's share.

        Args:
            chances: of the cells, of rows drawn freely.
            positions: of the same rows.
            shares: of the train rows that have each code.
        """
        for j, column in enumerate(self.space.placed):
            span, cells = self.space.codes.spans[column], self.cells.spans[column]
            at, order = positions[:, j].sort()
            for cell in range(cells.size):
                mine = span.start + np.flatnonzero(self.space.cell[span.places] == cell)
                ends, mass = chances[order, cells.start + cell].cumsum(0), shares[mine].cumsum(0)
                if len(mine) > 1 and mass[-1] > 0:
                    place = torch.searchsorted(ends, mass[:-1] / mass[-1] * ends[-1])
                    borders = at[place.clamp_max(len(at) - 1)]
                    self.low[mine[1:]], self.high[mine[:-1]] = borders, borders


def waves(cells: Layout) -> Float[Tensor, "cells waves"]:
    """Cosines over the ranks of each ordered column's cells: what is alike across neighbours."""
    columns = []
    for span in (s for s in cells if s.ordered and s.size > 3):
        rank = (torch.arange(span.size - 1) + 0.5) / (span.size - 1)
        for k in range(1, WAVES + 1):
            column = torch.zeros(cells.width)
            column[span.start : span.stop - 1] = torch.cos(math.pi * k * rank) * (2 / k) ** 0.5
            columns.append(column)
    return torch.stack(columns, dim=1) if columns else torch.zeros(cells.width, 0)


@dataclass(frozen=True)
class Shape:
    """How large a player is: `width` of its hidden layers, how many, what it is asked."""

    width: int
    hidden: int = 2
    asked: int = 0


class Hidden(nn.Module):
    """Layers of one width, with leaky rectifiers behind them."""

    def __init__(self, inputs: int, shape: Shape) -> None:
        super().__init__()
        sizes = [inputs, *[shape.width] * (shape.hidden - 1)]
        self.layers = nn.ModuleList(linear(size, shape.width) for size in sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width)."""
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return x


class TableGenerator(nn.Module):
    """Noise and a condition to rows as the critic sees them.

    Cells are drawn hard, their gradient that of the chances (straight-through; Bengio et al. 2013,
    Estimating or propagating gradients through stochastic neurons).

    Attributes:
        usual: (cells,) logits that every row starts from; zero, or the log of the cells' shares.
        latent: standard normal numbers that a row is made of; the noise beyond draws its cells.
        given: (condition,) places of the cells that the condition settles, one-hot; or none.
    """

    usual: Tensor
    given: Tensor

    def __init__(
        self, space: Space, latent: int, shape: Shape, given: Int64[Tensor, " n"] = NONE
    ) -> None:
        super().__init__()
        self.board, self.latent = Board(space), latent
        self.register_buffer("given", given, persistent=False)
        self.body = Hidden(latent + shape.asked, shape)
        self.ends = linear(shape.width, self.board.width)
        self.smooth = linear(shape.width, self.board.waves.shape[1])
        self.register_buffer("usual", torch.zeros(space.cells.width))

    @property
    def noise(self) -> int:
        """Numbers of noise a row takes."""
        return self.latent + len(self.board.cells)

    def outputs(self, z: Tensor, condition: Tensor) -> tuple[Hot, Tensor]:
        """Logits of the cells, and positions from -1 to 1."""
        found = self.body(torch.cat([z, condition], dim=1))
        ends, cells = self.ends(found), self.board.cells.width
        logits = ends[:, :cells] + self.usual + self.smooth(found) @ self.board.waves.T
        if len(self.given):
            logits = logits.index_add(1, self.given, SURE * (2 * condition - 1))
        return logits, torch.tanh(ends[:, cells:])

    def forward(self, noise: Tensor, condition: Tensor) -> Seen:
        """(B, seen) rows; see `medsynai.learn.losses.adversarial`."""
        logits, positions = self.outputs(noise[:, : self.latent], condition)
        u = torch.special.ndtr(noise[:, self.latent : self.noise])
        chances = self.board.chances(logits)
        cells = self.board.drawn(chances, u) + chances - chances.detach()
        return torch.cat([cells, positions], dim=1)

    def scores(self, z: Tensor, condition: Tensor) -> Float[Tensor, "batch codes"]:
        """The log-chance of every code."""
        logits, positions = self.outputs(z, condition)
        return self.board.codes(self.board.chances(logits), positions)

    def calm(self, z: Tensor, condition: Tensor, shares: Float[Tensor, " codes"]) -> None:
        """Fit what only free rows of the trained weights tell; see `Board.fit_borders`."""
        logits, positions = self.outputs(z, condition)
        self.board.fit_borders(self.board.chances(logits), positions, shares)


class TableCritic(nn.Module):
    """One score for each pack of rows."""

    def __init__(self, space: Space, shape: Shape, pack: int = 1) -> None:
        super().__init__()
        self.board, self.pack = Board(space), pack
        each = self.board.width + self.board.waves.shape[1] + shape.asked
        self.body = Hidden(pack * each, shape)
        self.score = linear(shape.width, 1)

    def view(self, rows: Float[Tensor, "batch columns"]) -> Seen:
        """Coded rows as it sees them."""
        return self.board.view(rows)

    def features(self, x: Seen, asked: Tensor) -> Float[Tensor, "packs hidden"]:
        """(B / pack, width) what the scores are made of."""
        smooth = x[:, : self.board.cells.width] @ self.board.waves
        whole = torch.cat([x, smooth, asked], dim=1)
        found: Tensor = self.body(whole.reshape(len(x) // self.pack, -1))
        return found

    def forward(self, x: Seen, asked: Tensor) -> Float[Tensor, " packs"]:
        """(B / pack,) scores."""
        score: Tensor = self.score(self.features(x, asked))[:, 0]
        return score


class OutcomeGuesser(nn.Module):
    """Guesses a row's first column, the outcome where a table has one, from all the others."""

    mine: Tensor
    others: Tensor

    def __init__(self, space: Space, shape: Shape) -> None:
        super().__init__()
        board = Board(space)
        mine = torch.zeros(board.width, dtype=torch.bool)
        mine[board.cells.spans[0].places] = True
        mine[board.cells.width :] = torch.tensor([column == 0 for column in space.placed])
        self.register_buffer("mine", torch.nonzero(mine)[:, 0], persistent=False)
        self.register_buffer("others", ~mine, persistent=False)
        self.body = Hidden(board.width, shape)
        self.guess = linear(shape.width, int(mine.sum()))

    def forward(self, x: Seen) -> Float[Tensor, " batch"]:
        """(B,) how far off the guess is: the sum of absolute differences."""
        missed: Tensor = x[:, self.mine] - self.guess(self.body(x * self.others))
        return missed.abs().sum(1)
