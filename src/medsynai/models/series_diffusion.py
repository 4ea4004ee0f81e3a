"""A flow over series: noise carried along a learnt velocity until it is a series of a class.

Liu, Gong and Liu 2023, Flow straight and fast; Lipman et al. 2023, Flow matching for generative
modeling, of which the paths of diffusion models are a case. It runs on whitened components.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from torch import Tensor

from medsynai.codec.series import SeriesFrame
from medsynai.generator import check_settings
from medsynai.learn.components import ComponentPath, scores
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.velocity import velocity
from medsynai.learn.nets.components import Components, Velocity
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.series import fit_series, load_series
from medsynai.seeds import Seeds

PACE = Pace(batch=128, check=200, patience=5, average=0.999, fade=0.3)


@dataclass(frozen=True)
class SeriesDiffusion:
    """Settings of the flow; all public.

    Attributes:
        components: principal components that the network works on; the others are normal.
        per_component: train series that stand behind a component at least.
        width, layers: of the network.
        hops: steps of a draw.
        steps, lr, pace: how it is trained.
    """

    components: int = 128
    per_component: int = 4
    width: int = 128
    layers: int = 3
    hops: int = 32
    steps: int = 20000
    lr: float = 2e-3
    pace: Pace = PACE
    name: ClassVar[str] = "series-diffusion"

    def __post_init__(self) -> None:
        least = {"components": 1, "per_component": 1, "width": 1, "layers": 0, "hops": 2}
        check_settings(self.name, self, least | {"steps": 1, "lr": 0})

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real series."""
        return (Phase((Update(("net",), velocity(scores), True, lr=self.lr),), self.steps),)

    def job(self, frame: SeriesFrame, rows: Tensor) -> Job:
        """One network; held-out series are watched by the same loss."""
        path = self.drawer(frame)
        basis = path.basis.learn(rows[:, :-1], self.per_component)
        parts = modules_of(net=path.path.net, basis=basis)
        return Job(parts, self.phases(), basis.count + 1, self.pace, velocity(scores))

    def drawer(self, frame: SeriesFrame) -> ComponentPath:
        """The network, the flow along it, and what turns scores into series."""
        basis = Components(frame.width, self.components)
        net = Velocity(basis.count, len(frame.classes), self.width, self.layers)
        return ComponentPath(net, basis, self.hops)

    def settle(self, drawer: Any, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over."""
        drawer.settle(modules)

    fit = fit_series


load = partial(load_series, kind=SeriesDiffusion)
