"""medGAN: an autoencoder of codes is trained first, then a GAN whose generator ends in its decoder.

Choi et al. 2017, Generating multi-label discrete patient records using GANs.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import nn

from medsynai.generator import check_settings
from medsynai.learn.codes import fit_codes, load_codes
from medsynai.learn.core import Modules, Phase, Update, batchwise
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import goodfellow, zero_centred
from medsynai.learn.losses.codes import reconstruct
from medsynai.learn.monitor import look_at_critic
from medsynai.learn.nets.codes import Critic, Decoder, Encoder, Maker
from medsynai.learn.nets.mlp import modules_of

PACE = Pace(batch=256, held=0.0, average=0.998)


@dataclass(frozen=True)
class MedGan:
    """Settings of medGAN; all public.

    Attributes:
        latent: numbers that a row is squeezed into, and that the generator starts from.
        width: of the critic's and the autoencoder's hidden layers.
        blocks: of the generator, with shortcuts.
        warm: steps of the autoencoder alone.
        steps, lr: rounds of critic and generator, and the learning rate of both phases.
        penalty: weight of the penalty on the critic's slope.
        pace: how it is trained.
    """

    latent: int = 128
    width: int = 256
    blocks: int = 2
    warm: int = 1500
    steps: int = 4000
    lr: float = 5e-4
    penalty: float = 5.0
    pace: Pace = PACE
    name: ClassVar[str] = "medgan"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 2, "blocks": 0, "warm": 1, "steps": 1, "lr": 0, "penalty": 0}
        check_settings(self.name, self, least)

    def phases(self) -> tuple[Phase, ...]:
        """The autoencoder, then critic and generator; the first and the critic read real rows."""
        duel, mark = goodfellow(), batchwise("rows are scored beside the mean of their batch")
        warm = Update(("encoder", "decoder"), reconstruct, True, lr=2e-3)
        slope, betas = mark(zero_centred(self.penalty)), (0.5, 0.99)
        critic = Update(("critic",), mark(duel.critic), True, 1, self.lr, betas, slope, every=4)
        maker = Update(("generator",), mark(duel.generator), False, 1, self.lr, betas)
        return Phase((warm,), self.warm), Phase((critic, maker), self.steps)

    def modules(self, codes: int) -> Modules:
        """The decoder is part of the generator, which goes on training it."""
        encoder = Encoder(codes, self.width, self.latent)
        decoder = Decoder(codes, self.width, self.latent)
        maker, critic = Maker(decoder, self.latent, self.blocks), Critic(codes, self.width, True)
        return modules_of(encoder=encoder, decoder=decoder, generator=maker, critic=critic)

    def job(self, modules: Modules, codes: int) -> Job:
        """A critic's loss says nothing of the rows, only whether it ran away."""
        return Job(modules, self.phases(), self.latent + codes, self.pace, monitor=look_at_critic)

    def draws(self, modules: Modules) -> nn.Module:
        """The generator with its decoder."""
        return modules["generator"]

    fit = fit_codes


load = partial(load_codes, kind=MedGan)
