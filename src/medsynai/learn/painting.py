"""What every model of images with a painter is put together from: drawing, players, coders."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.image import Frame
from medsynai.learn.condition import EvenedClass
from medsynai.learn.core import Loss, Modules, Phase, Update
from medsynai.learn.film import Paints, paints
from medsynai.learn.image_looks import look_at_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.nets import augment
from medsynai.learn.nets.conv import Canvas, Critic, Painter, Reader
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.priors import ByClass, Normal
from medsynai.seeds import Seeds

POINT = 1  # number of noise beyond the others: where between two images a slope is taken


class Painted(nn.Module):
    """A painter and where its latents come from: all that is kept to draw with."""

    def __init__(self, painter: nn.Module, prior: nn.Module) -> None:
        super().__init__()
        source: Any = prior
        self.painter, self.prior = painter, source

    def draw(
        self, labels: Float[Tensor, " n"], generator: torch.Generator
    ) -> Float[Tensor, "n pixels"]:
        """Pixels of images of these classes."""
        z = self.prior.draw(labels, generator)
        pixels: Tensor = self.painter(z, labels[:, None])
        return pixels

    def between(
        self, labels: Float[Tensor, " n"], steps: int, generator: torch.Generator
    ) -> Float[Tensor, "n*steps pixels"]:
        """For each class `steps` images on the way from one latent to another."""
        z = self.prior.between(labels, steps, generator)
        pixels: Tensor = self.painter(z, labels.repeat_interleave(steps)[:, None])
        return pixels


class PerClass(nn.Module):
    """A network for each class: each row goes through its own class's alone."""

    def __init__(self, parts: Iterable[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(
        self, rows: Float[Tensor, "b n"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b ..."]:
        """What each row's network makes of it."""
        label = asked[:, 0].nan_to_num().long()
        order = torch.argsort(label, stable=True)
        sizes = torch.bincount(label, minlength=len(self.parts)).tolist()
        split = (torch.split(x[order], sizes) for x in (rows, asked))
        mine = zip(self.parts, *split, strict=True)
        made = torch.cat([part(x, y) for part, x, y in mine if len(x)])
        return made[torch.argsort(order)]

    def view(self, real: Float[Tensor, "b row"]) -> Float[Tensor, "b pixels"]:
        """See `Critic.view`."""
        return real[:, :-1]


class Sized(Protocol):
    """Settings of a model with a painter."""

    @property
    def latent(self) -> int:
        """Numbers that an image is made of."""
        ...

    @property
    def width(self) -> int:
        """Channels at the finest grid."""
        ...

    @property
    def pace(self) -> Pace:
        """How it is trained."""
        ...


@dataclass(frozen=True)
class Players:
    """A generator against a critic of images.

    Attributes:
        latent, width, pace: as in the settings.
        phases: what is trained when.
        guesses: the critic guesses the class, in place of being told.
        apart: two players for each class.
    """

    latent: int
    width: int
    pace: Pace
    phases: tuple[Phase, ...]
    guesses: bool = False
    apart: bool = False

    def job(self, frame: Frame) -> Job:
        """Both players, asked for the classes of the batch's own images."""
        canvas = Canvas.of(frame, self.width)
        paint, judge = partial(Painter, canvas, self.latent), partial(Critic, canvas, self.guesses)
        painter, critic = (_one_or_each(x, canvas, self.apart) for x in (paint, judge))
        players = modules_of(generator=painter, critic=critic)
        noise = self.latent + augment.numbers(canvas) + POINT
        looks, film = look_at_images(canvas), filmed("generator", self.latent, canvas)
        sizes = players, self.phases, noise, self.pace
        return Job(*sizes, asking=EvenedClass(), monitor=looks, paints=film)


def filmed(name: str, latent: int, canvas: Canvas) -> Paints:
    """What a painter of this name paints from the same latents at every look."""

    def paint(modules: Modules, z: Tensor, labels: Tensor) -> Tensor:
        pixels: Tensor = modules[name](z, labels[:, None])
        return pixels

    return paints(paint, latent, canvas.classes)


def _one_or_each(make: Callable[[], nn.Module], canvas: Canvas, apart: bool) -> nn.Module:
    return PerClass(make() for _ in range(canvas.classes)) if apart else make()


def generator(settings: Sized, frame: Frame, apart: bool = False) -> Painted:
    """What is kept of two players: a critic never is."""
    canvas = Canvas.of(frame, settings.width)
    painter = _one_or_each(partial(Painter, canvas, settings.latent), canvas, apart)
    return Painted(painter, Normal(settings.latent))


def settle_generator(
    settings: Sized, drawer: Painted, modules: Modules, rows: Tensor, seeds: Seeds
) -> None:
    """Take the trained generator over."""
    drawer.painter.load_state_dict(modules["generator"].state_dict())


def through(wrap: Callable[[Loss], Loss], phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """The same phases, every loss and penalty wrapped."""

    def wrapped(update: Update) -> Update:
        penalty = None if update.penalty is None else wrap(update.penalty)
        return replace(update, loss=wrap(update.loss), penalty=penalty)

    return tuple(replace(p, updates=tuple(map(wrapped, p.updates))) for p in phases)


def coders(settings: Sized, frame: Frame) -> Modules:
    """An encoder and a decoder."""
    canvas = Canvas.of(frame, settings.width)
    return modules_of(
        encoder=Reader(canvas, settings.latent), decoder=Painter(canvas, settings.latent)
    )


def fit_prior(prior: ByClass, encoder: nn.Module, rows: Tensor, seeds: Seeds) -> None:
    """Fit a mixture a class to a draw of each image's posterior (Ghosh et al. 2020, section 4)."""
    random = torch.Generator().manual_seed(seeds.integer())
    means, spreads = zip(*(encoder(part) for part in torch.split(rows, 512)), strict=True)
    mean, spread = torch.cat(means), torch.cat(spreads)
    z = mean + spread.exp() * torch.randn(mean.shape, generator=random)
    prior.fit(z, rows[:, -1], random)
