"""A conditional GAN: what `gan` is, asked for labels that it is given and never makes.

Mirza and Osindero 2014, Conditional generative adversarial nets, on the parts of `gan`.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from medsynai.generator import check_settings
from medsynai.learn import labelling
from medsynai.learn.dueling import Pair, check_pack
from medsynai.learn.fitted import load_network
from medsynai.learn.job import Pace
from medsynai.models.gan import Gan


@dataclass(frozen=True)
class Cgan:
    """Settings of the conditional GAN, all public: the labels, and some of `gan`.

    Attributes:
        labels: columns that are given; none: the target; without one nothing is asked.
        least: train patients who must share a combination of labels for it to be asked for.
    """

    labels: tuple[str, ...] = ()
    least: int = 3
    latent: int = Gan.latent
    width: int = Gan.width
    pack: int = Gan.pack
    penalty: float = Gan.penalty
    match: float = Gan.match
    bins: int = Gan.bins
    steps: int = 4000
    lr: float = Gan.lr
    pace: Pace = Gan.pace
    name: ClassVar[str] = "cgan"
    space: ClassVar[str] = Gan.space

    def __post_init__(self) -> None:
        least = dict.fromkeys(("least", "latent", "width", "pack", "steps"), 1) | {"bins": 2}
        check_settings(self.name, self, least | dict.fromkeys(("penalty", "match", "lr"), 0))
        check_pack(self.name, self.pack, self.pace)

    @property
    def parts(self) -> Pair:
        """The same without labels."""
        sizes = (self.latent, self.width, self.pack, self.penalty, self.match)
        return Pair(*sizes, steps=self.steps, lr=self.lr, pace=self.pace)

    phases, job = labelling.phases, labelling.job
    drawer, settle = labelling.drawer, labelling.settle
    fit = labelling.fit


load = partial(load_network, kind=Cgan)
