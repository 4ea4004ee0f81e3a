"""What every variational autoencoder of rows is put together from; models set its dials."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.job import Job, Pace
from medsynai.learn.latent import LatentDrawer, rebuilt
from medsynai.learn.losses.likelihood import elbo
from medsynai.learn.monitor import look_at_marginals
from medsynai.learn.nets.coder import autoencoder, decoder_of
from medsynai.learn.priors import Mixture
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Autoencoder:
    """Encoder, decoder and prior.

    Attributes:
        latent: numbers that a row is squeezed into.
        width: of the hidden layers.
        beta: weight of the divergence.
        steps, lr, pace: how it is trained.
        drop: share of the columns hidden from the encoder.
        ties: numbers through which the decoder tells each column of those before it; 0: none.
        components: Gaussians of the prior at most; 0: the standard normal.
        graded: whether the decoder reads and answers numbers by their grades; needs ties and bins.
    """

    latent: int
    width: int
    beta: float
    steps: int
    lr: float
    pace: Pace
    drop: float = 0.0
    ties: int = 0
    components: int = 0
    graded: bool = False

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real rows."""
        loss = elbo(self.beta, self.drop, self.latent)
        return (Phase((Update(("encoder", "decoder"), loss, True, lr=self.lr),), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Encoder and decoder; held-out rows are watched by the same loss."""
        nets = autoencoder(space, self.width, self.latent, self.ties, rows, self.graded)
        phases = self.phases()
        loss = phases[0].updates[0].loss
        noise = self.latent + len(space.codes)
        look = look_at_marginals(rebuilt(space), space.codes, rows)
        return Job(nets, phases, noise, self.pace, watched=loss, monitor=look)

    def drawer(self, space: Space) -> LatentDrawer:
        """The decoder and its prior."""
        decoder = decoder_of(space, self.width, self.latent, self.ties, self.graded)
        return LatentDrawer(space, decoder, Mixture(self.latent, self.components))

    def settle(self, drawer: LatentDrawer, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the decoder over; fit the prior to draws of the rows' posteriors, and levels."""
        drawer.take(modules["decoder"], modules["encoder"], rows, seeds)


class Dialled(Protocol):
    """Settings of a model that is an `Autoencoder`: the four below are then its methods."""

    @property
    def parts(self) -> Autoencoder:
        """What the settings put together."""
        ...


def phases(settings: Dialled) -> tuple[Phase, ...]:
    """See `Autoencoder.phases`."""
    return settings.parts.phases()


def job(settings: Dialled, space: Space, rows: Tensor) -> Job:
    """See `Autoencoder.job`."""
    return settings.parts.job(space, rows)


def drawer(settings: Dialled, space: Space) -> LatentDrawer:
    """See `Autoencoder.drawer`."""
    return settings.parts.drawer(space)


def settle(
    settings: Dialled, drawer: LatentDrawer, modules: Modules, rows: Tensor, seeds: Seeds
) -> None:
    """See `Autoencoder.settle`."""
    settings.parts.settle(drawer, modules, rows, seeds)
