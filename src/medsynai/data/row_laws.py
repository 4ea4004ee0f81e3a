"""Two laws of rows that no drawing knows: facts stand once, and numbers count the rows of a visit.

A diagnosis without a time does not stand twice in an admission; MIMIC's `seq_num` runs from 1 in
each of them.
"""

from dataclasses import dataclass, replace

import pandas as pd

from medsynai.data.cohort import OF_VISITS, Cohort

STEADY = 0.95  # share of visits of several rows that a column counts
SEVERAL = 10  # such visits, below whom that says nothing
FACT = ["subject_id", "visit_id", "kind", "code", "unit", "text", "value"]


@dataclass(frozen=True)
class RowLaws:
    """What holds in the source.

    Attributes:
        once: kinds of events of which no fact (a row without a time) stands twice.
        counting: kinds and their columns beside that count the rows of a visit from 1.
    """

    once: tuple[str, ...] = ()
    counting: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(cohort: Cohort) -> "RowLaws":
        """The laws of train patients."""
        facts = cohort.events[cohort.events["time"].isna()]
        twice = set(facts["kind"][facts.duplicated(FACT)])
        once = sorted({k for k in facts["kind"].unique() if isinstance(k, str)} - twice)
        found = []
        for kind, frame in cohort.extras.items():
            if kind != OF_VISITS:
                visits = cohort.events["visit_id"].reindex(frame.index)
                found += [(kind, str(n)) for n in frame if _counts(frame[n], visits)]
        return RowLaws(tuple(once), tuple(found))

    def facts_once(self, cohort: Cohort) -> Cohort:
        """Without facts that stand once more; before anything is beside them."""
        events = cohort.events
        again = events["time"].isna() & events["kind"].isin(self.once) & events.duplicated(FACT)
        return replace(cohort, events=events[~again].reset_index(drop=True))

    def numbered(self, cohort: Cohort) -> Cohort:
        """With such columns counted anew, in the order of what they say; without a visit, as is."""
        extras = dict(cohort.extras)
        for kind, name in self.counting:
            frame = extras.get(kind)
            if frame is None or name not in frame:
                continue
            visits = cohort.events["visit_id"].reindex(frame.index)
            said = pd.to_numeric(frame[name], errors="coerce")
            order = said[visits.notna()].sort_values(kind="stable").index
            place = visits[order].groupby(visits[order]).cumcount() + 1
            count = place.map(str).astype(object).reindex(frame.index)
            extras[kind] = frame.assign(**{name: count.where(count.notna(), frame[name])})
        return replace(cohort, extras=extras)


def _counts(texts: pd.Series, visits: pd.Series) -> bool:
    """Whether a column counts the rows of each visit from 1."""
    numbers = pd.to_numeric(texts, errors="coerce")
    told = numbers.groupby(visits).agg(["size", "nunique", "min", "max"])
    many = told[told["size"] > 1]
    whole = (many["min"] == 1) & (many["max"] == many["size"]) & (many["nunique"] == many["size"])
    return len(many) >= SEVERAL and bool(whole.mean() >= STEADY)
