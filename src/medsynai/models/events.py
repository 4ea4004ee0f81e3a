"""Events step by step from a small recurrent net, ahead of it a table model of the patients.

Cho et al. 2014, Learning phrase representations using RNN encoder-decoder for statistical machine
translation (the gated recurrent unit); Larochelle and Murray 2011, The neural autoregressive
distribution estimator (what happens at one time).
"""

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from medsynai.codec.steps import StepCodec
from medsynai.errors import PlanError
from medsynai.generator import check_settings
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.events import load_events
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.events import in_parts, likelihood
from medsynai.learn.nets.events import EventNet
from medsynai.learn.private_events import fit_either
from medsynai.models.aim import Aim
from medsynai.models.catalog import open_model
from medsynai.models.refined import Refined

FOREST = {"bins": 100, "linear": 6, "alike": 4}
PACE = Pace(batch=32, check=60, patience=4, average=0.99, fade=0.5)


@dataclass(frozen=True)
class Events:
    """Settings of the net; all public.

    Attributes:
        width, memory: of its layers, and of the recurrent unit's state.
        least: train patients behind a token, a bin, and a number that is drawn as it is.
        bins, gaps: about how many bins a token's numbers, and times between steps, have at most.
        lives: the refined forest that draws what is told of a patient once. Mean, least and
            greatest of the same numbers tell little more than one of them.
        paid, told: what draws it under a budget, and its share of epsilon.
        steps, lr, pace: how it is trained; a batch is of patients.
    """

    width: int = 128
    memory: int = 64
    least: int = 3
    bins: int = 60
    gaps: int = 200
    lives: Refined = field(default_factory=partial(Refined, "forest", FOREST, pool=8, drawn=5))
    paid: Aim = field(default_factory=Aim)
    told: float = 0.4
    steps: int = 480
    lr: float = 3e-3
    pace: Pace = PACE
    name: ClassVar[str] = "events"

    def __post_init__(self) -> None:
        least = {"width": 2, "memory": 1, "least": 1, "bins": 2, "gaps": 2, "steps": 1, "lr": 0}
        check_settings(self.name, self, least)
        if not 0 < self.told < 1:
            raise PlanError("events: told is a share of epsilon, between 0 and 1")

    def phases(self) -> tuple[Phase, ...]:
        """One update, which reads real patients."""
        return (Phase((Update(("net",), likelihood, True, lr=self.lr),), self.steps),)

    def net(self, codec: StepCodec) -> EventNet:
        """The network, without values yet."""
        return EventNet(codec, self.width, self.memory)

    def job(self, modules: Modules) -> Job:
        """One network; held-out patients are watched by the same loss."""
        return Job(modules, self.phases(), 0, self.pace, in_parts)

    fit = fit_either


load = partial(load_events, kind=Events, lives=open_model)
