"""Going on with histories: from a release's model and a file of patients to what comes after."""

from dataclasses import dataclass, replace
from pathlib import Path

from medsynai.codec.histories import Histories
from medsynai.data.cohortfiles import read_cohort, write_cohort
from medsynai.errors import PlanError
from medsynai.flow.cohorts.maker import open_maker
from medsynai.flow.folder import parents_of
from medsynai.flow.kind_maker import check_target
from medsynai.flow.kinds import kind_of_model
from medsynai.flow.sampling import find_model
from medsynai.flow.watch import Tell
from medsynai.learn.continuing import continued
from medsynai.learn.events import FittedEvents
from medsynai.seeds import Seeds

SENSITIVE = (
    "What was drawn goes on from the patients of the histories: it is as sensitive as these are, "
    "and no score of the release speaks of it."
)


@dataclass(frozen=True)
class Ahead:
    """What was made of the histories.

    Attributes:
        notes: what a person should know, the first that it is sensitive.
    """

    histories: int
    continuations: int
    events: int
    notes: tuple[str, ...]


def go_on(folder: Path, history: Path, times: int, target: Path, seed: int, tell: Tell) -> Ahead:
    """Write what comes after each patient of a file, in the layout of the release.

    Args:
        folder: a release, or its model folder.
        history: patients until some time, in the layout that the release's data had.
        times: continuations of each.
        target: file or folder to make.
        seed: all randomness.
        tell: hears how far it is.

    Raises:
        ModelError: no whole model of ours in the folder.
        PlanError: a model that knows no state to go on from, or times of another clock.
        ReadError: histories that cannot be read.
        FolderError: a place that is taken, or of another ending.
    """
    model = find_model(folder)
    kind = kind_of_model(model)
    if kind is None or kind.name != "cohorts":
        raise PlanError("only a model of a cohort goes on with histories")
    maker = open_maker(model)
    fitted, layout = maker.fitted, maker.recipe.layout
    if not isinstance(fitted, FittedEvents):
        raise PlanError("this model knows no state of a patient to go on from: fit `events`")
    check_target(target, maker.recipe.suffix)
    tell("Reading the histories")
    loaded = read_cohort(history, layout.format, dict(layout.details)).mended()
    loaded = replace(loaded, cohort=maker.recipe.away(loaded.cohort))
    known = Histories.of(fitted.courses, loaded.cohort)
    tell(f"Going on with {len(loaded.cohort):,} histories")
    seeds = Seeds(seed).of("continue")
    made = maker.beside.draw(continued(fitted, loaded.cohort, times, seeds), seeds)
    made = maker.recipe.home(made)
    with parents_of(target):
        left = write_cohort(made, layout, target)
    notes = [SENSITIVE, *map(str, loaded.problems), *left]
    whole = len(loaded.cohort.events) + len(loaded.cohort.visits)
    if strange := whole - len(known.course.token):
        notes.append(f"{strange:,} events of the histories are of codes that the model lacks")
    if over := int(known.over.sum()):
        notes.append(f"{over:,} patients are dead, or without an event that the model knows")
    return Ahead(len(loaded.cohort), len(made), len(made.events), tuple(notes))
