"""A decoder of series: a trend and harmonics, whose weights are told, and what they leave, painted.

Desai et al. 2021, TimeVAE, section 3.2 (trend, season, residual); the season as harmonics, whose
periods need not be known: Oreshkin et al. 2020, N-BEATS, section 3.3.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.learn.nets.conv import Canvas, Painter, Told
from medsynai.learn.nets.mlp import mlp


class Curves(nn.Module):
    """Series of latents and classes: weights of fixed curves, and a painter for the rest.

    Args:
        canvas: of the series.
        latent: numbers of a latent.
        trend: highest power of time.
        harmonics: periods in the length of a series at most; a sine and a cosine each.
    """

    curves: Tensor

    def __init__(self, canvas: Canvas, latent: int, trend: int, harmonics: int) -> None:
        super().__init__()
        told = 4 * canvas.width
        self.canvas, self.latent = canvas, latent
        self.rest = Painter(canvas, latent)
        self.classes = Told(canvas.classes, told)
        time = torch.linspace(0, 1, canvas.space[0])
        powers = [(2 * time - 1) ** k for k in range(trend + 1)]
        turns = [2 * math.pi * k * time for k in range(1, harmonics + 1)]
        fixed = torch.stack([*powers, *(f(x) for x in turns for f in (torch.sin, torch.cos))])
        self.register_buffer("curves", fixed, persistent=False)  # (curves, steps)
        self.weights = mlp(latent + told, told, canvas.channels * len(fixed), 1)

    def forward(
        self, noise: Float[Tensor, "b n"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b width"]:
        """Rows of these latents and classes."""
        z = torch.cat([noise[:, : self.latent], self.classes(asked)], 1)
        weights = self.weights(z).reshape(len(z), self.canvas.channels, -1)
        rest: Tensor = self.rest(noise, asked)
        return rest + (weights @ self.curves).flatten(1)
