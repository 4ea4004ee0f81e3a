"""A GAN of series after DoppelGANger: attributes first, then steps in batches.

Lin et al. 2020, Using GANs for sharing networked time series data; penalty: Gulrajani et al. 2017.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from torch import Tensor

from medsynai.codec.series import SeriesFrame
from medsynai.generator import check_settings
from medsynai.learn.condition import OwnClass
from medsynai.learn.core import Phase, Update
from medsynai.learn.image_looks import look_at_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import gradient_penalty, wasserstein
from medsynai.learn.nets.conv import Canvas
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.nets.recurrent import InBatches, WithAttributes
from medsynai.learn.painting import POINT, Painted, settle_generator
from medsynai.learn.priors import Normal
from medsynai.learn.series import fit_series, load_series

PACE = Pace(batch=128, check=100, patience=10, average=0.998, clip=100.0)
BETAS = (0.5, 0.9)  # of Adam


@dataclass(frozen=True)
class DoppelGanger:
    """Settings of the GAN; all public.

    Attributes:
        latent: numbers of noise of the attributes, and of each batch of steps.
        width, batch: of hidden layers; steps that the recurrence gives at a time.
        critics: steps of the critic for each of the generator.
        penalty: weight of the squared distance of the critic's slope from 1.
        steps, lr, pace: how it is trained.
    """

    latent: int = 8
    width: int = 128
    batch: int = 6
    critics: int = 3
    penalty: float = 10.0
    steps: int = 6000
    lr: float = 5e-4
    pace: Pace = PACE
    name: ClassVar[str] = "doppelganger"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "batch", "critics", "steps"), 1)
        check_settings(self.name, self, least | {"penalty": 0, "lr": 0})

    def phases(self) -> tuple[Phase, ...]:
        """The critic some steps, then the generator; only the critic reads real series."""
        duel, slope = wasserstein(), gradient_penalty(self.penalty)
        critic = Update(("critic",), duel.critic, True, self.critics, self.lr, BETAS, slope)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        return (Phase((critic, fool), self.steps),)

    def job(self, frame: SeriesFrame, rows: Tensor) -> Job:
        """Both players, asked for the classes of the batch's own series."""
        maker, critic = self.drawer(frame).painter, WithAttributes(frame, self.width)
        looks, noise = look_at_images(Canvas.of(frame, 1)), maker.noise + POINT
        players = modules_of(generator=maker, critic=critic)
        return Job(players, self.phases(), noise, self.pace, asking=OwnClass(), monitor=looks)

    def drawer(self, frame: SeriesFrame) -> Any:
        """The generator: a critic never is kept."""
        maker = InBatches(frame, self.latent, self.width, self.batch)
        return Painted(maker, Normal(maker.noise))

    fit, settle = fit_series, settle_generator


load = partial(load_series, kind=DoppelGanger)
