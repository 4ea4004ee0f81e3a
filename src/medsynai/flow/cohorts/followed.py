"""Cohorts whose follow-up a person declared in a schema file, and what to say where nobody did."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from medsynai.data.cohortfiles.followup import FollowUp, declared_in, proposed
from medsynai.data.cohortfiles.layout import LoadedCohort
from medsynai.data.integrity import check
from medsynai.data.schema import Schema, Survival


@dataclass(frozen=True)
class Followed:
    """A cohort with keys that hold, and how its follow-up is spelt; None where nobody said."""

    loaded: LoadedCohort
    followup: FollowUp | None

    def asked(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Conditions, those on the event as ones on the death."""
        return texts if self.followup is None else tuple(map(self.followup.asked, texts))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of what was read."""
        return self.loaded.notes


def followed(loaded: LoadedCohort, schema: Schema | None) -> Followed:
    """With exit and death, as a schema says; without one, what looks like them is told.

    Raises:
        SchemaError: no follow-up, or one of other columns.
    """
    if schema is None:
        looks = proposed(loaded.cohort)
        told = (_unsaid(looks),) if looks is not None else ()
        return Followed(replace(loaded, notes=(*loaded.notes, *told)).mended(), None)
    followup = FollowUp.of(loaded.cohort, declared_in(schema))
    return Followed(_taken(loaded, followup).mended(), followup)


def all_followed(
    loaded: Sequence[LoadedCohort | None], schema: Schema | None
) -> list[LoadedCohort | None]:
    """The same of several cohorts, of which the first says how the columns are spelt.

    Raises:
        SchemaError: no follow-up, or one of other columns.
    """
    first = loaded[0]
    if schema is None or first is None:
        return [None if x is None else x.mended() for x in loaded]
    followup = FollowUp.of(first.cohort, declared_in(schema))
    return [None if x is None else _taken(x, followup).mended() for x in loaded]


def _taken(loaded: LoadedCohort, followup: FollowUp) -> LoadedCohort:
    cohort = followup.taken(loaded.cohort)
    return replace(loaded, cohort=cohort, problems=(*loaded.met, *check(cohort)))


def _unsaid(looks: Survival) -> str:
    return (
        f"{looks.time!r} and {looks.event!r} look like follow-up. Nobody declared it, so survival "
        "is not judged and events may lie behind the end: see `medsynai inspect`, then say --schema"
    )
