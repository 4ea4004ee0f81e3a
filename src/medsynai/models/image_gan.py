"""A small modern GAN of images: paired loss, penalised slopes, critics shown changes, mean weights.

Huang et al. 2024, The GAN is dead; long live the GAN (R3GAN); Zhao et al. 2020, Differentiable
augmentation for data-efficient GAN training; Miyato and Koyama 2018, cGANs with projection
discriminator.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from medsynai.codec.image import Frame
from medsynai.generator import check_settings
from medsynai.learn import painting
from medsynai.learn.core import Phase, Update
from medsynai.learn.images import fit_images, load_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import relativistic, zero_centred
from medsynai.learn.losses.images import shown_changed
from medsynai.learn.nets.conv import Canvas
from medsynai.learn.painting import Players

PACE = Pace(batch=32, check=200, patience=10, average=0.998, fade=0.3, clip=100.0)
BETAS = (0.0, 0.9)  # of Adam: the other player moves on


@dataclass(frozen=True)
class ImageGan:
    """Settings of the generative adversarial network; all public.

    Attributes:
        latent: numbers that an image is made of.
        width: channels at the finest grid, of both players; see `learn.nets.conv`.
        penalty: weight of the critic's squared slopes (R1 + R2), worked out every 4th round.
        changes: the critic is shown brighter, moved and holed images, real and synthetic alike.
        steps: rounds of critic and generator at most.
        lr: learning rate of both.
        pace: how it is trained.
    """

    latent: int = 64
    width: int = 32
    penalty: float = 0.1
    changes: bool = True
    steps: int = 6000
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "image-gan"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "steps"), 1) | {"penalty": 0, "lr": 0}
        check_settings(self.name, self, least)

    def phases(self) -> tuple[Phase, ...]:
        """Critic, which reads real images, then generator, which does not."""
        duel, slopes = relativistic(), zero_centred(self.penalty)
        critic = Update(("critic",), duel.critic, True, 1, self.lr, BETAS, slopes, 4)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        return (Phase((critic, fool), self.steps),)

    def job(self, frame: Frame) -> Job:
        """Both players; the critic sees changes."""
        plain = Players(self.latent, self.width, self.pace, self.phases()).job(frame)
        shown = shown_changed(Canvas.of(frame, self.width), self.latent)
        changed = replace(plain, phases=painting.through(shown, plain.phases))
        return changed if self.changes else plain

    drawer, settle = painting.generator, painting.settle_generator
    fit = fit_images


load = partial(load_images, kind=ImageGan)
