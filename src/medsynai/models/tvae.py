"""The TVAE of Xu et al. 2019, Modeling tabular data using conditional GAN, section 4.4.

Numbers as a mode and a place in it, with a normal's likelihood; the reconstruction counts twice,
which is a divergence of half the weight; a standard normal prior. `vae` is what came of it.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from medsynai.generator import check_settings
from medsynai.learn import autoencoding
from medsynai.learn.autoencoding import Autoencoder
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Pace

PACE = Pace(batch=500)


@dataclass(frozen=True)
class Tvae:
    """Settings of the TVAE; all public.

    Attributes:
        latent: numbers that a row is squeezed into.
        width: of the hidden layers.
        factor: weight of the reconstruction.
        bins: about how many bins a number has at most: the lattice that it returns on.
        steps: gradient steps at most.
        lr: learning rate.
        pace: how it is trained.
    """

    latent: int = 128
    width: int = 128
    factor: float = 2.0
    bins: int = 200
    steps: int = 2400
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "tvae"
    space: ClassVar[str] = "modes"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 1, "factor": 1e-6, "bins": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least)

    @property
    def parts(self) -> Autoencoder:
        """What these settings put together."""
        beta = 1 / self.factor
        return Autoencoder(self.latent, self.width, beta, self.steps, self.lr, self.pace)

    phases, job = autoencoding.phases, autoencoding.job
    drawer, settle = autoencoding.drawer, autoencoding.settle
    fit = fit_network


load = partial(load_network, kind=Tvae)
