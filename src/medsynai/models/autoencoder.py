"""A variational autoencoder of coded rows, with a prior fitted to where its rows lie.

Kingma and Welling 2014, Auto-encoding variational Bayes. A small weight of the divergence keeps
more of each row; the prior is then a mixture of Gaussians fitted to draws of the posteriors (Ghosh
et al. 2020, From variational to deterministic autoencoders, section 4, ex-post density estimation).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.latent import LatentDrawer
from medsynai.learn.losses.likelihood import elbo
from medsynai.learn.nets.coder import Decoder, autoencoder
from medsynai.seeds import Seeds

PACE = Pace()


@dataclass(frozen=True)
class Vae:
    """Settings of the variational autoencoder; all public.

    Attributes:
        latent: numbers that a row is squeezed into.
        width: of the hidden layers.
        beta: weight of the divergence; more is smoother and safer, less is nearer to the rows.
        drop: share of the columns hidden from the encoder.
        ties: numbers through which the decoder tells each column of those before it; 0: columns
            are independent given the latent.
        components: Gaussians of the prior; 0: the standard normal.
        space: what the networks see of a code; see `medsynai.codec.spaces`.
        bins: about how many bins a number has at most.
        steps: gradient steps at most.
        lr: learning rate.
        pace: how it is trained.
    """

    latent: int = 32
    width: int = 192
    beta: float = 0.5
    drop: float = 0.1
    ties: int = 64
    components: int = 30
    space: str = "bins"
    bins: int = 60
    steps: int = 1200
    lr: float = 2e-3
    pace: Pace = PACE
    name: ClassVar[str] = "vae"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 1, "beta": 0, "components": 0, "ties": 0}
        check_settings(self.name, self, least | {"bins": 2, "steps": 1, "lr": 0}, ("drop",))

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real rows."""
        loss = elbo(self.beta, self.drop, self.latent)
        return (Phase((Update(("encoder", "decoder"), loss, True, lr=self.lr),), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Encoder and decoder; held-out rows are watched by the same loss."""
        nets = autoencoder(space, self.width, self.latent, self.ties, rows)
        phases = self.phases()
        loss = phases[0].updates[0].loss
        return Job(nets, phases, self.latent + len(space.codes), self.pace, watched=loss)

    def drawer(self, space: Space) -> LatentDrawer:
        """The decoder and its prior."""
        decoder = Decoder(space, self.width, self.latent, self.ties)
        return LatentDrawer(space, decoder, self.latent, max(1, self.components))

    def settle(self, drawer: LatentDrawer, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the decoder over, and fit the prior to draws of the rows' posteriors."""
        drawer.take(modules, rows, seeds, mixture=self.components > 0)

    fit = fit_network


load = partial(load_network, kind=Vae)
