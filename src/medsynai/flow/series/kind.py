"""The doors of the kind "series"; the story of a run is told in `flow/kind_stages.py`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medsynai.data import seriesfiles
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell

if TYPE_CHECKING:
    from medsynai.flow.judging import Assessment, Files, Panel
    from medsynai.flow.sampling import Order
    from medsynai.flow.series.release import SeriesRelease

__all__ = ["assess", "describe", "has_model", "make", "recognises", "sample"]
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


def make(plan: Plan, tell: Tell, work: Path | None = None) -> "SeriesRelease":
    """Make a release of series in memory; see `medsynai.flow.run.make`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow import kind_stages  # loads torch, which a table's own rows never need
    from medsynai.flow.series import stages

    made: SeriesRelease = kind_stages.make(stages, plan, tell, work)
    return made


def assess(files: "Files", panel: "Panel", seed: int, tell: Tell) -> "Assessment":
    """Judge anybody's synthetic series; see `medsynai.flow.judging.assess`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow.series import judging

    return judging.assess(files, panel, seed, tell)


def has_model(folder: Path) -> bool:
    """Whether a model folder holds a model of series."""
    return (folder / RECIPE).is_file()


def sample(folder: Path, order: "Order", target: Path, tell: Tell) -> None:
    """Draw series from a model folder into a file or folder, whole or not at all.

    Raises:
        ConditionError: a condition on anything but a known label.
        FolderError: another ending than the source's, or a place that is taken.
    """
    from medsynai.flow.series import maker

    maker.sample(folder, order, target, tell)
