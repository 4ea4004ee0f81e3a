"""Visits of drawn patients come one behind the other, and hold what lies in visits."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Cohort
from medsynai.generator import Condition, Wanted
from medsynai.models.catalog import load_cohort_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

LIVES = {"trees": 2, "bins": 20}
SMALL = {"settings": LIVES, "pool": 1}
QUICK: dict[str, dict] = {
    "markov": {"lives": LIVES},
    "events": {"width": 16, "memory": 8, "steps": 15, "lr": 0.01, "lives": SMALL},
    "shuffle": {},
}


def ward(n: int = 90) -> Cohort:
    """One to four admissions, labs in them, a week and more between them; pressures at home."""
    rng, rows, stays = np.random.default_rng(4), [], []
    people = pd.DataFrame({"subject_id": [f"P{i:03d}" for i in range(n)]})
    people["sex"] = np.where(rng.random(n) < 0.5, "F", "M")
    hour = pd.Timedelta(hours=1)
    for key in people["subject_id"]:
        at = pd.Timestamp("2015-01-01") + hour * int(rng.integers(0, 20_000))
        for k in range(int(rng.integers(1, 5))):
            hours, visit = int(rng.integers(24, 160)), f"{key}-{k}"
            stays.append((visit, key, at, at + hour * hours, rng.choice(["EM", "EL"])))
            for _ in range(int(rng.integers(2, 6))):
                rows.append((key, at + hour * int(rng.integers(0, hours)), "lab", visit))
            rows.append((key, at + hour * (hours + int(rng.integers(1, 90))), "home", None))
            at += hour * (hours + int(rng.integers(168, 3_000)))
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "visit_id"])
    names = ["visit_id", "subject_id", "start", "end", "kind"]
    return Cohort.of(people, events, pd.DataFrame(stays, columns=names))


@pytest.mark.parametrize("name", QUICK)
def test_visits_of_drawn_patients_keep_the_laws_of_real_ones(name):
    fitted = load_cohort_model(name, QUICK[name]).fit(ward(), Ledger(), Seeds(3))
    women = Condition((Wanted("sex", ("F",)),))
    for made in (fitted.sample(200, Seeds(1)), fitted.sample(50, Seeds(2), women)):
        stays = made.visits.sort_values(["subject_id", "start"])
        following = stays.groupby("subject_id")["start"].shift(-1)
        assert not ((stays["end"] > following) | (stays["start"] == following)).any()
        assert set(stays["subject_id"]) == set(made.subjects["subject_id"])
        labs = made.events[made.events["code"] == "lab"]
        held = labs.merge(stays, on="visit_id")
        assert len(held) == len(labs) and (held["subject_id_x"] == held["subject_id_y"]).all()
        assert ((held["start"] <= held["time"]) & (held["time"] <= held["end"])).all()
        assert made.events.loc[made.events["code"] == "home", "visit_id"].isna().all()
