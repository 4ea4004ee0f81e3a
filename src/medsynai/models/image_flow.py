"""A flow over pixels: noise carried along a learnt velocity until it is an image of a class.

Liu, Gong and Liu 2023, Flow straight and fast: learning to generate and transfer data with
rectified flow; Lipman et al. 2023, Flow matching for generative modeling.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from medsynai.codec.image import Frame
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.film import paints
from medsynai.learn.images import load_images
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.velocity import velocity
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.nets.unet import UNet
from medsynai.learn.paths import Path
from medsynai.learn.private_images import fit_either
from medsynai.seeds import Seeds

PACE = Pace(batch=32, check=200, patience=6, average=0.999, fade=0.3, behind=430)


@dataclass(frozen=True)
class ImageFlow:
    """Settings of the flow; all public.

    Attributes:
        width, levels: of the network; see `learn.nets.unet`.
        hops: steps of a draw.
        steps, lr, pace: how it is trained.
    """

    width: int = 32
    levels: int = 2
    hops: int = 8
    steps: int = 20_000
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "image-flow"

    def __post_init__(self) -> None:
        least = {"width": 1, "levels": 1, "hops": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least)

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real images."""
        return (Phase((Update(("net",), velocity(), True, lr=self.lr),), self.steps),)

    def job(self, frame: Frame) -> Job:
        """One network; held-out images are watched by the same loss."""
        net = modules_of(net=self._net(frame))
        sizes = net, self.phases(), frame.width + 1, self.pace
        film = paints(partial(_along, self.hops), frame.width, len(frame.classes))
        return Job(*sizes, velocity(), paints=film)

    def drawer(self, frame: Frame) -> nn.Module:
        """The network and the flow along it."""
        return Path(self._net(frame), frame.width, self.hops)

    def settle(self, drawer: Path, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over."""
        drawer.net.load_state_dict(modules["net"].state_dict())

    def _net(self, frame: Frame) -> UNet:
        return UNet(frame.channels, frame.space, len(frame.classes), self.width, self.levels)

    fit = fit_either


def _along(hops: int, modules: Modules, noise: Tensor, labels: Tensor) -> Tensor:
    return Path(modules["net"], noise.shape[1], hops).carried(noise, labels)


load = partial(load_images, kind=ImageFlow)
