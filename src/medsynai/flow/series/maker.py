"""A fitted model of series with what turns its numbers into files; no series is held."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medsynai.data.series import SeriesSet, SeriesSource
from medsynai.data.seriesfiles import write_series
from medsynai.flow.folder import parents_of
from medsynai.flow.kind_maker import check_target, open_parts, shards, write_model
from medsynai.flow.labelled import asked
from medsynai.flow.sampling import Order
from medsynai.flow.series.kind import RECIPE
from medsynai.flow.watch import Tell
from medsynai.generator import FREE, Condition, FittedSeries
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class SeriesMaker:
    """Draws series, and knows the form that they are written in."""

    fitted: FittedSeries
    source: SeriesSource

    def draw(self, n: int, seeds: Seeds, condition: Condition = FREE) -> SeriesSet:
        """Exactly `n` series; see `FittedSeries.sample`."""
        return self.fitted.sample(n, seeds, condition)

    def save(self, folder: Path) -> None:
        """Write the model folder, which only its owner may open."""
        write_model(folder, self.fitted, self.source, RECIPE)


def open_maker(folder: Path) -> SeriesMaker:
    """The maker in a release's model folder.

    Raises:
        ModelError: not a whole model folder of series.
    """
    return SeriesMaker(*open_parts(folder, SeriesSource, RECIPE))


def sample(folder: Path, order: Order, target: Path, tell: Tell) -> None:
    """See `kind.sample`."""
    maker = open_maker(folder)
    check_target(target, maker.source.suffix)
    condition = asked(order.conditions, maker.fitted.classes)
    parts: list[SeriesSet] = []
    for n, seeds in shards(order):
        parts.append(maker.draw(n, seeds, condition))
        tell(f"Drawing series: {sum(map(len, parts)):,} of {order.rows:,}")
    whole = SeriesSet(
        np.concatenate([p.values for p in parts]),
        np.concatenate([p.labels for p in parts]),
        parts[0].classes,
        np.arange(order.rows),
        "synthetic",
    )
    with parents_of(target):
        write_series(whole, maker.source, target)
