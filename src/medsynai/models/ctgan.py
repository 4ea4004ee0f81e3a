"""CTGAN: rows that are asked for a level, levels asked for by the log of their frequency.

Xu et al. 2019, Modeling tabular data using conditional GAN.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.generator import check_settings
from medsynai.learn.condition import by_level
from medsynai.learn.core import Modules, Phase
from medsynai.learn.dueling import at_once, check_pack
from medsynai.learn.fitted import fit_network, load_network, shorten
from medsynai.learn.generated import GeneratedDrawer
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.conditional import matched
from medsynai.learn.monitor import look_at_generator
from medsynai.learn.nets.ctgan import CtganGenerator, players
from medsynai.seeds import Seeds

PACE = Pace(batch=500, check=100, held=0.0, average=0.999, fade=0.5, clip=1e3)  # to the last round


@dataclass(frozen=True)
class Ctgan:
    """Settings of CTGAN; all public.

    Attributes:
        latent, width, pack: numbers that a row is made of; of hidden layers; rows a score.
        penalty, match: weights of the critic's slope, and of drawing what was asked.
        bins: about how many bins a number has at most: the lattice that it returns on.
        epochs, steps: passes over whole batches of rows; rounds at most, however many there are.
        lr, pace: learning rate of both; how it is trained.
    """

    latent: int = 128
    width: int = 256
    pack: int = 2
    penalty: float = 10.0
    match: float = 1.0
    bins: int = 200
    epochs: int = 300
    steps: int = 30_000
    lr: float = 2e-3
    pace: Pace = PACE
    name: ClassVar[str] = "ctgan"
    space: ClassVar[str] = "modes"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 1, "pack": 1, "penalty": 0, "match": 0, "bins": 2}
        check_settings(self.name, self, least | {"epochs": 1, "steps": 1, "lr": 0})
        check_pack(self.name, self.pack, self.pace)

    def phases(self) -> tuple[Phase, ...]:
        """Critic and generator at once, in an update that reads real rows."""
        return at_once(matched(self.penalty, self.match), self.lr, self.steps)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Both players, for `epochs` passes; how many rows each level has is counted here."""
        nets, noise = players(space, self.latent, self.width, self.pack)
        asking, whole = by_level(space, rows), max(1, len(rows) // self.pace.batch)
        job = Job(nets, self.phases(), noise, self.pace, asking=asking, monitor=look_at_generator)
        return shorten(replace(job, brisk=True), whole * self.pace.batch, self.epochs)

    def drawer(self, space: Space) -> GeneratedDrawer:
        """The generator alone: a critic is never kept."""
        return GeneratedDrawer(CtganGenerator(space, self.latent, self.width))

    def settle(self, drawer: GeneratedDrawer, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the generator over, and set every column's shares to the rows'."""
        drawer.take(modules, rows, seeds, by_level(drawer.generator.board.space, rows))

    fit = fit_network


load = partial(load_network, kind=Ctgan)
