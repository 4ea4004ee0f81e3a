"""What every model of two players shares: the networks, and settings that must fit each other."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.errors import PlanError
from medsynai.learn.core import Loss, Modules, Phase, Update
from medsynai.learn.generated import GeneratedDrawer
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import packed, relativistic, zero_centred
from medsynai.learn.losses.moments import Moments, match_pairs
from medsynai.learn.monitor import look_at_generator
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.nets.player import Shape, TableCritic, TableGenerator
from medsynai.seeds import Seeds

BETAS = (0.5, 0.9)  # of Adam: a short memory, as the other player moves on
RAREST = 1e-4  # share that an unseen cell's logit starts from


def players(space: Space, latent: int, shape: Shape, pack: int, rows: Tensor) -> Modules:
    """A straight-through generator that starts from the cells' shares, and its critic."""
    generator = TableGenerator(space, latent, shape)
    begin_at_shares(generator, rows)
    return modules_of(generator=generator, critic=TableCritic(space, shape, pack))


def begin_at_shares(generator: TableGenerator, rows: Tensor) -> None:
    """Every row starts from the logarithms of the cells' shares."""
    cells = generator.board.view(rows)[:, : generator.board.cells.width]
    generator.usual.copy_(torch.log(cells.mean(0) + RAREST))


def at_once(loss: Loss, lr: float, rounds: int) -> tuple[Phase, ...]:
    """One step for both players, down a loss in which the critic's gradient is turned round."""
    return (Phase((Update(("critic", "generator"), loss, True, 1, lr, BETAS),), rounds),)


@dataclass(frozen=True)
class Pair:
    """A generator of columns independent given the noise, and its critic; see `gan` for each part.

    Attributes:
        latent, width, pack, penalty, match, steps, lr, pace: as those of `medsynai.models.gan.Gan`.
    """

    latent: int
    width: int
    pack: int
    penalty: float
    match: float
    steps: int
    lr: float
    pace: Pace

    def phases(self) -> tuple[Phase, ...]:
        """Critic, then generator; the generator reads shares of real rows if pairs are matched."""
        duel, slopes = relativistic(), zero_centred(self.penalty)
        critic = Update(("critic",), duel.critic, True, 1, 2 * self.lr, BETAS, slopes, 4)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        if self.match:
            fool = fool.beside(match_pairs(self.match), reads_real=True)
        return (Phase((packed(critic, self.pack), fool), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Both players; the generator starts from the columns' own shares."""
        modules = players(space, self.latent, Shape(self.width), self.pack, rows)
        modules["moments"] = Moments(space, rows)
        noise = self.latent + len(space.cells)
        return Job(modules, self.phases(), noise, self.pace, monitor=look_at_generator)


class Sized(Protocol):
    """Settings of a model of two players: the two functions below are then its methods."""

    @property
    def latent(self) -> int:
        """Numbers that a row is made of."""
        ...

    @property
    def width(self) -> int:
        """Of the hidden layers."""
        ...


def drawer(settings: Sized, space: Space) -> GeneratedDrawer:
    """The generator alone: a critic is never kept."""
    return GeneratedDrawer(TableGenerator(space, settings.latent, Shape(settings.width)))


def settle(
    settings: Sized, drawer: GeneratedDrawer, modules: Modules, rows: Tensor, seeds: Seeds
) -> None:
    """Take the trained generator over, and set every column's shares to the rows'."""
    drawer.take(modules, rows, seeds)


def check_pack(model: str, pack: int, pace: Pace) -> None:
    """Refuse a batch that does not fall into packs.

    Raises:
        PlanError: what must be changed.
    """
    if pace.batch % pack:
        raise PlanError(f"{model}: pace.batch must be a multiple of pack ({pack})")
