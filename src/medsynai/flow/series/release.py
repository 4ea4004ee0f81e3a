"""What a release of series is made of; see `medsynai.flow.kind_release`."""

from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.series import SeriesSet, SeriesSource
from medsynai.data.seriesfiles import write_series


def look(series: SeriesSet) -> pd.DataFrame:
    """A row a series: its number and its label."""
    labels = np.array(series.classes, dtype=object)[series.labels]
    return pd.DataFrame({"series": np.arange(1, len(labels) + 1), "label": labels})


def write(series: SeriesSet, source: SeriesSource, place: Path) -> None:
    """Write the series in the source's layout."""
    write_series(series, source, place.with_name(place.name + source.suffix))
