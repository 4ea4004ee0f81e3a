"""Networks of codes: encoder, decoder, a generator with shortcuts, and critics of rows."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.padded import Hot, Padded, to_hot
from medsynai.learn.nets.mlp import linear, mlp

Latent = Float[Tensor, "batch latent"]
EDGE = 12.0  # log-odds are kept within -12 to 12


class Encoder(nn.Module):
    """Rows to latent numbers."""

    def __init__(self, codes: int, width: int, latent: int) -> None:
        super().__init__()
        self.codes = codes
        self.body = mlp(codes, width, latent, hidden=1)

    def forward(self, rows: Padded) -> Latent:
        """(B, latent)."""
        z: Tensor = self.body(self.view(rows))
        return z

    def view(self, rows: Padded) -> Hot:
        """The rows as 0 and 1."""
        return to_hot(rows, self.codes)


class Decoder(nn.Module):
    """Latent numbers to log-odds of codes, which start from the train rows' own.

    Attributes:
        base: (codes,) log-odds of each code's share: what rare codes would take long to learn.
    """

    base: Tensor

    def __init__(self, codes: int, width: int, latent: int) -> None:
        super().__init__()
        self.body = mlp(latent, width, codes, hidden=1)
        self.register_buffer("base", torch.zeros(codes))

    def forward(self, z: Latent) -> Float[Tensor, "batch codes"]:
        """(B, codes) log-odds."""
        return EDGE * torch.tanh((self.body(z) + self.base) / EDGE)


class Shortcut(nn.Module):
    """x + relu(norm(W x)): medGAN's generator block; LayerNorm in BatchNorm's place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(linear(width, width), nn.LayerNorm(width), nn.ReLU())

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """Same shape out as in."""
        out: Tensor = x + self.body(x)
        return out


class Maker(nn.Module):
    """Noise through blocks with shortcuts, then through a decoder to codes."""

    def __init__(self, decoder: nn.Module, latent: int, blocks: int) -> None:
        super().__init__()
        self.latent, self.decoder = latent, decoder
        self.body = nn.Sequential(
            *(Shortcut(latent) for _ in range(blocks)), linear(latent, latent)
        )

    def logits(self, noise: Float[Tensor, "batch draws"]) -> Float[Tensor, "batch codes"]:
        """(B, codes) log-odds from the first `latent` numbers of the noise."""
        z: Tensor = self.decoder(self.body(noise[:, : self.latent]))
        return z

    def forward(self, noise: Float[Tensor, "batch draws"], asked: Tensor) -> Hot:
        """Codes drawn from the log-odds with the rest of the noise: 0 and 1, as real rows are.

        The gradient passes as if the chances had been given (straight-through, Bengio, Leonard and
        Courville 2013): a critic of chances would tell real rows by their being 0 or 1.
        """
        logits = self.logits(noise)
        ours = noise[:, self.latent : self.latent + logits.shape[1]]
        u = torch.special.ndtr(ours)
        soft = torch.sigmoid(logits)
        return (u < soft).float() + soft - soft.detach()


class Critic(nn.Module):
    """A score for each row; with `averaged`, beside the mean of its batch (medGAN, section 3.3)."""

    def __init__(self, codes: int, width: int, averaged: bool = False) -> None:
        super().__init__()
        self.codes, self.averaged = codes, averaged
        self.body = nn.Sequential(
            linear(codes * (2 if averaged else 1), width),
            nn.LayerNorm(width),
            nn.LeakyReLU(0.2),
            linear(width, width // 2),
            nn.LayerNorm(width // 2),
            nn.LeakyReLU(0.2),
            linear(width // 2, 1),
        )

    def view(self, rows: Padded) -> Hot:
        """Real rows as the critic sees them."""
        return to_hot(rows, self.codes)

    def forward(self, rows: Hot, asked: Tensor) -> Float[Tensor, " batch"]:
        """(B,); higher is more like a real row."""
        if self.averaged:
            rows = torch.cat([rows, rows.mean(0, keepdim=True).expand_as(rows)], dim=1)
        score: Tensor = self.body(rows).squeeze(1)
        return score


class FromPrior(nn.Module):
    """A decoder whose noise is the latent itself."""

    def __init__(self, decoder: nn.Module, latent: int) -> None:
        super().__init__()
        self.decoder, self.latent = decoder, latent

    def logits(self, noise: Latent) -> Float[Tensor, "batch codes"]:
        """(B, codes) log-odds."""
        found: Tensor = self.decoder(noise)
        return found
