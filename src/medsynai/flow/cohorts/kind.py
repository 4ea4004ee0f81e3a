"""The doors of the kind "cohorts": it is read and looked at; no generator serves it yet."""

from pathlib import Path
from typing import Any, NoReturn

from medsynai.data import cohortfiles
from medsynai.errors import PlanError
from medsynai.flow.cohorts.facts import describe
from medsynai.flow.opening import name_source
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell

__all__ = ["assess", "describe", "has_model", "make", "recognises", "sample"]


def recognises(source: Path) -> bool:
    """Whether a file or folder shows that it holds a cohort; see `medsynai.data.cohortfiles`."""
    return cohortfiles.recognise(source) is not None


def make(plan: Plan, tell: Tell, work: Path | None = None) -> NoReturn:
    """Refuse: no generator serves cohorts yet.

    Raises:
        PlanError: always, and says what can be done.
    """
    raise PlanError(
        f"{name_source(plan.source)} is a cohort (patients with events over time), and no "
        "generator serves cohorts yet. `medsynai inspect` shows what it holds; one file of it is "
        "synthesised as a table, time not being learnt, with --kind table"
    )


def assess(files: Any, panel: Any, seed: int, tell: Tell) -> NoReturn:
    """Refuse: no measure judges cohorts yet.

    Raises:
        PlanError: always.
    """
    raise PlanError(
        "no measure judges cohorts yet; one file is judged as a table with --kind table"
    )


def has_model(folder: Path) -> bool:
    """Whether a model folder was written by this kind: there is no model yet."""
    return False


def sample(folder: Path, order: Any, target: Path, tell: Tell) -> NoReturn:
    """Refuse: no model of cohorts can have been saved.

    Raises:
        PlanError: always.
    """
    raise PlanError(f"{folder} holds no model of a cohort")
