"""TimeVAE: a variational autoencoder of series, whose decoder adds a trend, a season and a rest.

Desai, Freeman, Wang and Beaver 2021, TimeVAE: a variational auto-encoder for multivariate time
series generation; the prior is fitted to where the series lie (Ghosh et al. 2020, section 4).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.series import SeriesFrame
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.images import painted_elbo
from medsynai.learn.nets.conv import Canvas, Reader
from medsynai.learn.nets.curves import Curves
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.painting import Painted, fit_prior
from medsynai.learn.priors import ByClass
from medsynai.learn.series import fit_series, load_series
from medsynai.seeds import Seeds

PACE = Pace(batch=64, check=100, patience=6, average=0.99, fade=0.3)


@dataclass(frozen=True)
class TimeVae:
    """Settings of TimeVAE; all public.

    Attributes:
        latent: numbers that a series is squeezed into.
        width: channels at the finest grid; see `learn.nets.conv`.
        trend, harmonics: highest power of time, and periods in a series; see `learn.nets.curves`.
        beta, components: weight of the divergence, and Gaussians of a class at most.
        steps, lr, pace: how it is trained.
    """

    latent: int = 16
    width: int = 24
    trend: int = 2
    harmonics: int = 4
    beta: float = 1.0
    components: int = 10
    steps: int = 5000
    lr: float = 2e-3
    pace: Pace = PACE
    name: ClassVar[str] = "timevae"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "components", "steps"), 1)
        check_settings(self.name, self, least | {"trend": 0, "harmonics": 0, "beta": 0, "lr": 0})

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real series."""
        both, loss = ("encoder", "decoder"), painted_elbo(self.beta)
        return (Phase((Update(both, loss, True, lr=self.lr),), self.steps),)

    def job(self, frame: SeriesFrame, rows: Tensor) -> Job:
        """Encoder and decoder; held-out series are watched by the same loss."""
        reader = Reader(Canvas.of(frame, self.width), self.latent)
        coders = modules_of(encoder=reader, decoder=self.drawer(frame).painter)
        return Job(coders, self.phases(), self.latent, self.pace, painted_elbo(self.beta))

    def drawer(self, frame: SeriesFrame) -> Painted:
        """The decoder and a mixture for each class."""
        curves = Curves(Canvas.of(frame, self.width), self.latent, self.trend, self.harmonics)
        return Painted(curves, ByClass(self.latent, self.components, len(frame.classes)))

    def settle(self, drawer: Painted, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the decoder over, and fit the mixtures."""
        drawer.painter.load_state_dict(modules["decoder"].state_dict())
        fit_prior(drawer.prior, modules["encoder"], rows, seeds)

    fit = fit_series


load = partial(load_series, kind=TimeVae)
