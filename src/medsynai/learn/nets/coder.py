"""An encoder from coded rows to a latent normal, and a decoder back to what it says of each code.

The decoder may tie its columns: each is then told of the columns before it through a few numbers
(a NADE of `ties` units whose bias is the latent's; Larochelle and Murray 2011). Given the latent
alone, columns are independent, and what ties them exactly would be lost (Gulrajani et al. 2017,
PixelVAE, section 3).
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.codec.tokens import places, presence
from medsynai.learn.nets.graded_coder import GradedDecoder
from medsynai.learn.nets.mlp import linear, vectors
from medsynai.learn.nets.sight import Looker, Sight

FLAT = 6.0  # log spreads are kept within -6 to 2, where exp() and its slope stay tame
NARROW, WIDE = math.log(0.01), 0.0  # log spreads of positions (Xu et al. 2019, TVAE: 0.01 to 1)
Rows = Float[Tensor, "batch columns"]


class Encoder(nn.Module):
    """Rows to the mean and log spread of a normal."""

    def __init__(self, space: Space, width: int, latent: int) -> None:
        super().__init__()
        self.looker = Looker(space, width)
        self.body = nn.Sequential(nn.SiLU(), linear(width, width), nn.SiLU())
        self.ends = linear(width, 2 * latent)

    def forward(self, rows: Rows, kept: Rows) -> tuple[Tensor, Tensor]:
        """(B, latent) means and (B, latent) logs of the spreads."""
        mean, spread = self.ends(self.body(self.looker(rows, kept))).chunk(2, dim=1)
        return mean, torch.clamp(spread, -FLAT, 2.0)


class Decoder(nn.Module):
    """Latent numbers to outputs (see `Sight`) of every column.

    Attributes:
        usual: added to the outputs: log shares of the cells, so that training begins at the
            columns' own distributions.
    """

    usual: Tensor

    def __init__(self, space: Space, width: int, latent: int, ties: int) -> None:
        super().__init__()
        self.sight = Sight(space)
        wide = self.sight.outs.width
        self.body = nn.Sequential(linear(latent, width), nn.SiLU(), linear(width, width), nn.SiLU())
        self.ends = linear(width, wide)
        self.ties = ties
        if ties:
            self.codes = vectors(space.codes.width, ties)
            self.bias = linear(width, ties)
            self.places = vectors(len(space.codes), ties)
            self.heads = linear(ties, wide)
        if space.placed:
            self.log_spread = nn.Parameter(torch.full((len(space.placed),), math.log(0.1)))
        self.register_buffer("usual", torch.zeros(wide))

    def prepare(self, rows: Float[Tensor, "rows columns"]) -> None:
        """Set the columns' own shares to those of the train rows."""
        self.usual.copy_(self.sight.usual(rows))

    @property
    def spreads(self) -> Float[Tensor, " placed"]:
        """Log standard deviations of the placed columns' positions."""
        if not self.sight.placed:
            return self.usual[:0]
        return self.log_spread.clamp(NARROW, WIDE)

    def forward(
        self, z: Float[Tensor, "batch latent"], rows: Rows
    ) -> Float[Tensor, "batch outputs"]:
        """Outputs of all columns; a tied one has seen the columns before it in `rows`."""
        outs, bias = self.open(z)
        if bias is None:
            return outs
        known = self.codes(places(self.sight.codes, rows)) * presence(rows)[..., None]
        columns = len(self.sight.outs)
        before = torch.ones(columns, columns, device=rows.device).tril(-1)
        state = bias[:, None] + self.places.weight + before @ known  # (B, columns, ties)
        state = nn.functional.silu(state)
        sizes = list(self.sight.outs.sizes)
        weights = torch.split(self.heads.weight, sizes)
        biases = torch.split(self.heads.bias, sizes)
        tied = map(nn.functional.linear, state.unbind(1), weights, biases)
        return outs + torch.cat(list(tied), dim=1)

    def surprise(self, z: Float[Tensor, "batch latent"], rows: Rows) -> Rows:
        """-log p of each column's code given the latent (and the columns before it)."""
        return self.sight.surprise(self(z, rows), rows, self.spreads)

    def open(self, z: Float[Tensor, "batch latent"]) -> tuple[Tensor, Tensor | None]:
        """(B, outputs) what the latent says, and (B, ties) what it tells the tied columns."""
        state = self.body(z)
        outs = self.ends(state) + self.usual
        bias = self.bias(state) if self.ties else None
        return outs, bias

    def ask(
        self, column: int, outs: Tensor, bias: Tensor | None, known: Tensor
    ) -> Float[Tensor, "rows size"]:
        """Log-probabilities of one column's codes, given the sum of the known ones' vectors."""
        mine = self.sight.outs.spans[column].places
        out = outs[:, mine]
        if bias is not None:
            state = nn.functional.silu(bias + self.places.weight[column] + known)
            out = out + nn.functional.linear(state, self.heads.weight[mine], self.heads.bias[mine])
        return self.sight.scores(column, out, self.spreads)

    def tell(self, column: int, codes: Tensor, known: Tensor) -> Tensor:
        """`known` with one more column; unchanged where columns are not tied."""
        if not self.ties:
            return known
        more: Tensor = self.codes(self.sight.codes.spans[column].start + codes.long())
        return known + more


def decoder_of(space: Space, width: int, latent: int, ties: int, graded: bool) -> nn.Module:
    """The decoder of one space; a graded one wants bins, and ties."""
    return (GradedDecoder if graded else Decoder)(space, width, latent, ties)


def autoencoder(
    space: Space,
    width: int,
    latent: int,
    ties: int,
    rows: Float[Tensor, "rows columns"],
    graded: bool = False,
) -> nn.ModuleDict:
    """Encoder and decoder of one space, the decoder's outputs around the rows' log shares."""
    decoder: Any = decoder_of(space, width, latent, ties, graded)
    decoder.prepare(rows)
    return nn.ModuleDict({"encoder": Encoder(space, width, latent), "decoder": decoder})
