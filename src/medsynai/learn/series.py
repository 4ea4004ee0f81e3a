"""From a composition of networks to a fitted model of series; see `medsynai.learn.images`."""

from typing import Any, ClassVar, Protocol

from torch import Tensor

from medsynai.codec.series import SeriesFrame
from medsynai.data.series import SeriesSet
from medsynai.generator import SEEDS
from medsynai.learn.core import Modules, Phase
from medsynai.learn.images import FittedImageNetwork, fit_framed, load_images
from medsynai.learn.job import Job, Pace
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


class SeriesComposition(Protocol):
    """A model: its catalogue name, its public settings, and what they put together.

    To add one: a frozen dataclass in `models/<name>.py` with what stands below and
    `fit = fit_series`, `load = partial(load_series, kind=<Class>)` beside it, a row of the
    catalogue and a page in `docs/models/`.
    """

    name: ClassVar[str]

    @property
    def pace(self) -> Pace:
        """How it is trained."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """What is trained when; known before a series is read."""
        ...

    def job(self, frame: SeriesFrame, rows: Tensor) -> Job:
        """The networks and what is trained of them.

        A row holds a series, all steps of the first channel first, then its class.
        """
        ...

    def drawer(self, frame: SeriesFrame) -> Any:
        """What is kept to draw with: `draw(labels, generator)` gives (n, width) rows."""
        ...

    def settle(self, drawer: Any, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over, and fit what is fitted to rows at most."""
        ...


def fit_series(
    settings: SeriesComposition,
    series: SeriesSet,
    ledger: Ledger | None = None,
    seeds: Seeds = SEEDS,
) -> FittedImageNetwork:
    """Train a composition on series, the ledger charged first; see `SeriesGenerator.fit`.

    Raises:
        ModelError: no series, a class of too few patients, or training that failed.
        PlanError: a budget too small to train in.
    """
    return fit_framed(settings, series, settings.job, ledger, seeds)


load_series = load_images  # the folder says what its rows are
