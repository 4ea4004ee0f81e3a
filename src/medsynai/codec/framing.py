"""Arrays of a class and a patient, as rows of a model: images and series go one way."""

from typing import Any

from medsynai import store
from medsynai.codec.image import Frame
from medsynai.codec.series import SeriesFrame
from medsynai.data.images import ImageSet
from medsynai.data.series import SeriesSet

Labelled = ImageSet | SeriesSet
AnyFrame = Frame | SeriesFrame
KINDS = {"frame": Frame, "series": SeriesFrame}  # what a saved model calls the facts


def frame_of(data: Any) -> Any:
    """The frame of train images or series.

    Raises:
        ModelError: nothing to learn from, or a class of too few patients.
    """
    return Frame.of(data) if isinstance(data, ImageSet) else SeriesFrame.of(data)


def to_facts(frame: AnyFrame) -> dict[str, Any]:
    """A frame as a model folder keeps it."""
    name = next(n for n, kind in KINDS.items() if isinstance(frame, kind))
    return {name: store.to_plain(frame)}


def from_facts(facts: dict[str, Any]) -> Any:
    """The inverse of `to_facts`, taken out of the facts.

    Raises:
        KeyError: facts that hold no frame.
    """
    name = next((n for n in KINDS if n in facts), "frame")
    return store.from_plain(KINDS[name], facts.pop(name), name)
