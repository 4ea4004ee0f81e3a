"""Where latents come from: a mixture of Gaussians, or noise carried along a learnt flow."""

import warnings
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.learn.desk import desk
from medsynai.learn.draw import shares_of
from medsynai.learn.nets.denoiser import Denoiser
from medsynai.learn.paths import arc

SOFT = 1e-3  # added to each component's variances: none shrinks onto a single patient
PER_COMPONENT = 100  # rows a Gaussian stands for at least, on average
MIXTURE_ROWS, STEPS = 20_000, 60  # of the expectation maximisation, at most
RANKED, FEWEST = 20_000, 2_000  # rows drawn to learn ranks from: at most, and beyond two a row
MOST_AXES = 20_000  # of one Sobol sequence; torch has 21,201
PRIORS = 0.5  # of the time after training; levels come after the prior
Latents = Float[Tensor, "n latent"]


class Mixture(nn.Module):
    """Gaussians with shares; the standard normal until it is fitted.

    Attributes:
        shares, means, factors: of the Gaussians; factors are Cholesky factors.
    """

    shares: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, latent: int, components: int) -> None:
        super().__init__()
        self.components = components
        count = max(1, components)
        self.register_buffer("shares", torch.eye(count)[0].clone())
        self.register_buffer("means", torch.zeros(count, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(count, 1, 1))

    def fit(
        self, encoder: nn.Module, space: Space, rows: Tensor, generator: torch.Generator
    ) -> None:
        """Fit to one draw of the posterior of each row (Ghosh et al. 2020, section 4)."""
        most = min(self.components, len(rows) // PER_COMPONENT)
        if most < 1:
            return
        some = rows[torch.randperm(len(rows), generator=generator)[:MIXTURE_ROWS]]
        mean, spread = encoder(some, torch.ones_like(some))
        z = mean + spread.exp() * torch.randn(mean.shape, generator=generator)
        self.fit_to(z, generator)

    def fit_to(self, z: Latents, generator: torch.Generator) -> None:
        """Fit to these latents; where they are too few for a Gaussian of their own, a shrunk one.

        Source of the shrinkage: Ledoit and Wolf 2004, A well-conditioned estimator for
        large-dimensional covariance matrices.
        """
        seed = int(torch.randint(2**31, (1,), generator=generator))
        most = min(self.components, len(z) // PER_COMPONENT)
        many = z.double().numpy()
        found = _mixture(many, most, seed) if most else _shrunk(many)
        for place, part in zip((self.shares, self.means, self.factors), found, strict=True):
            place[: len(part)] = torch.from_numpy(part).float()

    def draw(self, decoder: nn.Module, n: int, generator: torch.Generator) -> Latents:
        """`n` latents."""
        which = torch.multinomial(self.shares, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator)
        return self.means[which] + torch.einsum("nij,nj->ni", self.factors[which], noise)


class Normal(nn.Module):
    """The standard normal, whatever the class."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent

    def draw(self, labels: Float[Tensor, " n"], generator: torch.Generator) -> Latents:
        """A latent for each label."""
        return torch.randn(len(labels), self.latent, generator=generator)

    def between(
        self, labels: Float[Tensor, " n"], steps: int, generator: torch.Generator
    ) -> Latents:
        """For each label (n * steps) latents on the way from one draw to another."""
        one, two = (self.draw(labels, generator) for _ in range(2))
        return arc(one, two, steps)


class ByClass(nn.Module):
    """A mixture for each class."""

    def __init__(self, latent: int, components: int, classes: int) -> None:
        super().__init__()
        self.latent = latent
        self.parts = nn.ModuleList(Mixture(latent, components) for _ in range(classes))

    def fit(self, z: Latents, labels: Float[Tensor, " n"], generator: torch.Generator) -> None:
        """Fit each class's mixture to its latents; a class without any stays standard normal."""
        for label, part in enumerate(self.parts):
            if bool((labels == label).any()):
                cast(Mixture, part).fit_to(z[labels == label], generator)

    def draw(self, labels: Float[Tensor, " n"], generator: torch.Generator) -> Latents:
        """A latent for each label."""
        z = torch.empty(len(labels), self.latent)
        for label, part in enumerate(self.parts):
            mine = labels == label
            if not bool(mine.any()):
                continue
            z[mine] = cast(Mixture, part).draw(nn.Identity(), int(mine.sum()), generator)
        return z

    def between(
        self, labels: Float[Tensor, " n"], steps: int, generator: torch.Generator
    ) -> Latents:
        """See `Normal.between`; straight, as the mixtures' middles are not the origin."""
        one, two = (self.draw(labels, generator)[:, None] for _ in range(2))
        return torch.lerp(one, two, torch.linspace(0, 1, steps)[:, None]).flatten(0, 1)


class Flow(nn.Module):
    """Noise carried towards the rows by a denoiser's velocity, in Euler steps.

    dx/dt = (E[row | x, t] - x) / (1 - t), from t = 0 to the denoiser's `last`.
    """

    def __init__(self, hops: int) -> None:
        super().__init__()
        self.hops = hops

    def fit(
        self, decoder: Denoiser, space: Space, rows: Tensor, generator: torch.Generator
    ) -> None:
        """Set the decoder's ranks to those of the rows, from rows drawn freely."""
        most = min(RANKED, 2 * len(rows) + FEWEST)
        drawn = desk().rest.work(partial(self._ends, decoder, generator), most, PRIORS)
        decoder.fit_ranks(space, drawn, shares_of(space.codes, rows))

    def draw(self, decoder: Denoiser, n: int, generator: torch.Generator) -> Latents:
        """`n` rows at `last`."""
        x = even_normal(n, decoder.width, generator)
        return torch.cat([self.carried(decoder, part) for part in torch.split(x, 8192)])

    def _ends(self, decoder: Denoiser, generator: torch.Generator, n: int) -> Latents:
        return self.draw(decoder, n, generator)

    def carried(self, decoder: Denoiser, x: Latents) -> Latents:
        """Rows at `last` that began as the noise `x`."""
        hop = decoder.last / self.hops
        for step in range(self.hops):
            time = hop * step
            row = decoder.expect(decoder(x, torch.full((len(x),), time)))
            x = torch.lerp(x, row, hop / (1 - time))
        return x


def even_normal(n: int, width: int, generator: torch.Generator) -> Latents:
    """`n` standard normal rows that together are spread evenly over every axis, and pair of axes.

    Each row alone is N(0, I); a scrambled Sobol sequence (Matousek 1998, On the L2-discrepancy for
    anchored boxes) takes part of the noise of sampling away. Its rows come in random order.
    """
    parts = [_even(n, min(MOST_AXES, width - at), generator) for at in range(0, width, MOST_AXES)]
    u = torch.cat(parts, dim=1) if parts else torch.empty(n, 0, dtype=torch.float64)
    return torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6)).float()


def _even(n: int, width: int, generator: torch.Generator) -> Float[Tensor, "n width"]:
    seed = int(torch.randint(2**31, (1,), generator=generator))
    sequence: Any = torch.quasirandom.SobolEngine
    points: Tensor = sequence(width, scramble=True, seed=seed).draw(n, dtype=torch.float64)
    return points[torch.randperm(n, generator=generator)]


def _shrunk(z: np.ndarray) -> tuple[np.ndarray, ...]:
    from sklearn.covariance import ledoit_wolf

    covariance = ledoit_wolf(z)[0] + SOFT * np.eye(z.shape[1])
    return np.ones(1), z.mean(0)[None], np.linalg.cholesky(covariance)[None]


def _mixture(z: np.ndarray, components: int, seed: int) -> tuple[np.ndarray, ...]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        components, reg_covar=SOFT, random_state=seed, init_params="k-means++", max_iter=STEPS
    )
    rest, fits = desk().rest, 1
    if rest.limited:  # a step a fit, each from where the last one ended
        fits = STEPS
        model.set_params(max_iter=1, warm_start=True)
    with warnings.catch_warnings():
        # A mixture short of its optimum is a prior as well; 60 steps bound the time.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(fits):
            model.fit(z)
            if model.converged_ or rest.over(PRIORS):
                break
    return model.weights_, model.means_, np.linalg.cholesky(model.covariances_)
