"""A side on which there is nothing of a kind is told in words; no measure breaks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Cohort
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.panel import COHORT_PANEL, judge
from medsynai.seeds import Seeds

QUICK = (
    "rules",
    "visits",
    "prevalence",
    "course",
    "outcome",
    "value",
    "visit",
    "survival",
    "pictures",
)


def ward(seed: int, n: int = 60) -> Cohort:
    """Two visits each, lactate at those of who dies."""
    rng, rows, stays = np.random.default_rng(seed), [], []
    people = pd.DataFrame({"subject_id": [f"{seed}-{i}" for i in range(n)]})
    dies = rng.random(n) < 0.5
    for i, key in enumerate(people["subject_id"]):
        for k in range(3):
            visit = f"{key}-{k}"
            start = pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(30 * k + i))
            stays.append((visit, key, start))
            rows += [
                (
                    key,
                    start + pd.Timedelta(hours=int(h)),
                    "pulse",
                    float(rng.integers(60, 90)),
                    visit,
                )
                for h in range(rng.integers(2, 6))
            ]
            if dies[i] or rng.random() < 0.3:
                rows.append((key, start, "lactate", float(rng.normal(2, 0.3)), visit))
    people["death"] = pd.Series(pd.Timestamp("2020-09-01"), people.index).where(dies)
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "value", "visit_id"])
    visits = pd.DataFrame(stays, columns=["visit_id", "subject_id", "start"])
    return Cohort.of(people, events, visits)


def without_visits(cohort: Cohort) -> Cohort:
    events = cohort.events.assign(visit_id=None)
    return replace(cohort, events=events, visits=cohort.visits.iloc[:0])


CUTS = {
    "no visits": without_visits,
    "no numbers": lambda c: replace(c, events=c.events.assign(value=np.nan)),
    "no outcome": lambda c: replace(c, subjects=c.subjects.assign(death=pd.NaT)),
    "no events": lambda c: replace(c, events=c.events.iloc[:0]),
    "no times": lambda c: replace(c, events=c.events.assign(time=pd.NaT)),
    "a code less": lambda c: replace(c, events=c.events[c.events["code"] == "pulse"]),
    "one patient": lambda c: c.only(np.array([0])),
    "nobody": lambda c: c.only(np.zeros(0, np.int64)),
}
REAL, HELD, MADE = ward(1), ward(2), ward(3)


@pytest.mark.filterwarnings("error:Mean of empty slice")
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("where", ["synthetic", "train", "holdout", "all"])
def test_no_measure_breaks_where_there_is_nothing(cut, where):
    """It says why it cannot judge, in a word on patients, events or variables."""
    sides = {"train": REAL, "holdout": HELD, "synthetic": MADE}
    cutting = CUTS[cut]
    sides = {k: cutting(c) if where in (k, "all") else c for k, c in sides.items()}
    card = judge(CohortTrial(**sides, seeds=Seeds(0)), QUICK, panel=COHORT_PANEL)
    assert card.failed == {}
    assert all(" " in why and "Error" not in why for why in card.skipped.values())
