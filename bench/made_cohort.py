"""A cohort that nobody was in: visits, numbers that go on, codes that stand together, deaths."""

import numpy as np
import pandas as pd

from medsynai.data.cohort import Clock, Cohort

CHRONIC = 12  # codes of the first visit
RARE = 4  # of which few have each
SPAN = 30.0  # days between visits, in the mean


def cohort(patients: int, seed: int) -> Cohort:
    """How ill somebody is moves their numbers, codes, gaps and death; what flares is treated."""
    rng = np.random.default_rng(seed)
    ill, woman = rng.normal(size=patients), rng.random(patients) < 0.5
    many = 3 + rng.poisson(np.exp(1.4 - 0.2 * ill))
    whose = np.repeat(np.arange(patients), many)
    first = np.cumsum(many) - many
    gap = np.maximum(rng.exponential(SPAN * np.exp(-0.4 * ill[whose])), 1).round()
    gap[first] = 0
    time = np.cumsum(gap) - np.cumsum(gap)[first][whose]
    course, seen = _walks(first, len(whose), rng)
    level = 1 + 0.6 * ill[whose] + 0.5 * course
    salt = 140 + 2 * rng.normal(size=patients)[whose] + rng.normal(size=len(whose))
    numbers = {
        "crp": (np.exp(level).round(1), np.ones(len(whose), bool)),
        "hb": (13 - 0.8 * level + 0.8 * woman[whose] + 0.4 * rng.normal(size=len(whose)), seen),
        "sodium": (salt, rng.random(len(whose)) < 0.8),
    }
    rows = [
        pd.DataFrame({"of": whose, "time": time, "code": code, "value": value.round(1)})[there]
        for code, (value, there) in numbers.items()
    ]
    flare = course > 0.8
    after = np.r_[False, flare[:-1]] & (gap > 0) & (rng.random(len(whose)) < 0.9)
    for code, there in (("flare", flare), ("steroid", after)):
        rows.append(pd.DataFrame({"of": whose[there], "time": time[there], "code": code}))
    rows += _conditions(ill, rng)
    events = pd.concat(rows, ignore_index=True)
    events["subject_id"] = events.pop("of").map(str)
    last = time[first + many - 1] + SPAN
    died = rng.random(patients) < 1 / (1 + np.exp(1 - 1.5 * ill))
    people = pd.DataFrame(
        {
            "subject_id": np.arange(patients).astype(str),
            "sex": np.where(woman, "f", "m"),
            "stage": np.array(["I", "II", "III"])[np.digitize(ill, [-0.5, 0.7])],
            "entry": 0.0,
            "exit": last,
            "death": np.where(died, last, np.nan),
        }
    )
    return Cohort.of(people, events, clock=Clock.DAYS)


def _walks(
    first: np.ndarray, visits: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(visits,) a number that goes on from visit to visit, and spells in which one is measured."""
    noise, turn = rng.normal(size=visits), rng.random(visits)
    course, seen = np.zeros(visits), np.zeros(visits, bool)
    begins = np.zeros(visits, bool)
    begins[first] = True
    for i in range(visits):
        fresh = begins[i]
        course[i] = noise[i] if fresh else 0.8 * course[i - 1] + 0.6 * noise[i]
        seen[i] = turn[i] < 0.5 if fresh else seen[i - 1] ^ (turn[i] < 0.2)
    return course, seen


def _conditions(ill: np.ndarray, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Codes at the beginning: three groups of four that stand together, and rare ones."""
    group = rng.normal(size=(len(ill), 3)) + 0.4 * ill[:, None]
    found = []
    for k in range(CHRONIC + RARE):
        chance = 0.05 if k >= CHRONIC else 1 / (1 + np.exp(1.5 - 2 * group[:, k % 3]))
        has = np.flatnonzero(rng.random(len(ill)) < chance)
        found.append(
            pd.DataFrame({"of": has, "time": 0.0, "code": f"c{k:02d}", "kind": "condition"})
        )
    return found
