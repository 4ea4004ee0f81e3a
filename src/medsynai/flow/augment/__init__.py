"""The augmentation study, on tables, on images and on cohorts."""

from medsynai.errors import PlanError
from medsynai.flow.augment.lab import Lab
from medsynai.flow.kinds import kind_of
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell, Watch


def open_lab(plan: Plan, tell: Tell) -> Lab:
    """The plan's data, read and split by patient, ready for the study.

    Raises:
        PlanError: a kind of data that there is no study of.
        InputError: whatever the user can mend; the message says how.
    """
    from medsynai.flow.augment import cohorts, images, tables

    kind = kind_of(plan.source, plan.kind)
    if kind is None:
        return tables.open_lab(plan, Watch(tell))
    if kind.name == "images":
        return images.open_lab(plan, Watch(tell))
    if kind.name == "cohorts":
        return cohorts.open_lab(plan, Watch(tell))
    raise PlanError("there is a study of tables, of images and of cohorts only")
