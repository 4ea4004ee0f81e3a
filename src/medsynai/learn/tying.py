"""What a generative adversarial network of tied columns is put together from."""

from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.learn.core import Modules, Phase
from medsynai.learn.job import Job, Pace
from medsynai.learn.latent import LatentDrawer
from medsynai.learn.losses.moments import Moments
from medsynai.learn.monitor import look_at_generator
from medsynai.learn.nets.coder import Decoder, autoencoder
from medsynai.learn.nets.player import Shape, TableCritic
from medsynai.learn.nets.tied import TiedGenerator
from medsynai.learn.priors import Mixture
from medsynai.seeds import Seeds

NARROW = 180  # codes of a table up to which all rounds are run
STEEP = 1.25  # how much faster than the codes rise the rounds of a wider one fall


class Tied(Protocol):
    """Settings of such a model: the three functions below are then its methods."""

    @property
    def latent(self) -> int:
        """Numbers that a row is made of."""
        ...

    @property
    def width(self) -> int:
        """Of the hidden layers."""
        ...

    @property
    def ties(self) -> int:
        """Numbers through which a column is told of those before it."""
        ...

    @property
    def pack(self) -> int:
        """Rows that the critic scores together."""
        ...

    @property
    def pace(self) -> Pace:
        """How it is trained."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """What is trained when."""
        ...


def job(settings: Tied, space: Space, rows: Tensor) -> Job:
    """A generator, an encoder for its decoder, a critic, and what pairs of columns are to be.

    The generator starts from the columns' own shares. The duel has fewer rounds the more codes the
    table has, each of which makes a round longer; on wide tables the warm start does most.
    """
    modules = autoencoder(space, settings.width, settings.latent, settings.ties, rows)
    decoder: Any = modules["decoder"]
    modules["generator"] = TiedGenerator(space, decoder, settings.latent)
    modules["critic"] = TableCritic(space, Shape(settings.width), settings.pack)
    modules["moments"] = Moments(space, rows)
    share = min(1.0, NARROW / max(1, space.cells.width)) ** STEEP
    *before, duel = settings.phases()
    phases = (*before, replace(duel, rounds=max(1, round(share * duel.rounds))))
    noise = settings.latent + len(space.cells)
    return Job(modules, phases, noise, settings.pace, monitor=look_at_generator)


def drawer(settings: Tied, space: Space) -> LatentDrawer:
    """The generator's decoder, from standard normal noise: a critic is never kept."""
    decoder = Decoder(space, settings.width, settings.latent, settings.ties)
    return LatentDrawer(space, decoder, Mixture(settings.latent, 0))


def settle(
    settings: Tied, drawer: LatentDrawer, modules: Modules, rows: Tensor, seeds: Seeds
) -> None:
    """Take the trained decoder over, and set every column's shares to the rows'."""
    generator: Any = modules["generator"]
    drawer.decoder.load_state_dict(generator.decoder.state_dict())
    random = torch.Generator().manual_seed(seeds.of("settle").integer())
    with torch.no_grad():
        drawer.set_levels(rows, random)
