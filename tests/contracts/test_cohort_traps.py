"""Traps of longitudinal data: each is asked of a model, and of something that falls into it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.flow.training import went_wrong
from medsynai.forest import booster, trees
from medsynai.models.catalog import load_cohort_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

TREES = {"trees": 4, "bins": 20}
QUICK: dict[str, dict] = {
    "markov": {"lives": TREES},
    "events": {
        "width": 24,
        "memory": 12,
        "steps": 50,
        "lr": 0.02,
        "lives": {"settings": TREES, "pool": 1},
    },
}
NAMES = ("events", "markov")
N = 240


def ward(n: int = N, seed: int = 1) -> Cohort:
    """Every hour `pulse`; `lactate` at most of the hours of who dies and at few of the others'.

    Glucose is told in mg/dL by one ward and in mmol/L by the other: about 100, and about 5.5.
    """
    rng, rows = np.random.default_rng(seed), []
    people = pd.DataFrame({"subject_id": [f"{seed}-{i:03d}" for i in range(n)]})
    dies, old = rng.random(n) < 0.4, rng.random(n) < 0.5
    people["ward"] = np.where(old, "old", "new")
    start = pd.Timestamp("2018-01-01") + pd.to_timedelta(rng.integers(0, 9000, n), "h")
    hours = rng.integers(3, 15, n)
    for i, key in enumerate(people["subject_id"]):
        for hour in range(hours[i]):
            time = start[i] + pd.Timedelta(hours=hour)
            rows.append((key, time, "pulse", float(rng.integers(60, 90)), "1/min"))
            if rng.random() < (0.8 if dies[i] else 0.3):
                rows.append((key, time, "lactate", round(float(rng.normal(2, 0.3)), 1), "mmol/L"))
        sugar = (rng.normal(100, 8), "mg/dL") if old[i] else (rng.normal(5.5, 0.5), "mmol/L")
        rows.append((key, start[i], "glucose", round(float(sugar[0]), 1), sugar[1]))
    ends = pd.Series(start + pd.to_timedelta(hours, "h"))
    people["death"] = ends.where(dies)
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "value", "unit"])
    return Cohort.of(people, events)


def fit(name: str, cohort: Cohort):
    return load_cohort_model(name, QUICK.get(name)).fit(cohort, Ledger(), Seeds(3))


@pytest.fixture(scope="module")
def drawn():
    class Drawn(dict):
        def __missing__(self, name):
            self[name] = fit(name, ward()).sample(600, Seeds(4))
            return self[name]

    return Drawn()


def same(one: Cohort, two: Cohort) -> bool:
    return all(getattr(one, t).equals(getattr(two, t)) for t in ("subjects", "events", "visits"))


def counts(cohort: Cohort) -> np.ndarray:
    """(patients,) events of each."""
    return np.bincount(cohort.places(cohort.events["subject_id"]), minlength=len(cohort))


def apart(one: np.ndarray, two: np.ndarray) -> float:
    """The greatest distance of two distributions (Kolmogorov-Smirnov)."""
    grid = np.union1d(one, two)
    shares = [np.searchsorted(np.sort(x), grid, side="right") / len(x) for x in (one, two)]
    return float(np.abs(shares[0] - shares[1]).max())


@pytest.mark.parametrize("name", [*NAMES, "cut short"])
def test_patients_have_as_many_events_as_two_halves_of_real_ones_agree_on(name, drawn):
    """No drift of lengths; patients who are cut off after ten events are told by it."""
    real, rng = counts(ward()), np.random.default_rng(0)
    halves = [np.split(rng.permutation(real), 2) for _ in range(40)]
    limit = max(apart(*h) for h in halves)
    if name == "cut short":
        assert apart(np.minimum(real, 10), real) > limit
    else:
        assert apart(counts(drawn[name]), real) < limit


def unmeasured(cohort: Cohort) -> np.ndarray:
    """Share of hours without lactate, of who dies less of who does not."""
    whose = cohort.places(cohort.events["subject_id"])
    dies = cohort.subjects["death"].notna().to_numpy()[whose]
    code = cohort.events["code"].to_numpy()
    hours, told = ((code == c) for c in ("pulse", "lactate"))
    return np.array([1 - (told & d).sum() / (hours & d).sum() for d in (dies, ~dies)])


@pytest.mark.parametrize("name", ["events", "markov", "shuffle"])
def test_what_is_not_measured_hangs_on_the_outcome(name, drawn):
    """Models that are told how often each token comes keep it; events on their own lose it."""
    other = [unmeasured(ward(seed=s)) for s in range(2, 8)]
    real, made = unmeasured(ward()), unmeasured(drawn[name])
    error = np.abs(np.array(other) - real).max()
    assert real[1] - real[0] > 0.4
    if name == "markov":  # so many are told by a forest of four trees
        assert made[1] - made[0] > 0.25
    elif name == "events":
        assert made[1] - made[0] > 0.3 and np.abs(made - real).max() < 0.05 + error
    else:
        assert made[1] - made[0] < 0.2


@pytest.mark.parametrize("name", NAMES)
def test_two_units_under_one_code_keep_their_two_modes(name, drawn):
    """Kind, code and unit are the variable: nothing lies between, nor in the other's unit."""
    sugar = drawn[name].events.query("code == 'glucose'")
    low, high = (sugar.loc[sugar["unit"] == u, "value"] for u in ("mmol/L", "mg/dL"))
    assert min(len(low), len(high)) > 0.3 * len(sugar) and len(low) + len(high) == len(sugar)
    assert low.max() < 10 and high.min() > 60
    assert abs(low.mean() - 5.5) < 0.2 and abs(high.mean() - 100) < 3


def test_without_their_units_the_modes_would_be_in_one_variable():
    """The fault: a unit that is lost makes one variable of the two, and `check` cannot see it."""
    bare = ward()
    made = fit("markov", replace(bare, events=bare.events.assign(unit=None))).sample(300, Seeds(4))
    sugar = made.events.query("code == 'glucose'")
    assert sugar["unit"].isna().all() and sugar["value"].max() > 60 > 10 > sugar["value"].min()


@pytest.mark.parametrize("name", [*NAMES, "shuffle", "bootstrap"])
def test_rows_in_another_order_give_the_same_model(name):
    real, rng = ward(80), np.random.default_rng(0)
    parts = (f.iloc[rng.permutation(len(f))] for f in (real.subjects, real.events))
    mixed = Cohort.of(*(f.reset_index(drop=True) for f in parts))
    assert same(fit(name, real).sample(40, Seeds(5)), fit(name, mixed).sample(40, Seeds(5)))
    other = replace(real, events=real.events.assign(value=real.events["value"] + 1))
    assert not same(fit(name, real).sample(40, Seeds(5)), fit(name, other).sample(40, Seeds(5)))


@pytest.mark.parametrize("name", NAMES)
def test_patients_do_not_hang_on_blocks_of_work_or_on_earlier_draws(name, monkeypatch):
    fitted = fit(name, ward(80))
    first = fitted.sample(300, Seeds(6))
    fitted.sample(17, Seeds(7))
    for module in (trees, booster):
        monkeypatch.setattr(module, "BLOCK", 128)
    assert same(first, fitted.sample(300, Seeds(6)))
    assert first.clock is Clock.CALENDAR and not same(first, fitted.sample(300, Seeds(8)))


@pytest.mark.parametrize("name", NAMES)
def test_one_patient_with_nearly_all_events_decides_nothing(name):
    """Neither a number of theirs is drawn, nor so many events, nor is memory taken for them."""
    real = ward(100)
    key, many = real.subjects["subject_id"][0], 9 * len(real.events)
    first = real.events.loc[real.events["subject_id"] == key, "time"].min()
    own = pd.DataFrame({"time": first + pd.to_timedelta(np.arange(many), "min"), "value": 500.0})
    own = own.assign(subject_id=key, code="pulse", unit="1/min")
    living = real.subjects.assign(death=pd.NaT)
    both = Cohort.of(living, pd.concat([real.events, own], ignore_index=True))
    fitted = fit(name, both)
    drawn = fitted.sample(300, Seeds(4))
    assert counts(both).max() > 0.9 * counts(both).sum() > 100 * counts(drawn).max()
    pulse = drawn.events.query("code == 'pulse'")["value"]
    assert len(pulse) > 300 and pulse.max() < 100
    if name == "events":
        (told,) = went_wrong(fitted.facts, Ledger())
        assert "events of patients who have far more than others" in told
