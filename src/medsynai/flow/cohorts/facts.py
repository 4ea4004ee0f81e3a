"""What a cohort holds, at a glance: its layout, how much of what, and what is wrong with it."""

from pathlib import Path

import pandas as pd

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohortfiles import FORMATS, read_cohort
from medsynai.data.cohortfiles.followup import proposed, toml_of

PROPOSAL = (
    "# By their names these columns say how long patients were seen. See whether that is so,\n"
    "# and which level of the event means that it happened; then hand this over with --schema.\n"
)
KINDS = 12  # kinds of events that are shown
Facts = dict[str, str | int]


def describe(source: Path, said: str) -> Facts:
    """See `flow.kinds.Kind.describe`; `said` may be `cohorts:FORMAT[:COLUMNS]`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    loaded = read_cohort(source, *declared(said))
    facts: Facts = {"kind": "cohorts", "layout": FORMATS[loaded.layout.format]}
    facts |= figures(loaded.cohort)
    looks = proposed(loaded.cohort)
    if looks is not None:
        facts["proposal"] = PROPOSAL + toml_of(looks)
    facts |= {f"problem {i}": str(p) for i, p in enumerate(loaded.problems, start=1)}
    return facts | {f"note {i}": note for i, note in enumerate(loaded.notes, start=1)}


def declared(kind: str) -> tuple[str, dict[str, str]]:
    """The format and its details in what `--kind` says.

    >>> declared("cohorts:panel:patient,day")
    ('panel', {'columns': 'patient,day'})
    """
    format, _, columns = kind.partition(":")[2].partition(":")
    return format, {"columns": columns} if columns else {}


def figures(cohort: Cohort) -> Facts:
    """How much of what there is."""
    events = cohort.events
    facts: Facts = {
        "patients": len(cohort),
        "events": len(events),
        "visits": len(cohort.visits),
        "signals": len(cohort.signals),
        "codes": len(cohort.codes),
        "span": span(cohort),
    }
    facts = {name: held for name, held in facts.items() if held}
    kinds = events["kind"].value_counts(dropna=False)
    for kind, count in kinds.head(KINDS).items():
        valued = events["value"][events["kind"] == kind].notna().mean()
        codes = int((cohort.codes["kind"] == kind).sum())
        told = f", {100 * valued:.0f} % with a number" if valued else ""
        facts[f"events of {kind}"] = f"{count:,}, of {codes:,} codes{told}"
    if len(kinds) > KINDS:
        facts["more kinds of events"] = len(kinds) - KINDS
    return facts


def span(cohort: Cohort) -> str:
    """From the first to the last time."""
    times = pd.concat([cohort.events["time"], cohort.visits["start"]]).dropna()
    if times.empty:
        return ""
    if cohort.clock is Clock.CALENDAR:
        return f"{times.min():%Y-%m-%d} to {times.max():%Y-%m-%d}"
    return f"{times.min():g} to {times.max():g} {cohort.clock.value} from entry"
