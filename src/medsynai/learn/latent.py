"""Rows drawn from a latent prior through a decoder: a mixture of Gaussians behind logits."""

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from medsynai.codec.layout import Layout
from medsynai.errors import ConditionError
from medsynai.learn.core import Modules
from medsynai.learn.draw import Asked, pick_codes, restrict
from medsynai.learn.losses.likelihood import log_probabilities
from medsynai.learn.nets.coder import Decoder
from medsynai.seeds import Seeds

SOFT = 1e-3  # added to each component's variances: none shrinks onto a single patient
PER_COMPONENT = 100  # rows a Gaussian stands for at least, on average
MIXTURE_ROWS = 20_000


class LatentDrawer(nn.Module):
    """A decoder and its prior.

    Attributes:
        seen: (width,) codes that occurred.
        shares, means, factors: of the prior's Gaussians; factors are Cholesky factors.
    """

    seen: Tensor
    shares: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, layout: Layout, width: int, latent: int, components: int) -> None:
        super().__init__()
        self.layout = layout
        self.decoder = Decoder(layout, width, latent)
        self.register_buffer("seen", torch.zeros(layout.width, dtype=torch.bool))
        self.register_buffer("shares", torch.eye(components)[0].clone())
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(components, 1, 1))

    @torch.no_grad()
    def take(self, modules: Modules, rows: Tensor, seeds: Seeds, mixture: bool) -> None:
        """The trained decoder, and if asked a mixture fitted to draws of the rows' posteriors."""
        self.decoder.load_state_dict(modules["decoder"].state_dict())
        most = min(len(self.shares), len(rows) // PER_COMPONENT)
        if not mixture or most < 1:
            return
        generator = torch.Generator().manual_seed(seeds.of("posterior").integer())
        some = rows[torch.randperm(len(rows), generator=generator)[:MIXTURE_ROWS]]
        mean, spread = modules["encoder"](some, torch.ones_like(some))
        z = mean + spread.exp() * torch.randn(mean.shape, generator=generator)
        found = _mixture(z.double().numpy(), most, seeds.of("mixture").integer())
        for place, part in zip((self.shares, self.means, self.factors), found, strict=True):
            place[:most] = torch.from_numpy(part).float()

    def begin(self, n: int, asked: Asked, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latent draws, and how likely each decodes to what is asked; see `Drawer`."""
        which = torch.multinomial(self.shares, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator)
        z = self.means[which] + torch.einsum("nij,nj->ni", self.factors[which], noise)
        weight = torch.ones(n)
        if asked.columns:
            weight = torch.cat([self._likely(part, asked) for part in torch.split(z, 8192)])
        return z, weight

    def _likely(self, z: Tensor, asked: Asked) -> Tensor:
        """P(condition | z): columns are independent given z."""
        scores = log_probabilities(self.layout, restrict(self.decoder(z), self.seen))
        chance = restrict(scores, asked.able).exp()
        spans = [self.layout.spans[j].places for j in asked.columns]
        return torch.stack([chance[:, s].sum(1) for s in spans]).prod(0)

    def complete(self, state: Tensor, asked: Asked, generator: torch.Generator) -> Tensor:
        """Codes drawn from the decoded logits; see `Drawer`."""
        return pick_codes(self.layout, restrict(self.decoder(state), asked.able), generator)

    def given(self, rows: Tensor) -> Tensor:
        """Refused: which latent a kept value belongs to is not known exactly."""
        raise ConditionError(
            "this model cannot keep real columns as they are; use autoregressive or forest"
        )


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
