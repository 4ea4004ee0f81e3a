"""Patients of a cohort drawn anew, some twice: for positive controls, and to count how often."""

from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.cohort import Cohort


def copied(cohort: Cohort, pick: np.ndarray) -> Cohort:
    """The patients at these places, each with all events and visits, under keys counted from 1.

    Extra columns and signals stay behind.
    """
    keys = pd.Series(np.arange(1, len(pick) + 1).astype(str), dtype=object)
    events, of_event = _taken(cohort, cohort.events, pick)
    visits, of_visit = _taken(cohort, cohort.visits, pick)
    number = pd.Series(np.arange(1, len(cohort.visits) + 1).astype(str), cohort.visits["visit_id"])

    def key(names: pd.Series, place: np.ndarray) -> pd.Series:
        known = names.map(number)
        whole = keys.iloc[place].set_axis(names.index, axis=0) + "-" + known
        return whole.astype(object).where(known.notna(), None)

    people = cohort.subjects.iloc[pick].reset_index(drop=True).assign(subject_id=keys)
    events = events.assign(
        subject_id=keys.iloc[of_event].to_numpy(), visit_id=key(events["visit_id"], of_event)
    )
    visits = visits.assign(
        subject_id=keys.iloc[of_visit].to_numpy(),
        visit_id=key(visits["visit_id"], of_visit),
        previous=key(visits["previous"], of_visit),
    )
    whole = Cohort.of(people, events, visits, cohort.codes, clock=cohort.clock)
    return replace(whole, origin=cohort.origin)


def _taken(
    cohort: Cohort, frame: pd.DataFrame, pick: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows of the patients picked, and the place in `pick` that each row is of."""
    place = cohort.places(frame["subject_id"])
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(cohort) + 1))
    sizes = (starts[1:] - starts[:-1])[pick]
    of = np.repeat(np.arange(len(pick)), sizes)
    within = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = order[np.repeat(starts[pick], sizes) + within]
    return frame.iloc[rows].reset_index(drop=True), of
