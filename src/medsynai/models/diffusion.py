"""Noise turned into rows along a learnt flow, levels through shares and numbers through ranks.

Lipman et al. 2023, Flow matching for generative modeling, in the variational form of Eijkelboom
et al. 2024; the setting is that of Kotelnikov et al. 2023, TabDDPM.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from medsynai.codec.spaces import Space, check_space
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.latent import LatentDrawer
from medsynai.learn.losses.matching import matching
from medsynai.learn.nets.denoiser import Denoiser
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.priors import Flow
from medsynai.seeds import Seeds

PACE = Pace(batch=128, check=250, patience=4, average=0.999)


@dataclass(frozen=True)
class Diffusion:
    """Settings of the flow; all public.

    Attributes:
        width, layers: of the hidden layers, and how many.
        hops: Euler steps of a draw.
        space: what the network sees of a code; see `medsynai.codec.spaces`.
        bins: about how many bins a number has at most: the lattice that it returns on.
        steps, lr, pace: how it is trained.
    """

    width: int = 256
    layers: int = 3
    hops: int = 40
    space: str = "quantile"
    bins: int = 200
    steps: int = 5000
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
        return Job(modules_of(net=net), self.phases(), net.width + 1, self.pace, matching())

    def drawer(self, space: Space) -> LatentDrawer:
        """The network, and the flow that it is the velocity of."""
        return LatentDrawer(space, self._net(space), Flow(self.hops))

    def settle(self, drawer: LatentDrawer, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over; set ranks and levels to those of the rows."""
        generator = torch.Generator().manual_seed(seeds.of("settle").integer())
        with torch.no_grad():
            drawer.decoder.load_state_dict(modules["net"].state_dict())
            drawer.prior.fit(drawer.decoder, drawer.space, rows, generator)
            drawer.set_levels(rows, generator)

    def _net(self, space: Space) -> Denoiser:
        return Denoiser(space, self.width, self.layers, 1 - 1 / self.hops)

    fit = fit_network


load = partial(load_network, kind=Diffusion)
