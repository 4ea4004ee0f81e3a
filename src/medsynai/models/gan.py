"""A generative adversarial network of coded rows.

Goodfellow et al. 2014, Generative adversarial nets, with what made it steady here: the paired loss
and two-sided penalty of Huang et al. 2024 (R3GAN), packs of rows (Lin et al. 2018, PacGAN), cells
drawn hard, and pairs of columns matched in the mean (Salimans et al. 2016, feature matching).
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.generator import check_settings
from medsynai.learn import dueling
from medsynai.learn.core import Phase, Update
from medsynai.learn.dueling import BETAS, check_pack, players
from medsynai.learn.fitted import fit_network, load_network
from medsynai.learn.job import Job, Pace
from medsynai.learn.losses.adversarial import packed, relativistic, zero_centred
from medsynai.learn.losses.moments import Moments, match_pairs
from medsynai.learn.monitor import look_at_generator
from medsynai.learn.nets.player import Shape

PACE = Pace(check=200, patience=8, average=0.999, fade=0.5, clip=100.0)


@dataclass(frozen=True)
class Gan:
    """Settings of the generative adversarial network; all public.

    Attributes:
        latent: numbers that a row is made of.
        width: of the hidden layers, of generator and critic.
        pack: rows that the critic scores together.
        penalty: weight of the squared slopes of the critic (R1 + R2), worked out every 4th round.
        match: weight of the pairs of columns in the generator's loss; 0: it never reads real rows.
        bins: about how many bins a number has at most.
        steps: rounds of critic and generator at most.
        lr: learning rate of the generator; the critic's is twice that.
        pace: how it is trained.
    """

    latent: int = 32
    width: int = 128
    pack: int = 4
    penalty: float = 0.1
    match: float = 0.3
    bins: int = 30
    steps: int = 4000
    lr: float = 1e-3
    pace: Pace = PACE
    name: ClassVar[str] = "gan"
    space: ClassVar[str] = "bins"

    def __post_init__(self) -> None:
        least = {"latent": 1, "width": 1, "pack": 1, "penalty": 0, "match": 0, "bins": 2}
        check_settings(self.name, self, least | {"steps": 1, "lr": 0}, ())
        check_pack(self.name, self.pack, self.pace)

    def phases(self) -> tuple[Phase, ...]:
        """Critic, then generator; the generator reads shares of real rows if pairs are matched."""
        duel, slopes = relativistic(), zero_centred(self.penalty)
        critic = Update(("critic",), duel.critic, True, 1, 2 * self.lr, BETAS, slopes, 4)
        fool = Update(("generator",), duel.generator, False, 1, self.lr, BETAS)
        if self.match:
            fool = fool.beside(match_pairs(self.match), reads_real=True)
        return (Phase((packed(critic, self.pack), fool), self.steps),)

    def job(self, space: Space, rows: Tensor) -> Job:
        """Both players; the generator starts from the columns' own shares."""
        modules = players(space, self.latent, Shape(self.width), self.pack, rows)
        modules["moments"] = Moments(space, rows)
        noise = self.latent + len(space.cells)
        return Job(modules, self.phases(), noise, self.pace, monitor=look_at_generator)

    drawer, settle = dueling.drawer, dueling.settle
    fit = fit_network


load = partial(load_network, kind=Gan)
