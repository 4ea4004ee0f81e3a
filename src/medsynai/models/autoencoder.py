"""A variational autoencoder of coded rows, with a prior fitted to where its rows lie.

Kingma and Welling 2014, Auto-encoding variational Bayes. A small weight of the divergence keeps
more of each row; the prior is then a mixture of Gaussians fitted to draws of the posteriors (Ghosh
et al. 2020, From variational to deterministic autoencoders, section 4, ex-post density estimation).
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

PACE = Pace(patience=2)


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
        grades: whether the decoder reads and answers numbers by their grades as well as by their
            bins; without ties, or in another space, there are none.
        components: Gaussians of the prior; 0: the standard normal.
        space: what the networks see of a code; see `medsynai.codec.spaces`.
        bins: about how many bins a number has at most.
        steps: gradient steps at most.
        lr: learning rate.
        pace: how it is trained.
    """

    latent: int = 32
    width: int = 192
    beta: float = 1.0
    drop: float = 0.1
    ties: int = 64
    grades: bool = True
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
        check_space(self.name, self.space)

    @property
    def parts(self) -> Autoencoder:
        """What these settings put together."""
        dials = self.latent, self.width, self.beta, self.steps, self.lr, self.pace
        graded = self.grades and self.ties > 0 and self.space == "bins"
        return Autoencoder(*dials, self.drop, self.ties, self.components, graded)

    phases, job = autoencoding.phases, autoencoding.job
    drawer, settle = autoencoding.drawer, autoencoding.settle
    fit = fit_network


load = partial(load_network, kind=Vae)
