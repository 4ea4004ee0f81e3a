"""The mixture of normal distributions that a released mean embedding speaks for: free of charge.

For x ~ N(m, S), E cos(v x) = exp(-v S v / 2) cos(v m), and the same with sin: so the embedding of a
mixture is known, without drawing from it, and so is the noise of what was released. What is fitted
is the most probable mixture given the release (MAP), where little is released near the prior.

Source: Harder, Adamczewski and Park 2021, DP-MERF, eq. 10 (a generator is trained to match noisy
sums of random features); a mixture in the place of its network.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.learn.threads import one_thread
from medsynai.seeds import Seeds
from medsynai.store import Arrays

RANK = 24  # directions in which a part may spread on its own
NARROW = 0.5  # spread of a part, over the usual spread of images: it is for images of one kind
RATE = 0.03
# standard deviations of the prior: of means in usual spreads, of shares and spreads in logarithms
PRIOR = {
    **{"centre": 3.0, "middles": 1.0, "shifts": 1.0},
    **{"ways": 0.3, "widths": 0.5, "common": 1.0, "own": 1.0},
}


@dataclass(frozen=True)
class Told:
    """What was released of classes, and how.

    Attributes:
        counts: (classes,) about how many patients.
        sums: (classes, 2 count) of features, as `medsynai.codec.embedding.embedded` orders them.
        noise: standard deviation of the noise of each sum; 0: none.
        at: (count, waves) frequencies of the features.
    """

    counts: np.ndarray
    sums: np.ndarray
    noise: float
    at: np.ndarray


class Blend(nn.Module):
    """Normal distributions that classes share: each class has shares of its own, and a shift.

    Whoever has few patients, and so much noise, has the others' parts.
    """

    def __init__(self, classes: int, waves: int, parts: int, generator: torch.Generator) -> None:
        super().__init__()
        rank = min(RANK, waves)
        self.centre = nn.Parameter(torch.zeros(waves))
        self.middles = nn.Parameter(0.3 * torch.randn(parts, waves, generator=generator))
        self.shifts = nn.Parameter(torch.zeros(classes, waves))
        self.ways = nn.Parameter(0.1 * torch.randn(parts, waves, rank, generator=generator))
        self.widths = nn.Parameter(torch.zeros(parts, waves))
        self.common = nn.Parameter(torch.zeros(parts))
        self.own = nn.Parameter(torch.zeros(classes, parts))

    @property
    def means(self) -> Float[Tensor, "classes parts waves"]:
        """Of each part in each class."""
        return self.centre + self.middles + self.shifts[:, None]

    @property
    def shares(self) -> Float[Tensor, "classes parts"]:
        """Of the parts in each class; they sum to 1."""
        return (self.common + self.own).softmax(-1)

    @property
    def roots(self) -> Float[Tensor, "parts waves both"]:
        """Of the covariances of the parts."""
        return torch.cat([self.ways, torch.diag_embed(NARROW * self.widths.exp())], -1)

    def forward(self, at: Float[Tensor, "count waves"]) -> Float[Tensor, "classes features"]:
        """The mean of each class's features."""
        low = torch.einsum("fw,pwr->fpr", at, self.ways).square().sum(-1)
        spread = low + at.square() @ (NARROW * self.widths.exp()).square().T  # (count, parts)
        turns = torch.einsum("fw,cpw->cfp", at, self.means)
        weight = self.shares[:, None] * torch.exp(-spread / 2)
        both = (weight * turns.cos()).sum(-1), (weight * turns.sin()).sum(-1)
        return torch.cat(both, 1) / math.sqrt(len(at))

    def surprise(self) -> Tensor:
        """Minus the logarithm of the prior, but for a constant."""
        each = [(self.get_parameter(k) / std).square().sum() / 2 for k, std in PRIOR.items()]
        return torch.stack(each).sum()


@one_thread()
def fit_blend(told: Told, parts: int, steps: int, seeds: Seeds) -> Arrays:
    """Fit to what was released; nothing else is looked at.

    Returns:
        `shares` (classes, parts), `means` (classes * parts, waves), `roots` (parts, waves, r).
    """
    start = torch.Generator().manual_seed(seeds.of("start").integer())
    blend = Blend(len(told.counts), told.at.shape[1], parts, start)
    many = torch.from_numpy(np.maximum(told.counts, 1.0)).float()
    sums, at = (torch.from_numpy(x).float() for x in (told.sums, told.at))
    # of the noise, and of patients who stand for others: each sum has about many / features of it
    variance = told.noise**2 + many / sums.shape[1]
    optimiser = torch.optim.Adam(blend.parameters(), RATE, fused=True)
    fading = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: min(1.0, 2 * (1 - k / steps)))
    for _ in range(steps):
        off = (sums - many[:, None] * blend(at)).square().sum(1)
        loss = (off / (2 * variance)).sum() + blend.surprise()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        fading.step()
    with torch.no_grad():
        found = {"shares": blend.shares, "means": blend.means.flatten(0, 1), "roots": blend.roots}
    return {name: value.detach().numpy().copy() for name, value in found.items()}
