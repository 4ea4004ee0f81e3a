"""What labels add to a model of two players: both are told them, and the generator makes none."""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from medsynai.codec.spaces import Space
from medsynai.data.schema import Role
from medsynai.data.table import Table
from medsynai.generator import SEEDS
from medsynai.learn.condition import PICKED, asked_places, by_label, named
from medsynai.learn.core import Modules, Phase
from medsynai.learn.dueling import begin_at_shares
from medsynai.learn.fitted import FittedNetwork, fit_network
from medsynai.learn.generated import GeneratedDrawer
from medsynai.learn.job import Job
from medsynai.learn.nets.player import Shape, TableCritic, TableGenerator
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


class Labelled(Protocol):
    """Settings of such a model: the functions below are then its methods."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns that are given."""
        ...

    @property
    def least(self) -> int:
        """Rows that a combination of them needs."""
        ...

    @property
    def parts(self) -> Any:
        """The model without labels: its networks' sizes, its phases and its job."""
        ...


def maker(settings: Labelled, space: Space) -> TableGenerator:
    """A generator that is given its labels' cells."""
    given = asked_places(space, named(space, settings.labels))
    shape = Shape(settings.parts.width, asked=len(given))
    return TableGenerator(space, settings.parts.latent, shape, given)


def phases(settings: Labelled) -> tuple[Phase, ...]:
    """Those of the model without labels, on rows that are picked by their labels."""
    return tuple(
        replace(phase, updates=tuple(u.marked(PICKED) for u in phase.updates))
        for phase in settings.parts.phases()
    )


def job(settings: Labelled, space: Space, rows: Tensor) -> Job:
    """Both players are told the labels of a kind of rows, and the critic compares within it."""
    plain, generator = settings.parts.job(space, rows), maker(settings, space)
    begin_at_shares(generator, rows)
    shape = Shape(settings.parts.width, asked=len(generator.given))
    critic = TableCritic(space, shape, settings.parts.pack)
    plain.modules.update({"generator": generator, "critic": critic})
    asking = by_label(space, rows, settings.labels, settings.least)
    whole: Job = replace(plain, phases=phases(settings), asking=asking)
    return whole


def drawer(settings: Labelled, space: Space) -> GeneratedDrawer:
    """The generator, and how often labels go together."""
    return GeneratedDrawer(maker(settings, space))


def settle(
    settings: Labelled, drawer: GeneratedDrawer, modules: Modules, rows: Tensor, seeds: Seeds
) -> None:
    """Take the generator over, and set every column's shares to the rows'."""
    kinds = by_label(drawer.generator.board.space, rows, settings.labels, settings.least)
    drawer.take(modules, rows, seeds, kinds)


def fit(
    settings: Any, table: Table, ledger: Ledger | None = None, seeds: Seeds = SEEDS
) -> FittedNetwork:
    """See `medsynai.learn.fitted.fit_network`; the target is the label where none is named."""
    target = tuple(c.name for c in table.schema.columns if c.role == Role.TARGET)
    asked = replace(settings, labels=settings.labels or target)
    return fit_network(asked, table, ledger, seeds, _by_patients)


def _by_patients(settings: Any, table: Table) -> Any:
    """Ask of a combination so many rows that they are those of `least` patients."""
    most = int(np.bincount(table.whose()).max(initial=1))
    return replace(settings, least=settings.least * most)
