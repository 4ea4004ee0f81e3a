"""A fitted model of series with what turns its numbers into files; no series is held."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.data.series import SeriesSet, SeriesSource
from medsynai.data.seriesfiles import write_series
from medsynai.errors import FolderError, ModelError, PlanError
from medsynai.flow.folder import parents_of
from medsynai.flow.images.maker import asked
from medsynai.flow.sampling import Order
from medsynai.flow.series.kind import RECIPE
from medsynai.flow.watch import Tell
from medsynai.generator import FREE, Condition, FittedSeries
from medsynai.models.catalog import open_model
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
        folder.mkdir(mode=0o700)
        self.fitted.save(folder)
        (folder / RECIPE).write_text(store.to_toml(self.source), encoding="utf-8")


def open_maker(folder: Path) -> SeriesMaker:
    """The maker in a release's model folder.

    Raises:
        ModelError: not a whole model folder of series.
    """
    fitted: Any = open_model(folder)
    try:
        text = (folder / RECIPE).read_text(encoding="utf-8")
        source = store.from_toml(SeriesSource, text, RECIPE)
    except (OSError, UnicodeDecodeError, PlanError):
        raise ModelError(f"{folder} has no readable {RECIPE}") from None
    return SeriesMaker(fitted, source)


def sample(folder: Path, order: Order, target: Path, tell: Tell) -> None:
    """See `kind.sample`."""
    maker = open_maker(folder)
    suffix = maker.source.suffix
    if suffix and not target.name.lower().endswith(suffix):
        raise FolderError(f"{target.name}: end it with {suffix}")
    if target.exists():
        raise FolderError(f"{target} exists already; choose another place")
    condition = asked(order.conditions, maker.fitted.classes)
    parts: list[SeriesSet] = []
    for i in range(order.shards):
        n = min(order.shard, order.rows - i * order.shard)
        parts.append(maker.draw(n, Seeds(order.seed).of("shard", i), condition))
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
