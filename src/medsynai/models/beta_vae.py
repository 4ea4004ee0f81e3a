"""The beta-VAE of Higgins et al. 2017, Learning basic visual concepts with a constrained framework.

A divergence that weighs more than one presses the latents to be few and independent, so that each
can be looked at as a factor; the prior is the standard normal that it presses towards.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from medsynai.codec.spaces import check_space
from medsynai.generator import check_settings
from medsynai.learn import autoencoding
from medsynai.learn.autoencoding import Autoencoder
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Pace

PACE = Pace()


@dataclass(frozen=True)
class BetaVae:
    """Settings of the beta-VAE; all public.

    Attributes:
        beta: weight of the divergence, above 1: more for fewer and cleaner factors.
        latent: factors at most; those that are not needed stay standard normal.
        width: of the hidden layers.
        space: what the networks see of a code; see `medsynai.codec.spaces`.
        bins: about how many bins a number has at most.
        steps: gradient steps at most.
        lr: learning rate.
        pace: how it is trained.
    """

    beta: float = 2.0
    latent: int = 16
    width: int = 192
    space: str = "bins"
    bins: int = 60
    steps: int = 1200
    lr: float = 2e-3
    pace: Pace = PACE
    name: ClassVar[str] = "beta-vae"

    def __post_init__(self) -> None:
        least = {"beta": 1, "latent": 1, "width": 1, "bins": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least)
        check_space(self.name, self.space)

    @property
    def parts(self) -> Autoencoder:
        """What these settings put together."""
        return Autoencoder(self.latent, self.width, self.beta, self.steps, self.lr, self.pace)

    phases, job = autoencoding.phases, autoencoding.job
    drawer, settle = autoencoding.drawer, autoencoding.settle
    fit = fit_network


load = partial(load_network, kind=BetaVae)
