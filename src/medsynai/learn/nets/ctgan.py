"""The networks of CTGAN: a generator of widening blocks, and a critic of packs with dropout.

Source: Xu et al. 2019, Modeling tabular data using conditional GAN, section 4.4.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.learn.condition import asked_places, with_levels
from medsynai.learn.nets.mlp import linear, modules_of
from medsynai.learn.nets.player import Board, Hot, Seen

WARMTH = 0.2  # temperature of the soft draws in training
FAR = 30.0  # a cell's mass is at least exp(-30) of its column's greatest: no slow, tiny numbers
TINY = 1e-30  # the least exponential number
COINS = 16  # tosses that one number of noise stands for
SLOPE = 0.2  # of the critic's leaky rectifiers


class Widening(nn.Module):
    """relu(norm(W x)) beside x; the norm is that of the batch."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layer, self.norm = linear(inputs, width), nn.BatchNorm1d(width, momentum=1.0)

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch wider"]:
        """(B, width + inputs)."""
        return torch.cat([torch.relu(self.norm(self.layer(x))), x], dim=1)


class CtganGenerator(nn.Module):
    """Noise and a condition to cells drawn softly, and positions in them.

    Attributes:
        asked: places of the cells that a condition speaks of, in its order.
    """

    asked: Tensor

    def __init__(self, space: Space, latent: int, width: int) -> None:
        super().__init__()
        self.board, self.latent = Board(space), latent
        self.register_buffer("asked", asked_places(space, with_levels(space)), persistent=False)
        inputs = latent + len(self.asked)
        self.body = nn.Sequential(Widening(inputs, width), Widening(inputs + width, width))
        self.ends = linear(inputs + 2 * width, self.board.width)

    @property
    def noise(self) -> int:
        """Numbers of noise a row takes."""
        return self.latent + 2 * self.board.cells.width

    def outputs(self, z: Tensor, condition: Tensor) -> tuple[Hot, Tensor]:
        """Logits of the cells, and positions from -1 to 1."""
        ends = self.ends(self.body(torch.cat([z, condition], dim=1)))
        cells = self.board.cells.width
        return ends[:, :cells], torch.tanh(ends[:, cells:])

    def drawn(self, logits: Hot, positions: Tensor, noise: Tensor) -> Seen:
        """Rows with soft cells (Jang et al. 2017, Categorical reparameterization ..., eq. 2).

        Half the squares of two normal numbers are exponential together, so minus their log is a
        Gumbel number; no quantile function is needed.
        """
        one, two = noise[:, self.latent : self.noise].tensor_split(2, dim=1)
        gumbel = -torch.log((one.square() + two.square()) / 2 + TINY)
        warm = (logits + gumbel) / WARMTH
        with torch.no_grad():  # every column's own, so that no two logits, however high, are level
            top = torch.stack([warm[:, s.places].amax(1) for s in self.board.cells], dim=1)
        mass = torch.exp((warm - top @ self.board.within.T).clamp_min(-FAR))
        return torch.cat([self.board.normed(mass), positions], dim=1)

    def forward(self, noise: Tensor, condition: Tensor) -> Seen:
        """(B, seen) rows; see `medsynai.learn.losses.adversarial`."""
        return self.drawn(*self.outputs(noise[:, : self.latent], condition), noise)

    def scores(self, z: Tensor, condition: Tensor) -> Float[Tensor, "batch codes"]:
        """The log-chance of every code."""
        logits, positions = self.outputs(z, condition)
        return self.board.codes(self.board.chances(logits), positions)

    def calm(self, z: Tensor, condition: Tensor, shares: Float[Tensor, " codes"]) -> None:
        """Fit what only free rows of the trained weights tell, so that every row stands alone.

        The norms are stilled at the means and spreads of these rows (running ones would be those of
        weights that training has left behind); for the rest see `Board.fit_borders`.
        """
        logits, positions = self.train().outputs(z, condition)
        self.eval().board.fit_borders(self.board.chances(logits), positions, shares)


class PackCritic(nn.Module):
    """One score for each pack of rows, with what they were asked for; half of each layer is out."""

    powers: Tensor

    def __init__(self, space: Space, width: int, pack: int) -> None:
        super().__init__()
        self.board, self.pack = Board(space), pack
        seen = self.board.width + len(asked_places(space, with_levels(space)))
        self.layers = nn.ModuleList((linear(pack * seen, width), linear(width, width)))
        self.score = linear(width, 1)
        powers = 2 ** torch.arange(COINS, dtype=torch.int32)
        self.register_buffer("powers", powers, persistent=False)

    @property
    def noise(self) -> int:
        """Numbers of noise a row takes: a pack's together say which units are left out."""
        return -(-len(self.layers) * self.score.in_features // (self.pack * COINS))

    def kept(self, noise: Float[Tensor, "batch noise"]) -> Float[Tensor, "packs hidden width"]:
        """2 or 0: dropout of a half (Srivastava et al. 2014), by the last columns of the noise.

        Each number's quantile is COINS tosses of a fair coin, its binary digits: random numbers are
        a good part of a step's time.
        """
        width = self.score.in_features
        mine = noise[:, -self.noise :].reshape(len(noise) // self.pack, -1)
        place = (torch.special.ndtr(mine) * 2**COINS).int().clamp_max(2**COINS - 1)
        coins = (place[..., None] & self.powers).clamp_max(1).flatten(1)
        return 2.0 * coins[:, : len(self.layers) * width].reshape(len(coins), -1, width)

    def view(self, rows: Float[Tensor, "batch columns"]) -> Seen:
        """Coded rows as it sees them."""
        return self.board.view(rows)

    def forward(self, x: Seen, asked: Tensor, kept: Tensor) -> Float[Tensor, " packs"]:
        """(B / pack,) scores."""
        x = self._packs(x, asked)
        for place, layer in enumerate(self.layers):
            x = nn.functional.leaky_relu(layer(x), SLOPE) * kept[:, place]
        score: Tensor = self.score(x)[:, 0]
        return score

    def slope(self, x: Seen, asked: Tensor, kept: Tensor) -> Float[Tensor, "packs inputs"]:
        """The gradient of a pack's score at all that is known of it, rows and what they were asked.

        Written out, as the layers are linear but for gates that are constant almost everywhere:
        one pass back for the weights' own gradient, where automatic differentiation takes two.
        """
        gates = []
        with torch.no_grad():
            x = self._packs(x, asked)
            for place, layer in enumerate(self.layers):
                x = layer(x)
                gates.append(x.sign().clamp_min(-SLOPE).abs() * kept[:, place])
                x = x * gates[-1]
        back: Tensor = self.score.weight
        for gate, layer in zip(reversed(gates), reversed(self.layers), strict=True):
            back = (back * gate) @ cast(Tensor, layer.weight)
        return back

    def _packs(self, x: Seen, asked: Tensor) -> Float[Tensor, "packs inputs"]:
        return torch.cat([x, asked], dim=1).reshape(len(x) // self.pack, -1)


def players(space: Space, latent: int, width: int, pack: int) -> tuple[nn.ModuleDict, int]:
    """Both, and how many numbers of noise a row takes: one says where its penalty lies."""
    maker, critic = CtganGenerator(space, latent, width), PackCritic(space, width, pack)
    return modules_of(generator=maker, critic=critic), maker.noise + 1 + critic.noise
