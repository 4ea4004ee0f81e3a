"""EMR-WGAN: no autoencoder; a Wasserstein critic with a penalty on its slope, layer norms.

Zhang et al. 2020, Ensuring electronic medical record simulation through better training, modeling,
and evaluation, J. Am. Med. Inform. Assoc. 27(1).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import nn

from medsynai.generator import check_settings
from medsynai.learn.codes import fit_codes, load_codes
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import gradient_penalty, wasserstein
from medsynai.learn.monitor import look_at_critic
from medsynai.learn.nets.codes import Critic, Decoder, Maker
from medsynai.learn.nets.mlp import modules_of

PACE = Pace(batch=256, held=0.0, average=0.998)


@dataclass(frozen=True)
class EmrWgan:
    """Settings of EMR-WGAN; all public.

    Attributes:
        latent: numbers that the generator starts from.
        width: of the hidden layers.
        blocks: of the generator, with shortcuts.
        critics: steps of the critic a round.
        steps: rounds.
        lr: learning rate.
        penalty: weight of the gradient penalty.
        pace: how it is trained.
    """

    latent: int = 128
    width: int = 256
    blocks: int = 3
    critics: int = 2
    steps: int = 5000
    lr: float = 5e-4
    penalty: float = 10.0
    pace: Pace = PACE
    name: ClassVar[str] = "emr-wgan"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 2, "blocks": 0, "critics": 1, "steps": 1, "lr": 0}
        check_settings(self.name, self, least | {"penalty": 0})

    def phases(self) -> tuple[Phase, ...]:
        """Critic and generator; only the critic reads real rows."""
        duel, betas, slope = wasserstein(), (0.0, 0.9), gradient_penalty(self.penalty)
        critic = Update(("critic",), duel.critic, True, self.critics, self.lr, betas, slope)
        maker = Update(("generator",), duel.generator, False, 1, self.lr, betas)
        return (Phase((critic, maker), self.steps),)

    def modules(self, codes: int) -> Modules:
        """A generator with a decoder of its own, and the critic."""
        decoder = Decoder(codes, self.width, self.latent)
        maker, critic = Maker(decoder, self.latent, self.blocks), Critic(codes, self.width)
        return modules_of(generator=maker, critic=critic)

    def job(self, modules: Modules, codes: int) -> Job:
        """A critic's loss says nothing of the rows, only whether it ran away."""
        noise = self.latent + codes + 1
        return Job(modules, self.phases(), noise, self.pace, monitor=look_at_critic)

    def draws(self, modules: Modules) -> nn.Module:
        """The generator."""
        return modules["generator"]

    fit = fit_codes


load = partial(load_codes, kind=EmrWgan)
