"""A small modern GAN of images that paints from drafts: paired loss, penalised slopes, averages.

Huang et al. 2024, The GAN is dead; long live the GAN (R3GAN); Denton et al. 2015, Deep generative
image models using a Laplacian pyramid of adversarial networks (drafts); Zhao et al. 2020,
Differentiable augmentation for data-efficient GAN training.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.image import Frame
from medsynai.generator import check_settings
from medsynai.learn import drafting
from medsynai.learn.core import Phase
from medsynai.learn.drafting import Artist, Studio, fit_drafted, settle_artist
from medsynai.learn.images import load_images
from medsynai.learn.job import Job, Pace

PACE = Pace(batch=32, check=200, patience=1000, average=0.998, fade=0.3, clip=100.0)


@dataclass(frozen=True)
class ImageGan:
    """Settings of the generative adversarial network; all public.

    Attributes:
        components: of the pixels, that a draft is made of.
        width: channels at the finest grid, of both players; see `learn.nets.conv`.
        hops: steps of a draft along its flow.
        penalty: weight of the critic's squared slopes (R1 + R2), worked out every 4th round.
        changes: the critic is shown brighter, moved and holed images, real and synthetic alike.
        rounds: of the flow alone, and of flow, critic and painter, at most.
        lr: learning rate of all three.
        pace: how it is trained.
    """

    components: int = 96
    width: int = 24
    hops: int = 8
    penalty: float = 0.1
    changes: bool = True
    rounds: tuple[int, int] = (2000, 4000)
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "image-gan"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("components", "width"), 1) | {"hops": 2}
        check_settings(self.name, self, least | {"penalty": 0, "lr": 0})
        drafting.check_rounds(self.name, self.rounds)

    @property
    def parts(self) -> Studio:
        """What these settings put together."""
        return Studio(self.components, self.width, self.hops, self.pace)

    def phases(self) -> tuple[Phase, ...]:
        """The flow, which reads real images' components; the critic, which reads; the painter."""
        return drafting.phases(self.penalty, self.lr, self.rounds)

    def job(self, frame: Frame, rows: Tensor) -> Job:
        """All three, and the components of these rows; the critic sees changes."""
        return self.parts.job(frame, rows, self.phases(), self.changes)

    def drawer(self, frame: Frame) -> Artist:
        """Components, flow and painter."""
        return self.parts.artist(frame)

    fit, settle = fit_drafted, settle_artist


load = partial(load_images, kind=ImageGan)
