"""Events of tables that name the patient by the visit alone: without one they are nobody's."""

from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles.layout import Layout, Part


def homeless(cohort: Cohort, layout: Layout) -> np.ndarray:
    """(events,) which have no visit, and a table that says of the patient no more than that."""
    through = [s.kind for s in layout.of(Part.EVENTS) if "subject_id" not in s.columns]
    lost = cohort.events["kind"].isin(through) & cohort.events["visit_id"].isna()
    return lost.to_numpy(bool)


def housed(cohort: Cohort, layout: Layout) -> Cohort:
    """Such events in the visit that began last before them, or else in the patient's first.

    Those of a patient without visits stay without; a writer leaves them out, and says how many.
    """
    lost = homeless(cohort, layout)
    if not lost.any() or not len(cohort.visits):
        return cohort
    events, visits = cohort.events.copy(), cohort.visits
    rows = events.loc[lost, ["subject_id", "time"]]
    first = visits.drop_duplicates("subject_id").set_index("subject_id")["visit_id"]
    timed = rows[rows["time"].notna()].rename_axis("row").reset_index().sort_values("time")
    begun = visits.loc[visits["start"].notna(), ["subject_id", "start", "visit_id"]]
    begun = begun.sort_values("start", kind="stable")
    found = pd.merge_asof(timed, begun, left_on="time", right_on="start", by="subject_id")
    home = found.set_index("row")["visit_id"].reindex(rows.index)
    home = home.where(home.notna(), rows["subject_id"].map(first)).astype(object)
    events.loc[lost, "visit_id"] = home.where(home.notna(), None)
    return replace(cohort, events=events)
