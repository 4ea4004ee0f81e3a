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
        began: when the time that `Pace.seconds` limits began, by `perf_counter`.
        rest: of that time, once training is over.
    """

    hear: Hear = unheard
    folder: Path | None = None
    every: float = EVERY
    began: float = field(default_factory=perf_counter)
    rest: Rest = field(default_factory=Rest)

    def after_training(self, seconds: float | None) -> "Desk":
        """The desk at which what follows training is done, of a fit that may take so long."""
        return replace(self, rest=Rest(None if seconds is None else self.began + seconds))

    def place(self, key: str) -> Path | None:
        """The folder of one run: `key` tells its settings, seeds and rows from all others."""
        return None if self.folder is None else self.folder / key


_DESK: ContextVar[Desk | None] = ContextVar("desk", default=None)


def desk() -> Desk:
    """The desk that was set up; else a new one, at which nobody listens."""
    return _DESK.get() or Desk()


@contextmanager
def own_desk() -> Iterator[None]:
    """Keep the desk that was set up; else time counts from here on. A decorator as well."""
    with at_desk(desk()):
        yield


@contextmanager
def at_desk(one: Desk) -> Iterator[None]:
    """Let whatever is trained inside be followed from `one`."""
    token = _DESK.set(one)
    try:
        yield
    finally:
        _DESK.reset(token)
