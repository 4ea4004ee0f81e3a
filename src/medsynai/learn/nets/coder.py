"""An encoder from coded rows to a latent normal, and a decoder back to logits."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.learn.nets.mlp import Reader, linear, mlp

FLAT = 6.0  # log spreads are kept within -6 to 2, where exp() and its slope stay tame


class Encoder(nn.Module):
    """Rows to the mean and log spread of a normal."""

    def __init__(self, layout: Layout, width: int, latent: int) -> None:
        super().__init__()
        self.layout = layout
        self.reader = Reader(layout, width)
        self.body = nn.Sequential(nn.SiLU(), linear(width, width), nn.SiLU())
        self.ends = linear(width, 2 * latent)

    def forward(
        self, rows: Float[Tensor, "batch columns"], kept: Float[Tensor, "batch columns"]
    ) -> tuple[Tensor, Tensor]:
        """(B, latent) means and (B, latent) logs of the spreads."""
        mean, spread = self.ends(self.body(self.reader(rows, kept))).chunk(2, dim=1)
        return mean, torch.clamp(spread, -FLAT, 2.0)


def autoencoder(layout: Layout, width: int, latent: int) -> nn.ModuleDict:
    """Encoder and decoder of one layout."""
    return nn.ModuleDict(
        {"encoder": Encoder(layout, width, latent), "decoder": Decoder(layout, width, latent)}
    )


class Decoder(nn.Module):
    """Latent numbers to logits of every code."""

    def __init__(self, layout: Layout, width: int, latent: int) -> None:
        super().__init__()
        self.layout = layout
        self.body = mlp(latent, width, layout.width)

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch width"]:
        """Logits, column after column."""
        logits: Tensor = self.body(z)
        return logits
