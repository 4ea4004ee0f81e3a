"""An autoencoder of images whose painter is sharpened: its networks, phases and priors.

The flow over latents is learnt before the duel, so that the critic sees what will be drawn and not
only what is painted again: a painter that was sharpened on other latents gains less.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from medsynai.codec.image import Frame
from medsynai.errors import PlanError
from medsynai.learn.condition import EvenedClass
from medsynai.learn.core import Batch, Modules, PerRow, Phase, Update
from medsynai.learn.image_looks import look_at_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import relativistic, zero_centred
from medsynai.learn.losses.images import encoded_image, painted_elbo, repainted
from medsynai.learn.losses.velocity import velocity
from medsynai.learn.nets.conv import Canvas, Critic, Painter
from medsynai.learn.nets.latent import Velocity
from medsynai.learn.painting import Painted, coders, filmed, fit_prior
from medsynai.learn.paths import Path
from medsynai.learn.priors import ByClass
from medsynai.seeds import Seeds

FEW = 500  # train images below which mixtures draw the latents
BETAS = (0.0, 0.9)  # of Adam in the duel
PENALTY = 0.1  # weight of the critic's squared slopes
HIDDEN = 256  # of the flow's layers
PHASES = ("autoencoder", "flow", "duel")


class Drawn(nn.Module):
    """What will be drawn: noise along the flow, then painted; no gradient reaches the flow."""

    def __init__(self, path: Path, painter: Painter) -> None:
        super().__init__()
        self.path, self.painter = path, painter

    def forward(
        self, noise: Float[Tensor, "b n"], asked: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b pixels"]:
        """Pixels of these classes."""
        with torch.no_grad():
            z = self.path.carried(noise[:, : self.path.width], asked[:, 0])
        pixels: Tensor = self.painter(z, asked)
        return pixels


class Either(nn.Module):
    """Mixtures for few images, the flow for many.

    Attributes:
        flows: which of the two draws.
    """

    flows: Tensor

    def __init__(self, mixtures: ByClass, path: Path) -> None:
        super().__init__()
        self.mixtures, self.path = mixtures, path
        self.register_buffer("flows", torch.tensor(False))

    def draw(self, labels: Float[Tensor, " n"], generator: torch.Generator) -> Tensor:
        """A latent for each label."""
        return self._source.draw(labels, generator)

    def between(
        self, labels: Float[Tensor, " n"], steps: int, generator: torch.Generator
    ) -> Tensor:
        """See `medsynai.learn.priors.Normal.between`."""
        return self._source.between(labels, steps, generator)

    @property
    def _source(self) -> Path | ByClass:
        return self.path if bool(self.flows) else self.mixtures


@dataclass(frozen=True)
class Sharpened:
    """The networks; see `medsynai.models.image_hybrid.ImageHybrid` for each part."""

    latent: int
    width: int
    components: int
    hops: int
    pace: Pace

    def job(self, frame: Frame, phases: tuple[Phase, ...]) -> Job:
        """Encoder, decoder, flow, and critic against what is drawn."""
        canvas, modules = Canvas.of(frame, self.width), coders(self, frame)
        path, painter = self._path(frame), modules["decoder"]
        assert isinstance(painter, Painter)
        modules.update(
            {
                "net": path.net,
                "generator": Drawn(path, painter),
                "critic": Critic(canvas, patches=True),
            }
        )
        looks, sizes = look_at_images(canvas), (modules, phases, 2 * self.latent + 1, self.pace)
        film = filmed("generator", self.latent, canvas)
        return Job(*sizes, asking=EvenedClass(), monitor=looks, paints=film)

    def drawer(self, frame: Frame) -> Painted:
        """The painter, mixtures and flow; the encoder and the critic are never kept."""
        painter = Painter(Canvas.of(frame, self.width), self.latent)
        mixtures = ByClass(self.latent, self.components, len(frame.classes))
        return Painted(painter, Either(mixtures, self._path(frame)))

    def _path(self, frame: Frame) -> Path:
        return Path(Velocity(self.latent, HIDDEN, len(frame.classes)), self.latent, self.hops)


def phases(beta: float, keep: float, lr: float, rounds: tuple[int, int, int]) -> tuple[Phase, ...]:
    """The autoencoder; the flow over its latents; critic and painter, which keeps to the images."""

    def kept(modules: Modules, batch: Batch) -> PerRow:
        return keep * repainted(modules, batch)

    paint = Update(("encoder", "decoder"), painted_elbo(beta), True, lr=lr)
    flow = Update(("net",), velocity(encoded_image), True, lr=lr)
    duel, slopes = relativistic(), zero_centred(PENALTY)
    critic = Update(("critic",), duel.critic, True, 1, lr, BETAS, slopes, 4)
    sharpen = Update(("decoder",), duel.generator, False, 1, lr / 2, BETAS)
    sharpen = sharpen.beside(kept, reads_real=True)
    updates = ((paint,), (flow,), (critic, sharpen))
    pairs = zip(updates, rounds, strict=True)
    return tuple(Phase(mine, count) for mine, count in pairs if count)


def check_rounds(model: str, rounds: tuple[int, ...]) -> None:
    """Refuse rounds that are not three, or leave the autoencoder or the flow out.

    Raises:
        PlanError: as said.
    """
    if len(rounds) != len(PHASES) or min(rounds[:2]) < 1 or rounds[2] < 0:
        raise PlanError(f"{model}: rounds are three numbers, of {', '.join(PHASES)}")


def settle(drawer: Painted, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
    """Take painter and flow over, and fit the mixtures where there are few images."""
    drawer.painter.load_state_dict(modules["decoder"].state_dict())
    drawer.prior.path.net.load_state_dict(modules["net"].state_dict())
    drawer.prior.flows.fill_(len(rows) >= FEW)
    if len(rows) < FEW:
        fit_prior(drawer.prior.mixtures, modules["encoder"], rows, seeds)
