"""Columns beside visits that never change in a patient: told once, as the patient's own."""

from dataclasses import replace

import pandas as pd

from medsynai.data.cohort import OF_VISITS, Cohort

STEADY = 0.95  # share of patients with several visits in whom a column does not change
SEVERAL = 10  # such patients, below whom that says nothing
SUFFIX = " (visits)"


def steady_columns(cohort: Cohort) -> tuple[str, ...]:
    """The columns beside visits that hardly any patient has twice in different ways."""
    frame = cohort.extras.get(OF_VISITS)
    if frame is None:
        return ()
    visits = cohort.visits["subject_id"].reindex(frame.index)
    many = visits.map(visits.value_counts()) > 1
    if visits[many].nunique() < SEVERAL:
        return ()
    kinds = frame[many].groupby(visits[many]).nunique(dropna=False)
    steady = [str(n) for n in frame if (kinds[n] <= 1).mean() >= STEADY]
    return tuple(n for n in steady if frame[n].nunique() > 1)  # a constant tells of no patient


def lifted(cohort: Cohort, names: tuple[str, ...]) -> Cohort:
    """With these columns among the subjects', from each patient's last visit."""
    frame = cohort.extras.get(OF_VISITS)
    if not names or frame is None:
        return cohort
    subjects = cohort.subjects.copy()
    whose = cohort.visits["subject_id"].reindex(frame.index)
    for name in names:
        if name in frame:
            told = frame[name].dropna()
            last = told[~whose[told.index].duplicated(keep="last")]
            values = last.set_axis(whose[last.index]).reindex(subjects["subject_id"])
            subjects[name + SUFFIX] = values.astype(object).where(values.notna(), None).to_numpy()
    rest = frame.drop(columns=[n for n in names if n in frame])
    return replace(cohort, subjects=subjects, extras=_with_visits(cohort, rest))


def lowered(cohort: Cohort, names: tuple[str, ...]) -> Cohort:
    """The inverse: each patient's visits all say the same."""
    mine = [n for n in names if n + SUFFIX in cohort.subjects]
    if not mine:
        return cohort
    place = cohort.places(cohort.visits["subject_id"])
    told = cohort.subjects[[n + SUFFIX for n in mine]].iloc[place]
    told = told.set_axis(cohort.visits.index).set_axis(mine, axis=1)
    beside = cohort.extras.get(OF_VISITS, pd.DataFrame(index=cohort.visits.index))
    whole = pd.concat([beside.reindex(cohort.visits.index), told], axis=1)
    subjects = cohort.subjects.drop(columns=[n + SUFFIX for n in mine])
    return replace(cohort, subjects=subjects, extras=_with_visits(cohort, whole))


def _with_visits(cohort: Cohort, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    extras = {k: f for k, f in cohort.extras.items() if k != OF_VISITS}
    return extras | ({OF_VISITS: frame} if len(frame.columns) and len(frame) else {})
