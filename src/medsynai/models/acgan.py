"""A GAN of images whose critic guesses the class as well, so that both players learn from it.

Odena, Olah and Shlens 2017, Conditional image synthesis with auxiliary classifier GANs; for medical
images Frid-Adar et al. 2018, GAN-based synthetic medical image augmentation, section 4.
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
from medsynai.learn.losses.adversarial import zero_centred
from medsynai.learn.losses.images import auxiliary
from medsynai.learn.painting import Players
from medsynai.models.dcgan import BETAS, Dcgan


@dataclass(frozen=True)
class Acgan:
    """Settings of the auxiliary classifier GAN; all public.

    Attributes:
        guess: weight of the classes guessed, beside real and synthetic told apart.
        latent, width, penalty, steps, lr, pace: as those of `medsynai.models.dcgan.Dcgan`.
    """

    guess: float = 1.0
    latent: int = Dcgan.latent
    width: int = Dcgan.width
    penalty: float = Dcgan.penalty
    steps: int = Dcgan.steps
    lr: float = Dcgan.lr
    pace: Pace = Dcgan.pace
    name: ClassVar[str] = "acgan"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "steps"), 1)
        check_settings(self.name, self, least | dict.fromkeys(("guess", "penalty", "lr"), 0))

    def phases(self) -> tuple[Phase, ...]:
        """Critic, which reads real images and their classes, then generator."""
        duel, slopes = auxiliary(self.guess), zero_centred(self.penalty) if self.penalty else None
        critic = Update(("critic",), duel.critic, True, 1, self.lr, BETAS, slopes, 8)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        return (Phase((critic, fool), self.steps),)

    def job(self, frame: Frame) -> Job:
        """Both players; the critic is not told the class."""
        sizes = self.latent, self.width, self.pace, self.phases()
        return Players(*sizes, guesses=True).job(frame)

    drawer, settle = painting.generator, painting.settle_generator
    fit = fit_images


load = partial(load_images, kind=Acgan)
