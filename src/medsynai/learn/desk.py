"""Where a training run is followed from: who hears of it, and where its progress is kept.

But for its clock a desk changes nothing of what is learnt, so it is no setting: whoever starts a
run sets it up around the fit, and the loop looks it up. Without one a run is quiet and keeps
nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from medsynai.learn.devices import AUTO, device_of
from medsynai.learn.rest import Rest

EVERY = 2.0  # seconds between two savings: files of large networks take a while to write

Hear = Callable[[int, int, dict[str, Any]], None]


def unheard(done: int, rounds: int, mark: dict[str, Any]) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class Desk:
    """What stands around a run.

    Attributes:
        hear: told after every look: rounds done, rounds of all phases, and the figures.
        folder: where unfinished runs are kept, one folder each; None: nowhere.
        every: seconds between two savings at least.
        began: when the time that `Pace.seconds` limits began, by `perf_counter`; None: as soon as
            a model is fitted.
        rest: of that time, once training is over.
        device: where networks are trained: `auto`, `cpu` or `cuda`, see `device_of`; those under a
            budget are always on the processor.
    """

    hear: Hear = unheard
    folder: Path | None = None
    every: float = EVERY
    began: float | None = None
    rest: Rest = field(default_factory=Rest)
    device: str = AUTO

    @property
    def begun(self) -> "Desk":
        """The same with its time running."""
        return self if self.began is not None else replace(self, began=perf_counter())

    def after_training(self, seconds: float | None) -> "Desk":
        """The desk at which what follows training is done, of a fit that may take so long."""
        began = perf_counter() if self.began is None else self.began
        return replace(self, rest=Rest(None if seconds is None else began + seconds))

    def place(self, key: str) -> Path | None:
        """The folder of one run: `key` tells its settings, seeds and rows from all others."""
        return None if self.folder is None else self.folder / key


_DESK: ContextVar[Desk | None] = ContextVar("desk", default=None)


def desk() -> Desk:
    """The desk that was set up; else a new one, at which nobody listens."""
    return _DESK.get() or Desk()


@contextmanager
def own_desk() -> Iterator[None]:
    """The desk that was set up, its time counting from here on at the latest. A decorator too."""
    with at_desk(desk().begun):
        yield


@contextmanager
def at_desk(one: Desk) -> Iterator[None]:
    """Let whatever is trained inside be followed from `one`."""
    token = _DESK.set(one)
    try:
        yield
    finally:
        _DESK.reset(token)


@contextmanager
def trained_on(device: str) -> Iterator[None]:
    """Train whatever networks are trained inside on `auto`, `cpu` or `cuda`.

    Raises:
        PlanError: a device that is not there.
    """
    if device != AUTO:  # which one that is, is asked when a network is trained
        device_of(device)
    with at_desk(Desk(device=device)):
        yield
