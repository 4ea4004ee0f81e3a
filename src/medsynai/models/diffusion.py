"""Noise turned into rows along a learnt flow, levels through shares and numbers through ranks.

Lipman et al. 2023, Flow matching for generative modeling, in the variational form of Eijkelboom
et al. 2024; the setting is that of Kotelnikov et al. 2023, TabDDPM.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space, check_space
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.latent import LatentDrawer, flown
from medsynai.learn.losses.matching import matching
from medsynai.learn.monitor import look_at_marginals
from medsynai.learn.nets.denoiser import Denoiser
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.priors import Flow
from medsynai.seeds import Seeds

PACE = Pace(batch=128, check=250, patience=4, average=0.999, fade=0.5)


@dataclass(frozen=True)
class Diffusion:
    """Settings of the flow; all public.

    Attributes:
        width, layers, hops: of the hidden layers, how many, and Euler steps of a draw.
        space, bins: what the network sees of a code, and about how fine numbers' lattice is.
        steps, lr, pace: how it is trained.
    """

    width: int = 256
    layers: int = 3
    hops: int = 40
    space: str = "quantile"
    bins: int = 200
    steps: int = 5400
    lr: float = 3e-3
    pace: Pace = PACE
    name: ClassVar[str] = "diffusion"

    def __post_init__(self) -> None:
        least = {"width": 1, "layers": 1, "hops": 2, "bins": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least)
        check_space(self.name, self.space)

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real rows."""
        return (Phase((Update(("net",), matching(), True, lr=self.lr),), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """One network; held-out rows are watched by the same loss."""
        net = self._net(space)
        net.usual.copy_(net.sight.usual(rows))
        look = look_at_marginals(flown(space, Flow(self.hops)), space.codes, rows)
        noise = net.width + 1
        return Job(modules_of(net=net), self.phases(), noise, self.pace, matching(), monitor=look)

    def drawer(self, space: Space) -> LatentDrawer:
        """The network, and the flow that it is the velocity of."""
        return LatentDrawer(space, self._net(space), Flow(self.hops))

    def settle(self, drawer: LatentDrawer, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over; set ranks and levels to those of the rows."""
        drawer.take(modules["net"], drawer.decoder, rows, seeds)

    def _net(self, space: Space) -> Denoiser:
        return Denoiser(space, self.width, self.layers, 1 - 1 / self.hops)

    fit = fit_network


load = partial(load_network, kind=Diffusion)
