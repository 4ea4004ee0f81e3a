"""A convolutional variational autoencoder of images, with a mixture a class for its latents.

Kingma and Welling 2014, Auto-encoding variational Bayes; `beta` above one is the beta-VAE of
Higgins et al. 2017; the prior is fitted to where the images lie (Ghosh et al. 2020, section 4).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.image import Frame
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.images import fit_images, load_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.images import painted_elbo
from medsynai.learn.nets.conv import Canvas, Painter
from medsynai.learn.painting import Painted, coders, filmed, fit_prior
from medsynai.learn.priors import ByClass
from medsynai.seeds import Seeds

PACE = Pace(batch=64, check=100, patience=6, average=0.99, fade=0.3)


@dataclass(frozen=True)
class ImageVae:
    """Settings of the autoencoder; all public.

    Attributes:
        latent: numbers that an image is squeezed into.
        width: channels at the finest grid; see `learn.nets.conv`.
        beta: weight of the divergence; more is smoother and safer, less is nearer to the images.
        components: Gaussians of a class at most.
        steps, lr, pace: how it is trained.
    """

    latent: int = 64
    width: int = 32
    beta: float = 1.0
    components: int = 10
    steps: int = 3000
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "image-vae"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "components", "steps"), 1)
        check_settings(self.name, self, least | {"beta": 0, "lr": 0})

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real images."""
        update = Update(("encoder", "decoder"), painted_elbo(self.beta), True, lr=self.lr)
        return (Phase((update,), self.steps),)

    def job(self, frame: Frame) -> Job:
        """Encoder and decoder; held-out images are watched by the same loss."""
        watched, film = painted_elbo(self.beta), filmed("decoder", self.latent, self._canvas(frame))
        sizes = coders(self, frame), self.phases(), self.latent, self.pace
        return Job(*sizes, watched, paints=film)

    def drawer(self, frame: Frame) -> Painted:
        """The decoder and a mixture for each class."""
        painter = Painter(self._canvas(frame), self.latent)
        return Painted(painter, ByClass(self.latent, self.components, len(frame.classes)))

    def settle(self, drawer: Painted, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the decoder over, and fit the mixtures."""
        drawer.painter.load_state_dict(modules["decoder"].state_dict())
        fit_prior(drawer.prior, modules["encoder"], rows, seeds)

    def _canvas(self, frame: Frame) -> Canvas:
        return Canvas.of(frame, self.width)

    fit = fit_images


load = partial(load_images, kind=ImageVae)
