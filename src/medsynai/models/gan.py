"""Generative adversarial networks of coded rows: a relativistic one, and a Wasserstein one.

Goodfellow et al. 2014, Generative adversarial nets. Rows are one-hot codes, drawn with a
straight-through slope, so that the critic never sees a soft row beside a hard one.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from medsynai.codec.layout import Layout
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.learn.core import Modules, Phase, Update
from medsynai.learn.fitted import FittedNetwork, fit_network, load_network
from medsynai.learn.latent import LatentDrawer
from medsynai.learn.loop import Job, Pace
from medsynai.learn.losses.adversarial import pair_distance, player, relativistic
from medsynai.learn.nets.coder import Decoder
from medsynai.learn.nets.mlp import mlp, modules_of
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Gan:
    """Settings of the generative adversarial network; all public.

    Attributes:
        latent: numbers that a row is made from.
        width: of the hidden layers of both networks.
        pack: rows that the critic judges at once.
        penalty: weight of the critic's slope at real and at generated rows, every fourth step.
        bins: about how many bins a number has at most.
        steps: rounds of four steps of each network at most.
        lr: learning rate.
        pace: how it is trained.
    """

    latent: int = 64
    width: int = 128
    pack: int = 4
    penalty: float = 0.3
    bins: int = 30
    steps: int = 700
    lr: float = 2e-3
    pace: Pace = Pace(check=25, patience=12)

    def __post_init__(self) -> None:
        for name, least in {"latent": 1, "width": 1, "pack": 1, "bins": 2, "steps": 1}.items():
            if getattr(self, name) < least:
                raise PlanError(f"gan: {name} must be at least {least}")
        if self.penalty < 0 or self.lr <= 0 or self.pace.batch % self.pack:
            raise PlanError("gan: penalty >= 0, lr > 0, and a batch of whole packs")

    @property
    def name(self) -> str:
        """Its catalogue name."""
        return "gan"

    def phases(self) -> tuple[Phase, ...]:
        """Critic and generator in turn; both compare with real rows. One critic step in four
        holds its slope back (Karras et al. 2020, lazy regularisation).
        """
        critic, held_back, generator = relativistic(player(self.latent), self.pack, self.penalty)
        fast = {"lr": self.lr, "betas": (0.0, 0.9)}
        turn = Update(("critic",), critic, True, **fast)
        first = Update(("critic",), held_back, True, **fast)
        reply = Update(("generator",), generator, True, **fast)
        return (Phase((first, reply, *(turn, reply) * 3), self.steps),)

    def job(self, layout: Layout, rows: Tensor) -> Job:
        """Both networks; pairs of columns are compared with held-out rows."""
        nets = modules_of(
            generator=Decoder(layout, self.width, self.latent),
            critic=mlp(layout.width * self.pack, self.width, 1),
        )
        noise = self.latent + layout.width
        return Job(nets, self.phases(), noise, self.pace, watched=pair_distance(self.latent))

    def drawer(self, layout: Layout) -> LatentDrawer:
        """The generator and a standard normal; never the critic."""
        return LatentDrawer(layout, self.width, self.latent, 1)

    def settle(self, drawer: LatentDrawer, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the generator over."""
        drawer.decoder.load_state_dict(modules["generator"].state_dict())

    def fit(
        self, table: Table, ledger: Ledger | None = None, seeds: Seeds = Seeds(0)
    ) -> FittedNetwork:
        """Learn from train rows; see `Generator.fit`."""
        return fit_network(self, table, ledger, seeds)


def load(folder: Path) -> FittedNetwork:
    """A saved generative adversarial network.

    Raises:
        ModelError: another model's folder, or a corrupt one.
    """
    return load_network(folder, Gan)
