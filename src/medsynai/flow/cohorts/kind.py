"""The doors of the kind "cohorts"; the story of a run is told in `flow/kind_stages.py`."""

from pathlib import Path
from typing import TYPE_CHECKING

from medsynai.data import cohortfiles
from medsynai.flow.cohorts.facts import describe
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell

if TYPE_CHECKING:
    from medsynai.flow.cohorts.release import CohortRelease
    from medsynai.flow.judging import Assessment, Files, Panel
    from medsynai.flow.sampling import Order

__all__ = ["assess", "describe", "has_model", "make", "recognises", "sample"]
RECIPE = "cohort.toml"  # in the model folder: how patients become files again


def recognises(source: Path) -> bool:
    """Whether a file or folder shows that it holds a cohort; see `medsynai.data.cohortfiles`."""
    return cohortfiles.recognise(source) is not None


def make(plan: Plan, tell: Tell, work: Path | None = None) -> "CohortRelease":
    """Make a release of a cohort in memory; see `medsynai.flow.run.make`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow import kind_stages
    from medsynai.flow.cohorts import stages

    made: CohortRelease = kind_stages.make(stages, plan, tell, work)
    return made


def assess(files: "Files", panel: "Panel", seed: int, tell: Tell) -> "Assessment":
    """Judge anybody's synthetic cohort; see `medsynai.flow.judging.assess`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow.cohorts import judging

    return judging.assess(files, panel, seed, tell)


def has_model(folder: Path) -> bool:
    """Whether a model folder holds a model of cohorts."""
    return (folder / RECIPE).is_file()


def sample(folder: Path, order: "Order", target: Path, tell: Tell) -> None:
    """Draw patients from a model folder into a file or folder, whole or not at all.

    Raises:
        ConditionError: a condition that cannot be met.
        FolderError: another ending than the source's, or a place that is taken.
    """
    from medsynai.flow.cohorts import maker

    maker.sample(folder, order, target, tell)
