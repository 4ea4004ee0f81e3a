"""What stands beside events and visits, drawn after them: `medsynai.codec.beside`, kind by kind."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medsynai import store
from medsynai.codec.beside import Beside, Rows
from medsynai.codec.lives import FINEST, Times
from medsynai.codec.spots import Around, Spot, as_texts, spots_of
from medsynai.data.cohort import OF_VISITS, Clock, Cohort
from medsynai.data.schema import Schema
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

NAME = "beside"


@dataclass(frozen=True)
class Least:
    """Settings.

    Attributes:
        least: train patients behind each level, bin and pair.
    """

    least: int = 3


@dataclass(frozen=True)
class FittedBeside:
    """Counts of what stands beside each kind of event; never a row."""

    kinds: dict[str, Beside]

    def draw(self, cohort: Cohort, seeds: Seeds) -> Cohort:
        """The cohort with what stands beside its events and visits."""
        made = {}
        for kind, beside in sorted(self.kinds.items()):
            rows = _rows(cohort, kind)
            if len(rows):
                made[kind] = beside.draw(rows, seeds.of(NAME, kind).numpy())
        return replace(cohort, extras=made)

    def save(self, folder: Path) -> None:
        """Write the model folder's own folder `beside`."""
        names = sorted(self.kinds)
        arrays: store.Arrays = {}
        facts = {}
        for place, kind in enumerate(names):
            beside = self.kinds[kind]
            arrays |= beside.arrays(str(place))
            spots = [store.to_plain(c.spot) for c in beside.columns]
            facts[kind] = {"codes": list(beside.codes), "spots": spots}
        (folder / NAME).mkdir(mode=0o700)
        write_model(folder / NAME, Saved(NAME, Least(), Schema(()), {"kinds": facts}, arrays))


def fit_beside(
    cohort: Cohort, ledger: Ledger, settings: Least | None = None
) -> tuple[FittedBeside, tuple[str, ...]]:
    """Learn from train patients; and what cannot be drawn, named with why."""
    least = (settings or Least()).least
    note = f"exact counts, each of {least} train patients or more"
    ledger.charge(Release("count what stands beside events", note=note))
    kinds, notes = {}, []
    for kind, frame in sorted(cohort.extras.items()):
        rows = _rows(cohort, kind)
        texts = as_texts(frame).reindex(rows.code.index)
        around = Around(rows.start, rows.end, rows.whose, cohort.clock is Clock.CALENDAR)
        found = dict(spots_of(texts, around, least))
        notes += [f"not drawn: {kind}.{n} ({s})" for n, s in found.items() if isinstance(s, str)]
        spots = [(s, texts[n]) for n, s in found.items() if isinstance(s, Spot)]
        if spots:
            kinds[kind] = Beside.fit(rows, spots, least)
    return FittedBeside(kinds), tuple(notes)


def _rows(cohort: Cohort, kind: str) -> Rows:
    """The rows of a kind of event, or the visits."""
    of = kind == OF_VISITS
    frame = cohort.visits if of else cohort.events[cohort.events["kind"] == kind]
    micro = Times(cohort.clock, 1 if cohort.clock is Clock.CALENDAR else FINEST)
    start, end = ("start", "end") if of else ("time", "end_time")
    value = np.full(len(frame), np.nan) if of else frame["value"].to_numpy("float64")
    return Rows(
        frame["kind" if of else "code"].fillna(""),
        value,
        micro.ticks(frame[start]),
        micro.ticks(frame[end]),
        cohort.places(frame["subject_id"]),
    )


def load_beside(folder: Path) -> FittedBeside:
    """From a model's folder; of one without the folder `beside`: nothing is drawn.

    Raises:
        ModelError: a folder that is not whole.
    """
    if not (folder / NAME).is_dir():
        return FittedBeside({})
    return read_model(folder / NAME, NAME, Least, _build)


def _build(whole: Saved) -> FittedBeside:
    kinds = {}
    for place, kind in enumerate(sorted(whole.facts["kinds"])):
        facts = whole.facts["kinds"][kind]
        spots = [store.from_plain(Spot, s, "spot") for s in facts["spots"]]
        kinds[kind] = Beside.load(tuple(facts["codes"]), spots, whole.arrays, str(place))
    return FittedBeside(kinds)
