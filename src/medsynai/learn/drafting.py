"""A painter that works from drafts: what a GAN of few rounds need not find out by itself.

What is large in an image, its leading principal components, is drawn along a flow that is learnt in
seconds and covers what there is. The painter adds what components leave out, and can change nothing
else: so it cannot collapse onto part of the images, and the critic's word goes into detail.

Denton et al. 2015, Deep generative image models using a Laplacian pyramid of adversarial networks
(a network for what is coarse, others for detail); Bahat and Michaeli 2020, Explorable super
resolution, section 3 (detail is projected off what was given, so that it stays as it is).
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.image import Frame
from medsynai.data.images import ImageSet
from medsynai.errors import PlanError
from medsynai.generator import SEEDS
from medsynai.learn.condition import EvenedClass
from medsynai.learn.core import Batch, Modules, Phase, Update
from medsynai.learn.image_looks import look_at_images
from medsynai.learn.images import FittedImageNetwork, fit_framed
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import relativistic, zero_centred
from medsynai.learn.losses.images import shown_changed
from medsynai.learn.losses.velocity import velocity
from medsynai.learn.nets import augment
from medsynai.learn.nets.conv import Canvas, Critic
from medsynai.learn.nets.latent import Velocity
from medsynai.learn.nets.mlp import modules_of, quiet
from medsynai.learn.nets.unet import UNet
from medsynai.learn.painting import filmed, through
from medsynai.learn.paths import Path, arc
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

PHASES = ("flow", "duel")
BETAS = (0.0, 0.9)  # of Adam in the duel: the other player moves on
OFTEN, HIDDEN = 8, 256  # paths of the flow a real image and round; its layers' width
PER_COMPONENT = 4  # train images that stand behind a component at least
SPARE, TURNS = 10, 4  # directions beyond the components, and turns, of the search for them
LEVELS = 1  # of the U-Net: what is large is not its work
FLAT = 1e-6  # spread of a component below which it says nothing
Pixels = Float[Tensor, "n pixels"]
Scores = Float[Tensor, "n components"]


class Draft(nn.Module):
    """Principal components of the pixels, whitened, and how far pixels lie from them.

    Until `fit` its axes are zero; where there are fewer than it has room for, the others stay so.

    Attributes:
        middle: (pixels,) the mean image.
        axes: (components, pixels) of length 1.
        spread: (components,) of the scores.
        rest: (pixels,) spread of what the components leave out.
    """

    middle: Tensor
    axes: Tensor
    spread: Tensor
    rest: Tensor

    def __init__(self, components: int, pixels: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(pixels))
        self.register_buffer("axes", torch.zeros(components, pixels))
        self.register_buffer("spread", torch.ones(components))
        self.register_buffer("rest", torch.zeros(pixels))

    @torch.no_grad()
    def fit(self, rows: Pixels, generator: torch.Generator) -> "Draft":
        """Learn the components of these images.

        Halko, Martinsson and Tropp 2011, Finding structure with randomness, algorithms 4.4 and 5.1.
        """
        most = min(len(self.axes), len(rows) // PER_COMPONENT, rows.shape[1])
        self.middle.copy_(rows.mean(0))
        apart = rows - self.middle
        span = torch.randn(rows.shape[1], most + SPARE, generator=generator)
        for _ in range(TURNS):
            span = torch.linalg.qr(apart.T @ torch.linalg.qr(apart @ span).Q).Q
        values, vectors = torch.linalg.svd(apart @ span, full_matrices=False)[1:]
        found = values[:most] / len(rows) ** 0.5
        self.spread[:most] = found.clamp_min(FLAT)
        self.axes[:most] = (vectors @ span.T)[:most] * (found > FLAT)[:, None]
        self.rest.copy_(self.beside(apart).std(0, correction=0))
        return self

    def scores(self, rows: Pixels) -> Scores:
        """Where images lie along the components, of variance 1 each."""
        return (rows - self.middle) @ self.axes.T / self.spread

    def image(self, scores: Scores) -> Pixels:
        """The images that components alone make."""
        return self.middle + (scores * self.spread) @ self.axes

    def beside(self, detail: Pixels) -> Pixels:
        """The part of a difference of images that no component sees."""
        return detail - (detail @ self.axes.T) @ self.axes


class Artist(nn.Module):
    """A draft along the flow, rough with noise where components are silent, painted anew.

    No gradient reaches the flow.

    Attributes:
        noise: numbers that an image is made of.
    """

    def __init__(self, canvas: Canvas, components: int, hops: int) -> None:
        super().__init__()
        sizes = canvas.channels, canvas.space, canvas.classes, canvas.width, LEVELS
        self.draft, self.painter = Draft(components, canvas.pixels), UNet(*sizes)
        quiet(self.painter.last)  # it begins with the noise that components leave out
        self.path = Path(Velocity(components, HIDDEN, canvas.classes), components, hops)
        self.noise = components + canvas.pixels

    def forward(
        self, noise: Float[Tensor, "b n"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b pixels"]:
        """Pixels of these classes."""
        draft, label, width = self.draft, asked[:, 0], self.path.width
        with torch.no_grad():
            sketch = draft.image(self.path.carried(noise[:, :width], label))
            rough = sketch + draft.beside(noise[:, width : self.noise] * draft.rest)
        detail: Tensor = self.painter(rough, torch.zeros_like(label), label)
        return rough + draft.beside(detail)

    def draw(
        self, labels: Float[Tensor, " n"], generator: torch.Generator
    ) -> Float[Tensor, "n pixels"]:
        """Pixels of images of these classes."""
        pixels: Tensor = self(self._noise(len(labels), generator), labels[:, None])
        return pixels

    def between(
        self, labels: Float[Tensor, " n"], steps: int, generator: torch.Generator
    ) -> Float[Tensor, "n*steps pixels"]:
        """For each class `steps` images on the way from one draw to another."""
        one, two = (self._noise(len(labels), generator) for _ in range(2))
        pixels: Tensor = self(arc(one, two, steps), labels.repeat_interleave(steps)[:, None])
        return pixels

    def _noise(self, n: int, generator: torch.Generator) -> Float[Tensor, "n noise"]:
        return torch.randn(n, self.noise, generator=generator)


@dataclass(frozen=True)
class Studio:
    """The networks; see `medsynai.models.image_gan.ImageGan` for each part."""

    components: int
    width: int
    hops: int
    pace: Pace

    def artist(self, frame: Frame) -> Artist:
        """Components, flow and painter: all that is kept."""
        return Artist(Canvas.of(frame, self.width), self.components, self.hops)

    def job(self, frame: Frame, rows: Tensor, phases: tuple[Phase, ...], changes: bool) -> Job:
        """Flow, painter and critic, and the components of these rows."""
        canvas, artist = Canvas.of(frame, self.width), self.artist(frame)
        artist.draft.fit(rows[:, :-1], torch.Generator().manual_seed(0))
        parts = {"net": artist.path.net, "painter": artist.painter, "generator": artist}
        modules = modules_of(**parts, critic=Critic(canvas, patches=True))
        noise = artist.noise + augment.numbers(canvas)
        noise = max(noise, OFTEN * (self.components + 1))
        if changes:
            phases = through(shown_changed(canvas, artist.noise), phases)
        looks, film = look_at_images(canvas), filmed("generator", artist.noise, canvas)
        sizes = modules, phases, noise, self.pace
        return Job(*sizes, asking=EvenedClass(), monitor=looks, paints=film)


def phases(penalty: float, lr: float, rounds: tuple[int, int]) -> tuple[Phase, ...]:
    """The flow over components; then flow, critic and painter in turn."""
    duel, slopes = relativistic(), zero_centred(penalty)
    flow = Update(("net",), velocity(components, OFTEN), True, 1, lr)
    critic = Update(("critic",), duel.critic, True, 1, lr, BETAS, slopes, 4)
    paint = Update(("painter",), duel.generator, False, 1, lr, BETAS)
    return Phase((flow,), rounds[0]), Phase((flow, critic, paint), rounds[1])


def check_rounds(model: str, rounds: tuple[int, ...]) -> None:
    """Refuse rounds that are not two, or none of the flow or of the duel.

    Raises:
        PlanError: as said.
    """
    if len(rounds) != len(PHASES) or min(rounds) < 1:
        raise PlanError(f"{model}: rounds are two numbers, of {' and '.join(PHASES)}")


def components(modules: Modules, batch: Batch) -> Scores:
    """Of the real images: where the flow's paths end."""
    artist: Artist = modules["generator"]  # type: ignore[assignment]
    return artist.draft.scores(batch.real[:, :-1])


def fit_drafted(
    settings: Any, images: ImageSet, ledger: Ledger | None = None, seeds: Seeds = SEEDS
) -> FittedImageNetwork:
    """Train a composition whose job looks at the train rows; see `learn.images.fit_images`.

    Raises:
        ModelError: no images, a class of too few patients, or training that failed.
        PlanError: a budget too small to train in.
    """
    return fit_framed(settings, images, settings.job, ledger, seeds)


def settle_artist(
    settings: Any, drawer: Artist, modules: Modules, rows: Tensor, seeds: Seeds
) -> None:
    """Take components and trained weights over."""
    drawer.load_state_dict(modules["generator"].state_dict())
