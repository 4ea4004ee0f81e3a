"""PATE-GAN: a generator whose critic is a student of sealed teachers.

Jordon, Yoon and van der Schaar 2019, PATE-GAN: generating synthetic data with differential privacy
guarantees, algorithm 1. Votes are paid for whatever they turn out to be.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.bought import budget_of
from medsynai.codec.spaces import Space
from medsynai.data.table import Table
from medsynai.generator import SEEDS, check_settings
from medsynai.learn import dueling
from medsynai.learn.core import Phase, Update
from medsynai.learn.fitted import FittedNetwork, fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import goodfellow, voted
from medsynai.learn.nets.player import Shape
from medsynai.learn.voting import Voting
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

PACE = Pace(average=0.95, clip=100.0)


@dataclass(frozen=True)
class PateGan:
    """Settings of PATE-GAN; all public.

    Attributes:
        latent, width: numbers that a row is made of; units of a hidden layer of every network.
        teachers, votes: critics with patients of their own; rows that they vote on in a step.
        lessons, students: steps of a teacher before it votes; of the student for the generator's.
        bins, steps, lr, pace: bins of a number at most; rounds, rate of all networks, training.
    """

    latent: int = 16
    width: int = 64
    teachers: int = 100
    votes: int = 32
    lessons: int = 1
    students: int = 1
    bins: int = 10
    steps: int = 50
    lr: float = 0.01
    pace: Pace = PACE
    name: ClassVar[str] = "pategan"
    space: ClassVar[str] = "bins"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "votes", "lessons", "students", "steps"), 1)
        check_settings(self.name, self, least | {"teachers": 2, "bins": 2, "lr": 0})

    def phases(self) -> tuple[Phase, ...]:
        """Student, by votes on its rows; then generator, by the student."""
        student = Update(("critic",), voted, True, self.students, self.lr, dueling.BETAS)
        fool = Update(("generator",), goodfellow().generator, False, 1, self.lr, dueling.BETAS)
        return (Phase((student, fool), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Generator and student; the generator starts from the columns' own shares."""
        modules = dueling.players(space, self.latent, Shape(self.width), 1, rows)
        return Job(modules, self.phases(), self.latent + len(space.cells), self.pace)

    def fit(
        self, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> FittedNetwork:
        """Learn from train rows under the ledger's budget; see `fit_network`."""
        budget_of(ledger, self.name)
        way = Voting(1.0, self.teachers, self.votes, self.lessons, lr=self.lr)
        return fit_network(self, table, ledger, seeds, way=way)

    drawer, settle = dueling.drawer, dueling.settle


load = partial(load_network, kind=PateGan)
