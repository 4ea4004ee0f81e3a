"""Kinds of data beside tables: each has its own reading, splitting, fitting, judging and writing.

A kind is a package `flow/<name>/` whose module `kind` has the functions of `Kind`; a row here makes
the command, `evaluate` and `sample` find it. What no kind claims is a table.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from medsynai.errors import PlanError
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell

KINDS = ("codes", "series", "cohorts", "images")  # as the catalogue's `data` says it
TABLE = "table"


class Kind(Protocol):
    """What `flow/<name>/kind.py` offers; `run.py` tells the same story of tables."""

    def recognises(self, source: Path) -> bool:
        """Whether a file or folder shows by itself that it holds this kind of data."""
        ...

    def describe(self, source: Path, declared: str) -> dict[str, str | int]:
        """What is in a file, in a few figures for the one who has it; see `inspect`."""
        ...

    def make(self, plan: Plan, tell: Tell, work: Path | None) -> Any:
        """A release in memory: read, split by patient, fit, draw, judge; see `run.make`."""
        ...

    def assess(self, files: Any, panel: Any, seed: int, tell: Tell) -> Any:
        """Judge anybody's synthetic file; see `judging.assess`."""
        ...

    def has_model(self, folder: Path) -> bool:
        """Whether a model folder was written by this kind."""
        ...

    def sample(self, folder: Path, order: Any, target: Path, tell: Tell) -> None:
        """Draw more rows from a model folder into a file; see `sampling.sample`."""
        ...


def kind_of(source: object, declared: str = "") -> Kind | None:
    """The kind of data that a source holds; None for a table.

    Args:
        source: a path; anything else is a table's.
        declared: what a person said: "" to look, "table", or a kind's name, which may be followed
            by ":" and what the kind asks for.

    Raises:
        PlanError: a kind that there is not.
    """
    name = declared.partition(":")[0]
    if name and name not in (TABLE, *KINDS):
        raise PlanError(f"no kind of data {name!r}; kinds: {', '.join((TABLE, *KINDS))}")
    if name:
        return None if name == TABLE else _load(name)
    if not isinstance(source, str | Path) or "://" in str(source):
        return None
    path = Path(source)
    return next((k for k in _all() if k.recognises(path)), None)


def kind_of_model(folder: Path) -> Kind | None:
    """The kind whose model a folder holds; None for a table's."""
    return next((k for k in _all() if k.has_model(folder)), None)


def _all() -> Iterator[Kind]:
    return map(_load, KINDS)


def _load(name: str) -> Kind:
    return cast(Kind, import_module(f"medsynai.flow.{name}.kind"))
