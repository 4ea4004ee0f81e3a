"""Kinds of data beside tables: each has its own reading, splitting, fitting, judging and writing.

A kind is a package `flow/<name>/`: its module `kind` says how a file is recognised and what is in
it; `stages` are those of its run, `judging` judges anybody's files, and `maker` draws more. A row
here makes the command, `evaluate` and `sample` find it. What no kind claims is a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from medsynai.errors import PlanError
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell

KINDS = ("codes", "series", "cohorts", "images")  # as the catalogue's `data` says it
TABLE = "table"


@dataclass(frozen=True)
class Kind:
    """The doors of a kind; `run.py` tells the same story of tables.

    What is behind a door is loaded when it is opened: networks take a second to load.
    """

    name: str

    def recognises(self, source: Path) -> bool:
        """Whether a file or folder shows by itself that it holds this kind of data."""
        found: bool = self._part("kind").recognises(source)
        return found

    def describe(self, source: Path, declared: str) -> dict[str, Any]:
        """What is in a file, in a few figures for the one who has it; see `inspect`.

        A list, of files that cannot be used, has an entry of texts each. "proposal" is the text of
        a schema file, where the kind has one.

        Raises:
            ReadError: a file that cannot be read as this kind.
        """
        found: dict[str, Any] = self._part("kind").describe(source, declared)
        return found

    def make(self, plan: Plan, tell: Tell, work: Path | None = None) -> Any:
        """A release in memory: read, split by patient, fit, draw, judge; see `run.make`.

        Raises:
            InputError: whatever the user can mend; the message says how.
        """
        from medsynai.flow import kind_stages

        if plan.epsilon is not None:
            return self._private().make(plan, tell)
        return kind_stages.make(self._part("stages"), plan, tell, work)

    def assess(self, files: Any, panel: Any, seed: int, tell: Tell) -> Any:
        """Judge anybody's synthetic file, without the making wing; see `judging.assess`.

        Raises:
            InputError: whatever the user can mend; the message says how.
        """
        return self._part("judging").assess(files, panel, seed, tell)

    def has_model(self, folder: Path) -> bool:
        """Whether a model folder was written by this kind."""
        return (folder / self._part("kind").RECIPE).is_file()

    def sample(self, folder: Path, order: Any, target: Path, tell: Tell) -> None:
        """Draw more records from a model folder, whole or not at all; see `sampling.sample`.

        Raises:
            ConditionError: a condition that cannot be met.
            FolderError: another ending than the source's, or a place that is taken.
        """
        self._part("maker").sample(folder, order, target, tell)

    def _private(self) -> Any:
        """The same story under a budget.

        Raises:
            PlanError: a kind that has none.
        """
        if find_spec(f"medsynai.flow.{self.name}.private") is None:
            raise PlanError(
                f"private runs are of tables, cohorts and images, not of {self.name}: leave "
                "epsilon out"
            )
        return self._part("private")

    def _part(self, name: str) -> Any:
        return import_module(f"medsynai.flow.{self.name}.{name}")


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
        return None if name == TABLE else Kind(name)
    if not isinstance(source, str | Path) or "://" in str(source):
        return None
    path = Path(source)
    return next((k for k in _all() if k.recognises(path)), None)


def kind_of_model(folder: Path) -> Kind | None:
    """The kind whose model a folder holds; None for a table's."""
    return next((k for k in _all() if k.has_model(folder)), None)


def _all() -> Iterator[Kind]:
    return map(Kind, KINDS)
