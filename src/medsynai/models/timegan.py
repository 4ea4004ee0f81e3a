"""TimeGAN: embed series, learn to go on by one step, then play in the embedded space.

Yoon, Jarrett and van der Schaar 2019, Time-series generative adversarial networks.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.series import SeriesFrame
from medsynai.generator import check_settings
from medsynai.learn.condition import OwnClass
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.timegan import fool, joint_embedding, judge, rebuild, supervise
from medsynai.learn.monitor import look_at_critic
from medsynai.learn.nets.mlp import modules_of
from medsynai.learn.nets.recurrent import Chain, Embedder, Recurrent
from medsynai.learn.painting import Painted
from medsynai.learn.priors import Normal
from medsynai.learn.series import fit_series, load_series
from medsynai.seeds import Seeds

PACE = Pace(batch=128, check=200, held=0.0, average=0.99)


@dataclass(frozen=True)
class TimeGan:
    """Settings of TimeGAN; all public.

    Attributes:
        units, layers, latent: of every recurrence; numbers of noise a step.
        steps, lr, pace: how it is trained; `steps` are rounds of each of the three phases.
    """

    units: int = 24
    layers: int = 2
    latent: int = 8
    steps: int = 2000
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "timegan"

    def __post_init__(self) -> None:
        check_settings(self.name, self, dict.fromkeys(("units", "layers", "latent", "steps"), 1))

    def phases(self) -> tuple[Phase, ...]:
        """Embed, supervise, joint; every update reads real series, as published."""
        embed = Update(("embedder", "recovery"), rebuild, True, lr=self.lr)
        go_on = Update(("supervisor",), supervise, True, lr=self.lr)
        maker = Update(("generator", "supervisor"), fool(), True, 2, self.lr)
        coder = Update(embed.trains, joint_embedding, True, 2, self.lr)
        critic = Update(("critic",), judge(), True, lr=self.lr)
        return tuple(Phase(x, self.steps) for x in ((embed,), (go_on,), (maker, coder, critic)))

    def job(self, frame: SeriesFrame, rows: Tensor) -> Job:
        """Five networks, asked for the classes of the batch's own series."""
        size = self.units, self.layers
        critic = Recurrent(self.units, 1, len(frame.classes), *size)
        parts = modules_of(embedder=Embedder(frame, *size), critic=critic)
        parts.update(dict(self.drawer(frame).painter.named_children()))
        noise, looks = self.latent * frame.steps, look_at_critic
        return Job(parts, self.phases(), noise, self.pace, asking=OwnClass(), monitor=looks)

    def drawer(self, frame: SeriesFrame) -> Painted:
        """Generator, supervisor and recovery; neither critic nor embedder is kept."""
        chain = Chain(frame, self.latent, self.units, self.layers)
        return Painted(chain, Normal(self.latent * frame.steps))

    def settle(self, drawer: Painted, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over."""
        for name, part in drawer.painter.named_children():
            part.load_state_dict(modules[name].state_dict())

    fit = fit_series


load = partial(load_series, kind=TimeGan)
