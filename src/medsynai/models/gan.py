"""A generative adversarial network of coded rows.

Goodfellow et al. 2014, Generative adversarial nets, with what made it steady here: the paired loss
and penalty of Huang et al. 2024 (R3GAN), packs of rows (Lin et al. 2018, PacGAN), a generator that
learnt to rebuild rows (Larsen et al. 2016), and pairs of columns matched (Salimans et al. 2016).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from medsynai.generator import check_settings
from medsynai.learn import tying
from medsynai.learn.core import Phase, Update
from medsynai.learn.dueling import BETAS, check_pack
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Pace
from medsynai.learn.losses.adversarial import packed, relativistic, zero_centred
from medsynai.learn.losses.likelihood import elbo
from medsynai.learn.losses.moments import fool_and_match

PACE = Pace(check=200, patience=5, average=0.999, fade=0.5, clip=100.0)
BETA = 0.5  # weight of the divergence while rows are rebuilt: the noise must lie like N(0, I)


@dataclass(frozen=True)
class Gan:
    """Settings of the generative adversarial network; all public.

    Attributes:
        latent: numbers that a row is made of.
        width: of the hidden layers, of generator and critic.
        ties: numbers through which each column is told of those drawn before it.
        pack: rows that the critic scores together.
        penalty: weight of the squared slopes of the critic (R1 + R2), worked out every 4th round.
        match: weight of the pairs of columns in the generator's loss; 0: it never reads real rows.
        bins: about how many bins a number has at most.
        warm: rounds in which the generator's decoder learns to rebuild rows, before the duel.
        steps: rounds of critic and generator at most, for a table of up to 180 codes; a wider one
            gets the fewer the more it has.
        lr: learning rate of the generator; the critic's is twice that.
        pace: how it is trained.
    """

    latent: int = 32
    width: int = 128
    ties: int = 64
    pack: int = 4
    penalty: float = 0.1
    match: float = 0.3
    bins: int = 30
    warm: int = 300
    steps: int = 2500
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "gan"
    space: ClassVar[str] = "bins"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("latent", "width", "ties", "pack", "steps"), 1) | {"bins": 2}
        check_settings(
            self.name, self, least | dict.fromkeys(("penalty", "match", "warm", "lr"), 0)
        )
        check_pack(self.name, self.pack, self.pace)

    def phases(self) -> tuple[Phase, ...]:
        """The decoder alone, then critic and generator, which reads shares of rows to match."""
        rebuild = Update(("encoder", "decoder"), elbo(BETA, 0.0, self.latent), True, 1, 2 * self.lr)
        duel, slopes = relativistic(), zero_centred(self.penalty)
        critic = Update(("critic",), duel.critic, True, 1, 2 * self.lr, BETAS, slopes, 4)
        loss = fool_and_match(self.match) if self.match else duel.generator
        fool = Update(("generator",), loss, bool(self.match), 1, self.lr, BETAS)
        duelling = Phase((packed(critic, self.pack), fool), self.steps)
        return (Phase((rebuild,), self.warm), duelling) if self.warm else (duelling,)

    job, drawer, settle = tying.job, tying.drawer, tying.settle
    fit = fit_network


load = partial(load_network, kind=Gan)
