"""A Wasserstein generative adversarial network with a gradient penalty, of coded rows.

Arjovsky, Chintala and Bottou 2017, Wasserstein GAN (the distance); Gulrajani et al. 2017, Improved
training of Wasserstein GANs (the penalty in place of clipped weights).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space, check_space
from medsynai.generator import check_settings
from medsynai.learn import dueling
from medsynai.learn.core import Phase, Update
from medsynai.learn.dueling import players
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import gradient_penalty, wasserstein
from medsynai.learn.monitor import look_at_generator
from medsynai.learn.nets.player import Shape

PACE = Pace(check=200, patience=8, average=0.999, fade=0.5, clip=100.0)
BETAS = (0.0, 0.9)  # of Adam, as published
POINT = 1  # number of noise beyond the generator's: where between two rows the slope is taken


@dataclass(frozen=True)
class WganGp:
    """Settings of the Wasserstein network; all public.

    Attributes:
        latent: numbers that a row is made of.
        width: of the hidden layers, of generator and critic.
        critics: steps of the critic for each of the generator.
        penalty: weight of the squared distance of the critic's slope from 1.
        bins: about how many bins a number has at most.
        steps: rounds at most.
        lr: learning rate of both.
        pace: how it is trained.
        space: what the players see of a code; "modes": as CTGAN, without its conditions.
    """

    latent: int = 32
    width: int = 128
    critics: int = 5
    penalty: float = 10.0
    bins: int = 30
    steps: int = 2000
    lr: float = 1e-3
    pace: Pace = PACE
    space: str = "bins"
    name: ClassVar[str] = "wgan-gp"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 1, "critics": 1, "penalty": 0, "bins": 2, "steps": 1}
        check_settings(self.name, self, least | {"lr": 0}, ())
        check_space(self.name, self.space)

    def phases(self) -> tuple[Phase, ...]:
        """The critic some steps, then the generator; only the critic reads real rows."""
        duel, slope = wasserstein(), gradient_penalty(self.penalty)
        critic = Update(("critic",), duel.critic, True, self.critics, self.lr, BETAS, slope)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        return (Phase((critic, fool), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Both players; the generator starts from the columns' own shares."""
        modules = players(space, self.latent, Shape(self.width), 1, rows)
        noise = self.latent + len(space.cells) + POINT
        return Job(modules, self.phases(), noise, self.pace, monitor=look_at_generator)

    drawer, settle = dueling.drawer, dueling.settle
    fit = fit_network


load = partial(load_network, kind=WganGp)
