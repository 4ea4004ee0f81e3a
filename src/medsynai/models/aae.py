"""An autoencoder whose latent a critic shapes (Makhzani et al. 2016, Adversarial autoencoders)."""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.generator import check_settings
from medsynai.learn import autoencoding
from medsynai.learn.autoencoding import Autoencoder
from medsynai.learn.core import Phase, Update
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.latent import latent_critic, latent_fool
from medsynai.learn.losses.likelihood import encoded
from medsynai.learn.nets.mlp import mlp

PACE = Pace(patience=4)


@dataclass(frozen=True)
class Aae:
    """Settings of the adversarial autoencoder; all public.

    Attributes:
        latent: numbers that a row is squeezed into.
        width: of the hidden layers.
        components: Gaussians of the prior fitted afterwards; 0: N(0, I), as published.
        bins: about how many bins a number has at most.
        steps: rounds of the three updates at most.
        lr: learning rate.
        pace: how it is trained.
    """

    latent: int = 16
    width: int = 256
    components: int = 30
    bins: int = 60
    steps: int = 1200
    lr: float = 2e-3
    pace: Pace = PACE
    name: ClassVar[str] = "aae"
    space: ClassVar[str] = "bins"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 1, "components": 0, "bins": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least)

    @property
    def parts(self) -> Autoencoder:
        """An autoencoder without a divergence."""
        dials = self.latent, self.width, 0.0, self.steps, self.lr, self.pace
        return Autoencoder(*dials, components=self.components)

    def phases(self) -> tuple[Phase, ...]:
        """Reconstruct, critic, encoder fools: all three read real rows."""
        betas = (0.5, 0.99)
        critic = Update(("critic",), latent_critic(encoded), True, lr=self.lr, betas=betas)
        fool = Update(("encoder",), latent_fool(encoded), True, lr=self.lr, betas=betas)
        rebuild = self.parts.phases()[0].updates
        return (Phase((*rebuild, critic, fool), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """The parts' with a critic; held-out rows are watched by how well they are rebuilt."""
        job = self.parts.job(space, rows)
        job.modules["critic"] = mlp(self.latent, self.width, 1)
        return replace(job, phases=self.phases())

    drawer, settle = autoencoding.drawer, autoencoding.settle
    fit = fit_network


load = partial(load_network, kind=Aae)
