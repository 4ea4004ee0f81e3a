"""Rows drawn from a latent prior through a decoder: a mixture of Gaussians behind it."""

import warnings
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from medsynai.codec.spaces import Space
from medsynai.errors import ConditionError
from medsynai.learn.core import Modules
from medsynai.learn.draw import Asked, levelled, pick_code, restrict, shares_of
from medsynai.learn.nets.coder import Decoder
from medsynai.seeds import Seeds

SOFT = 1e-3  # added to each component's variances: none shrinks onto a single patient
PER_COMPONENT = 100  # rows a Gaussian stands for at least, on average
MIXTURE_ROWS = 20_000
CHUNK = 8192


class LatentDrawer(nn.Module):
    """A decoder and its prior.

    A row begun is its latent, then one code a column, NaN where it is not drawn yet.

    Attributes:
        seen: (width,) codes that occurred.
        level: (width,) added to the codes' log-probabilities, so that rows drawn freely have the
            train rows' own shares in every column.
        shares, means, factors: of the prior's Gaussians; factors are Cholesky factors.
    """

    seen: Tensor
    level: Tensor
    shares: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, space: Space, decoder: Decoder, latent: int, components: int) -> None:
        super().__init__()
        self.layout, self.decoder = space.codes, decoder
        self.register_buffer("seen", torch.zeros(self.layout.width, dtype=torch.bool))
        self.register_buffer("level", torch.zeros(self.layout.width))
        self.register_buffer("shares", torch.eye(components)[0].clone())
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(components, 1, 1))

    @torch.no_grad()
    def take(self, modules: Modules, rows: Tensor, seeds: Seeds, mixture: bool) -> None:
        """The trained decoder; a mixture fitted to draws of the rows' posteriors; levels."""
        self.decoder.load_state_dict(modules["decoder"].state_dict())
        most = min(len(self.shares), len(rows) // PER_COMPONENT)
        if mixture and most >= 1:
            generator = torch.Generator().manual_seed(seeds.of("posterior").integer())
            some = rows[torch.randperm(len(rows), generator=generator)[:MIXTURE_ROWS]]
            mean, spread = modules["encoder"](some, torch.ones_like(some))
            z = mean + spread.exp() * torch.randn(mean.shape, generator=generator)
            found = _mixture(z.double().numpy(), most, seeds.of("mixture").integer())
            for place, part in zip((self.shares, self.means, self.factors), found, strict=True):
                place[:most] = torch.from_numpy(part).float()
        generator = torch.Generator().manual_seed(seeds.of("level").integer())
        target = shares_of(self.layout, rows)
        state = self._latents(CHUNK, generator)
        self._walk(state, range(len(self.layout)), Asked(self.seen, ()), generator, target)

    def begin(self, n: int, asked: Asked, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents, with the columns up to those asked for, and how likely they met it."""
        state = self._latents(n, generator)
        if not asked.columns:
            return state, torch.ones(n)
        first = range(max(asked.columns) + 1) if self.decoder.ties else asked.columns
        parts = torch.split(state, CHUNK)
        return state, torch.cat([self._walk(part, first, asked, generator) for part in parts])

    def complete(self, state: Tensor, asked: Asked, generator: torch.Generator) -> Tensor:
        """The columns that are not there yet; see `Drawer`."""
        state = state.clone()
        self._walk(state, range(len(self.layout)), asked, generator)
        return state[:, -len(self.layout) :]

    def given(self, rows: Tensor) -> Tensor:
        """Refused: which latent a kept value belongs to is not known exactly."""
        raise ConditionError(
            "this model cannot keep real columns as they are; use autoregressive or forest"
        )

    def _latents(self, n: int, generator: torch.Generator) -> Tensor:
        which = torch.multinomial(self.shares, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator)
        z = self.means[which] + torch.einsum("nij,nj->ni", self.factors[which], noise)
        return torch.cat([z, torch.full((n, len(self.layout)), torch.nan)], dim=1)

    def _walk(
        self,
        state: Tensor,
        columns: Iterable[int],
        asked: Asked,
        generator: torch.Generator,
        target: Tensor | None = None,
    ) -> Tensor:
        """Fill columns in where they are NaN; gives how likely each row was to be as asked.

        With `target`, the shares that every column is to have, levels are set on the way.
        """
        latent = state.shape[1] - len(self.layout)
        outs, bias = self.decoder.open(state[:, :latent])
        known, weight = torch.zeros(len(state), self.decoder.ties), torch.ones(len(state))
        for column in columns:
            place = self.layout.spans[column].places
            if state[0, latent + column].isnan():
                scores = self.decoder.ask(column, outs, bias, known)
                if target is not None:
                    self.level[place] = levelled(scores, target[place])
                scores = restrict(scores + self.level[place], self.seen[place])
                able = restrict(torch.log_softmax(scores, dim=1), asked.able[place])
                weight *= able.exp().sum(1)
                state[:, latent + column] = pick_code(able, generator)
            known = self.decoder.tell(column, state[:, latent + column], known)
        return weight


def _mixture(z: np.ndarray, components: int, seed: int) -> tuple[np.ndarray, ...]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        components, reg_covar=SOFT, random_state=seed, init_params="k-means++", max_iter=60
    )
    with warnings.catch_warnings():
        # A mixture short of its optimum is a prior as well; 60 steps bound the time.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(z)
    return model.weights_, model.means_, np.linalg.cholesky(model.covariances_)
