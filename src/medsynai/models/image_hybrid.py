"""A convolutional autoencoder whose painter is sharpened by a critic, and a flow over its latents.

Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric (VAE and GAN in
one); Rombach et al. 2022, High-resolution image synthesis with latent diffusion models (a path over
latents); Isola et al. 2017, Image-to-image translation (a critic of patches).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.image import Frame
from medsynai.generator import check_settings
from medsynai.learn import sharpening
from medsynai.learn.core import Modules, Phase
from medsynai.learn.images import fit_images, load_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.painting import Painted
from medsynai.learn.sharpening import Sharpened
from medsynai.seeds import Seeds

PACE = Pace(batch=64, check=200, patience=1000, average=0.995, clip=100.0)


@dataclass(frozen=True)
class ImageHybrid:
    """Settings of the hybrid; all public.

    Attributes:
        latent, width: numbers of an image; channels at the finest grid, see `learn.nets.conv`.
        beta: weight of the divergence.
        keep: weight of the image painted again, beside the critic's word, while it is sharpened.
        components: Gaussians of a class at most, for sets of fewer than 500 train images.
        hops: steps of a draw along the flow, for others.
        rounds, lr, pace: of autoencoder, flow, and critic and painter; how they are trained.
    """

    latent: int = 64
    width: int = 32
    beta: float = 0.5
    keep: float = 2.0
    components: int = 10
    hops: int = 16
    rounds: tuple[int, int, int] = (1500, 1500, 2000)
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "image-hybrid"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "components", "hops"), 1)
        check_settings(self.name, self, least | dict.fromkeys(("beta", "keep", "lr"), 0))
        sharpening.check_rounds(self.name, self.rounds)

    @property
    def parts(self) -> Sharpened:
        """What these settings put together."""
        return Sharpened(self.latent, self.width, self.components, self.hops, self.pace)

    def phases(self) -> tuple[Phase, ...]:
        """Autoencoder, then flow, then critic against painter; all but the flow's draws read."""
        return sharpening.phases(self.beta, self.keep, self.lr, self.rounds)

    def job(self, frame: Frame) -> Job:
        """All of the networks."""
        return self.parts.job(frame, self.phases())

    def drawer(self, frame: Frame) -> Painted:
        """The painter and both kinds of prior."""
        return self.parts.drawer(frame)

    def settle(self, drawer: Painted, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take painter and flow over; fit the mixtures."""
        sharpening.settle(drawer, modules, rows, seeds)

    fit = fit_images


load = partial(load_images, kind=ImageHybrid)
