"""tableGAN: a classifier keeps rows consistent, and the critic's features agree in the mean.

Park et al. 2018, Data synthesis based on generative adversarial networks.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.generator import check_settings
from medsynai.learn import dueling
from medsynai.learn.core import Phase, Update
from medsynai.learn.dueling import BETAS, players
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import goodfellow
from medsynai.learn.losses.tabular import information, miss_fake, miss_real
from medsynai.learn.monitor import look_at_generator
from medsynai.learn.nets.player import OutcomeGuesser, Shape

PACE = Pace(check=200, patience=8, average=0.999, fade=0.5, clip=100.0)


@dataclass(frozen=True)
class TableGan:
    """Settings of tableGAN; all public.

    Attributes:
        latent: numbers that a row is made of.
        width: of the hidden layers, of generator, critic and classifier.
        slack: how far apart the features' means and spreads may lie: more keeps further away.
        bins: about how many bins a number has at most: the lattice that it returns on.
        steps: rounds of the three at most.
        lr: learning rate.
        pace: how it is trained.
    """

    latent: int = 100
    width: int = 128
    slack: float = 0.0
    bins: int = 200
    steps: int = 4000
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "tablegan"
    space: ClassVar[str] = "ordinal"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 1, "slack": 0, "bins": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least)

    def phases(self) -> tuple[Phase, ...]:
        """Critic, classifier and generator, which reads the features' means of real rows."""
        duel = goodfellow()
        critic = Update(("critic",), duel.critic, True, 1, self.lr, BETAS)
        classifier = Update(("classifier",), miss_real, True, 1, self.lr, BETAS)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS).beside(miss_fake)
        informed = fool.beside(information(self.slack), reads_real=True)
        return (Phase((critic, classifier, informed), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Both players and the classifier."""
        shape = Shape(self.width)
        modules = players(space, self.latent, shape, 1, rows)
        modules["classifier"] = OutcomeGuesser(space, shape)
        noise = self.latent + len(space.cells)
        return Job(modules, self.phases(), noise, self.pace, monitor=look_at_generator)

    drawer, settle = dueling.drawer, dueling.settle
    fit = fit_network


load = partial(load_network, kind=TableGan)
