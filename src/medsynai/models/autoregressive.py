"""Columns drawn one after another by one network that knows any of them in any order.

Uria, Murray and Larochelle 2014, A deep and tractable density estimator.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.likelihood import any_order, leaning
from medsynai.learn.monitor import look_at_marginals
from medsynai.learn.nets.anyorder import AnyOrder
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.sequence import SequenceDrawer, blank
from medsynai.seeds import Seeds

PACE = Pace(batch=128, patience=3)


@dataclass(frozen=True)
class Autoregressive:
    """Settings of the autoregressive network; all public.

    Attributes:
        width, blocks: of the hidden layers, and how many residual blocks.
        natural: share of the rows trained in the columns' own order; the others begin with
            columns picked at random, as a condition would.
        smooth: how much of a number's target goes to the bins beside it, at most.
        grades, bins: whether numbers have grades beside their bins, and how many bins at most.
        steps, lr, pace: how it is trained.
    """

    width: int = 96
    blocks: int = 2
    natural: float = 0.5
    smooth: float = 0.5
    grades: bool = True
    bins: int = 60
    steps: int = 1500
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "autoregressive"
    space: ClassVar[str] = "bins"

    def __post_init__(self) -> None:
        least = {"width": 1, "blocks": 0, "bins": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least, ("natural", "smooth"))

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real rows."""
        return (Phase((Update(("net",), any_order(self.natural), True, lr=self.lr),), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """One network; held-out rows are watched in the columns' own order, as they are."""
        layout, net = space.codes, self.drawer(space).net
        net.prepare(rows)
        net.lean.copy_(leaning(layout, rows, self.smooth))
        nets, noise, watched = modules_of(net=net), len(layout) + 2, any_order(1.0, lean=False)
        look = look_at_marginals(blank, layout, rows)
        return Job(nets, self.phases(), noise, self.pace, watched, monitor=look)

    def drawer(self, space: Space) -> SequenceDrawer:
        """The network itself."""
        return SequenceDrawer(AnyOrder(space.codes, self.width, self.blocks, self.grades))

    def settle(self, drawer: SequenceDrawer, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over."""
        drawer.net.load_state_dict(modules["net"].state_dict())

    fit = fit_network


load = partial(load_network, kind=Autoregressive)
