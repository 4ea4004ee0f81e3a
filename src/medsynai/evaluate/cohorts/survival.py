"""Time to event of patients: the measures of tables on statics and the first numbers of each."""

from itertools import pairwise

import numpy as np
import pandas as pd

from medsynai.data.canonical import text_of, to_canonical
from medsynai.data.cohort import Clock, Cohort
from medsynai.data.infer import infer
from medsynai.data.schema import Survival
from medsynai.data.source import Format, Source
from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate import survival
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

TIMES = ("birth", "death", "entry", "exit")
FOLLOWED, DIED, AGE = "days of follow-up", "died", "age at entry"
DAY = 86_400_000_000  # microseconds
MOST, USUAL = 20, 0.8  # variables whose first number is looked at; and share of patients with one


def measure(trial: CohortTrial) -> Findings:
    """Curves, hazards and C-index; see `evaluate.survival`.

    Raises:
        AssessmentError: no pair of a time and an event, no holdout, or too few events.
    """
    named = {"train": trial.train, "holdout": trial.holdout, "synthetic": trial.synthetic}
    cohorts = [c for c in named.values() if c is not None]
    usual = _usual(trial.views["train"], len(trial.variables))
    firsts = {str(trial.variables[v]).split("|")[1]: v for v in usual}
    frames = [
        statics_of(c).assign(**{f"first {n}": _first(trial.views[k], v) for n, v in firsts.items()})
        for k, c in named.items()
        if c is not None
    ]
    whole = pd.concat(frames, ignore_index=True).fillna("")
    if not len(whole.columns):
        raise AssessmentError("nothing is told of a patient once")
    schema = infer(whole, text=True)  # everybody's levels and ranges
    if {FOLLOWED, DIED} <= set(schema.names):
        schema = schema.only(schema.names)
        pairs = (Survival(FOLLOWED, DIED, "yes"),)
        schema = type(schema)(schema.columns, survival=pairs)
    learnt = schema.only(tuple(c.name for c in schema.learnt))
    header = Source(Format.CSV, learnt.names)
    cuts = np.cumsum([0, *map(len, frames)])
    told = whole[list(learnt.names)]
    rows = [told.iloc[a:b].reset_index(drop=True) for a, b in pairwise(cuts)]
    tables = [
        Table(to_canonical(r, learnt, header), learnt, c.origin)
        for r, c in zip(rows, cohorts, strict=True)
    ]
    held = tables[1] if trial.holdout is not None else None
    seeds = trial.seeds.of("survival")
    return survival.measure(Trial(tables[0], held, tables[-1], None, seeds))


def _usual(train: View, variables: int) -> list[int]:
    """Variables that four in five train patients have a number of, at most 20, the commonest."""
    told = ~np.isnan(train.value)
    pairs = np.unique(train.code[told] * len(train) + train.patient[told]) // len(train)
    people = np.bincount(pairs, minlength=variables)
    order = np.argsort(-people, kind="stable")[:MOST]
    return [int(v) for v in order if people[v] >= USUAL * len(train)]


def _first(view: View, variable: int) -> list[str]:
    """(patients,) the first number of a variable as text, "" without one."""
    rows = np.flatnonzero((view.code == variable) & ~np.isnan(view.value))[::-1]
    found = np.full(len(view), np.nan)
    found[view.patient[rows]] = view.value[rows]  # the first is written last
    return ["" if np.isnan(v) else f"{v:.6g}" for v in found]


def statics_of(cohort: Cohort) -> pd.DataFrame:
    """(patients, columns) of text: the statics; where patients die, until when they are seen."""
    names = [n for n in cohort.subjects if n not in ("subject_id", *TIMES)]
    told = [n for n in names if cohort.subjects[n].notna().any()]
    frame = cohort.subjects[told].astype(object)
    frame = frame.map(lambda v: "" if pd.isna(v) else text_of(v)).reset_index(drop=True)
    begins = pd.Series(cohort.begins())
    if cohort.subjects["birth"].notna().any():
        frame[AGE] = _days(cohort, cohort.subjects["birth"], begins) / 365.25
        frame[AGE] = frame[AGE].map(lambda v: "" if np.isnan(v) else f"{v:.1f}")
    if cohort.subjects["death"].notna().any():
        last = cohort.events.groupby("subject_id")["time"].max()
        seen = last.reindex(cohort.subjects["subject_id"]).set_axis(cohort.subjects.index)
        ends = cohort.subjects["death"].fillna(cohort.subjects["exit"]).fillna(seen)
        days = _days(cohort, begins, ends.reset_index(drop=True))
        frame[FOLLOWED] = np.where(np.isnan(days), "", np.round(days, 3).astype(str))
        frame[DIED] = np.where(cohort.subjects["death"].notna(), "yes", "no")
    return frame


def _days(cohort: Cohort, start: pd.Series, end: pd.Series) -> np.ndarray:
    """(patients,) days from one moment to another; NaN where one is not known."""
    passed = end.reset_index(drop=True) - start.reset_index(drop=True)
    if cohort.clock is Clock.CALENDAR:
        return passed.dt.total_seconds().to_numpy("float64") / 86_400
    return passed.to_numpy("float64") * cohort.clock.microseconds / DAY
