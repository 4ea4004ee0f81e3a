"""A Wasserstein GAN of images with a gradient penalty.

Arjovsky, Chintala and Bottou 2017, Wasserstein GAN (the distance); Gulrajani et al. 2017, Improved
training of Wasserstein GANs (the penalty); told the class as in `dcgan`.
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
from medsynai.learn.losses.adversarial import gradient_penalty, wasserstein
from medsynai.learn.painting import Players

PACE = Pace(batch=32, check=100, patience=10, average=0.998, clip=100.0)
BETAS = (0.0, 0.9)  # of Adam, as published


@dataclass(frozen=True)
class ImageWganGp:
    """Settings of the Wasserstein network; all public.

    Attributes:
        latent: numbers that an image is made of.
        width: channels at the finest grid, of both players; see `learn.nets.conv`.
        critics: steps of the critic for each of the generator.
        penalty: weight of the squared distance of the critic's slope from 1.
        steps: rounds at most.
        lr: learning rate of both.
        pace: how it is trained.
    """

    latent: int = 64
    width: int = 32
    critics: int = 3
    penalty: float = 10.0
    steps: int = 2000
    lr: float = 1e-4
    pace: Pace = PACE
    name: ClassVar[str] = "image-wgan-gp"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "critics", "steps"), 1)
        check_settings(self.name, self, least | {"penalty": 0, "lr": 0})

    def phases(self) -> tuple[Phase, ...]:
        """The critic some steps, then the generator; only the critic reads real images."""
        duel, slope = wasserstein(), gradient_penalty(self.penalty)
        critic = Update(("critic",), duel.critic, True, self.critics, self.lr, BETAS, slope)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        return (Phase((critic, fool), self.steps),)

    def job(self, frame: Frame) -> Job:
        """Both players."""
        return Players(self.latent, self.width, self.pace, self.phases()).job(frame)

    drawer, settle = painting.generator, painting.settle_generator
    fit = fit_images


load = partial(load_images, kind=ImageWganGp)
