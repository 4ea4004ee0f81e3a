"""The adversarial autoencoder of codes: latents are shaped by a critic, rows rebuilt from a normal.

Makhzani et al. 2016, Adversarial autoencoders: reconstruct, a critic of latents, the encoder fools.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import nn

from medsynai.generator import check_settings
from medsynai.learn.codes import fit_codes, load_codes
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.codes import encoded, reconstruct
from medsynai.learn.losses.latent import latent_critic, latent_fool
from medsynai.learn.nets.codes import Decoder, Encoder, FromPrior
from medsynai.learn.nets.mlp import mlp, modules_of

PACE = Pace(batch=256, average=0.998)


@dataclass(frozen=True)
class CodeAae:
    """Settings of the adversarial autoencoder of codes; all public.

    Attributes:
        latent: numbers that a row is squeezed into.
        width: of the hidden layers.
        steps: rounds of the three updates.
        lr: learning rate.
        pace: how it is trained.
    """

    latent: int = 16
    width: int = 256
    steps: int = 3000
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "aae"

    def __post_init__(self) -> None:
        check_settings(self.name, self, {"latent": 1, "width": 1, "steps": 1, "lr": 0})

    def phases(self) -> tuple[Phase, ...]:
        """All three updates read real rows."""
        rebuild = Update(("encoder", "decoder"), reconstruct, True, lr=self.lr)
        critic = Update(("critic",), latent_critic(encoded), True, lr=self.lr, betas=(0.5, 0.99))
        fool = Update(("encoder",), latent_fool(encoded), True, lr=self.lr, betas=(0.5, 0.99))
        return (Phase((rebuild, critic, fool), self.steps),)

    def modules(self, codes: int) -> Modules:
        """Encoder, decoder and the critic of latents."""
        return modules_of(
            encoder=Encoder(codes, self.width, self.latent),
            decoder=Decoder(codes, self.width, self.latent),
            critic=mlp(self.latent, self.width, 1),
        )

    def job(self, modules: Modules, codes: int) -> Job:
        """Held-out rows are watched by how well they are rebuilt."""
        return Job(modules, self.phases(), self.latent, self.pace, watched=reconstruct)

    def draws(self, modules: Modules) -> nn.Module:
        """The decoder, from the prior."""
        return FromPrior(modules["decoder"], self.latent)

    fit = fit_codes


load = partial(load_codes, kind=CodeAae)
