"""What of a cohort no model learns: columns by name and why, rare levels and events by count."""

from collections.abc import Iterator

from medsynai.codec.lives import texts_of
from medsynai.data.cohort import Cohort
from medsynai.data.infer import infer
from medsynai.data.schema import Kind, Schema


def left_out(cohort: Cohort, least: int) -> tuple[str, ...]:
    """Which statics no model learns, and why; and how many rare levels of the others none draws.

    Args:
        cohort: train patients.
        least: patients that a level must have.
    """
    raw, notes = texts_of(cohort), []
    schema = infer(raw, text=True) if len(raw.columns) else Schema(())
    learnt = {c.name for c in schema.learnt}
    for column in schema.columns:
        name = column.name
        if name not in learnt:
            why = column.identifier or ("dates" if column.kind is Kind.DATE else column.kind.value)
            notes.append(f"left out: subjects.{name} ({why})")
        elif column.kind.is_level:
            many = raw[name][raw[name] != ""].value_counts()
            if rare := int((many < least).sum()):
                said = f"levels are each of fewer than {least} train patients, and are not drawn"
                notes.append(f"subjects.{name}: {rare:,} of {len(many):,} {said}")
    return tuple(notes)


def rare_events(cohort: Cohort, least: int) -> Iterator[str]:
    """How many events of which kind are of tokens (`codec.course`) that too few patients have.

    Args:
        cohort: train patients.
        least: patients that a token must have.
    """
    says = cohort.events[["kind", "code", "unit", "text"]]
    said = says.assign(timed=cohort.events["time"].notna())
    token = said.groupby(list(said), dropna=False, sort=False).ngroup()
    pairs = said.assign(token=token, patient=cohort.places(cohort.events["subject_id"]))
    patients = pairs[["token", "patient"]].drop_duplicates()["token"].value_counts()
    rare = token.map(patients) < least
    many = dict(says["kind"].value_counts(dropna=False).items())
    for kind, count in says["kind"][rare].value_counts(dropna=False).items():
        said_of = f"are each of a code, unit and text of fewer than {least} train patients"
        yield f"{kind}: {count:,} of {many[kind]:,} train events {said_of}; they are not drawn"
