"""How series are recognised, and what a file of them holds; see `flow/kinds.py`."""

from pathlib import Path

import numpy as np

from medsynai.data import seriesfiles

__all__ = ["RECIPE", "describe", "recognises"]
RECIPE = "series.toml"  # in the model folder: how numbers become files again


def recognises(source: Path) -> bool:
    """Whether a path shows that it holds signals; see `medsynai.data.seriesfiles`."""
    return seriesfiles.recognise(source)


def declared(kind: str) -> str:
    """What `--kind series:...` says of the format.

    >>> declared("series:panel:patient,hour,hours")
    'panel:patient,hour,hours'
    """
    return kind.partition(":")[2]


def describe(source: Path, said: str) -> dict[str, str | int]:
    """What a file or folder of series holds.

    Raises:
        ReadError: nothing that can be read as series of one length.
    """
    loaded = seriesfiles.read_series(source, declared(said))
    series, form = loaded.series, loaded.source
    classes = zip(series.classes, series.counts, strict=True)
    facts: dict[str, str | int] = {
        "kind": "series",
        "layout": form.layout.format,
        "series": len(series),
        "patients": len(np.unique(series.patients)),
        "steps": series.steps,
        "channels": ", ".join(form.channels),
        "label": form.label or "none",
        "classes": ", ".join(f"{c} ({n:,})" for c, n in classes),
    }
    return facts | {f"note {i}": note for i, note in enumerate(loaded.notes, start=1)}
