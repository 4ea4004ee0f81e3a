"""A deep convolutional GAN of images: one network for all classes, or one a class.

Radford, Metz and Chintala 2016, Unsupervised representation learning with deep convolutional GANs;
one a class as in Frid-Adar et al. 2018, GAN-based synthetic medical image augmentation; the penalty
is that of Mescheder, Geiger and Nowozin 2018.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from medsynai.codec.image import Frame
from medsynai.generator import check_settings
from medsynai.learn import painting
from medsynai.learn.core import Phase, Update
from medsynai.learn.images import fit_images, load_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import goodfellow, zero_centred
from medsynai.learn.painting import Painted, Players

PACE = Pace(batch=64, check=200, patience=10, average=0.998, clip=100.0)
BETAS = (0.5, 0.999)  # of Adam, as published


@dataclass(frozen=True)
class Dcgan:
    """Settings of the deep convolutional GAN; all public.

    Attributes:
        latent: numbers that an image is made of.
        width: channels at the finest grid, of both players; see `learn.nets.conv`.
        apart: a generator and a critic for each class, in place of telling both the class.
        penalty: weight of the critic's squared slopes, worked out every 8th round; 0: as published.
        steps: rounds of critic and generator at most.
        lr: learning rate of both.
        pace: how it is trained.
    """

    latent: int = 64
    width: int = 32
    apart: bool = False
    penalty: float = 0.1
    steps: int = 4000
    lr: float = 2e-4
    pace: Pace = PACE
    name: ClassVar[str] = "dcgan"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "steps"), 1) | {"penalty": 0, "lr": 0}
        check_settings(self.name, self, least)

    def phases(self) -> tuple[Phase, ...]:
        """Critic, which reads real images, then generator, which does not."""
        duel, slopes = goodfellow(), zero_centred(self.penalty) if self.penalty else None
        critic = Update(("critic",), duel.critic, True, 1, self.lr, BETAS, slopes, 8)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        return (Phase((critic, fool), self.steps),)

    def job(self, frame: Frame) -> Job:
        """Both players."""
        sizes = self.latent, self.width, self.pace, self.phases()
        return Players(*sizes, apart=self.apart).job(frame)

    def drawer(self, frame: Frame) -> Painted:
        """The generator alone."""
        return painting.generator(self, frame, self.apart)

    settle = painting.settle_generator
    fit = fit_images


load = partial(load_images, kind=Dcgan)
