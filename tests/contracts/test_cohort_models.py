"""Every model of cohorts is asked the same questions."""

import json

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.integrity import check
from medsynai.errors import InputError, ModelError
from medsynai.generator import Condition, Wanted
from medsynai.models.catalog import load_cohort_model, load_model, open_model
from medsynai.models.entries import CATALOG
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

ENTRIES = [entry for entry in CATALOG if "cohorts" in entry.data]
NAMES = [entry.name for entry in ENTRIES]
SAVED = [entry.name for entry in ENTRIES if entry.loader]
# Settings small enough that all questions together take seconds.
LIVES = {"trees": 2, "bins": 20}
QUICK: dict[str, dict] = {
    "markov": {"lives": LIVES},
    "events": {"width": 16, "memory": 8, "steps": 40, "lr": 0.01, "lives": {"settings": LIVES}},
}
TABLES = ("subjects", "events", "visits")


def quick(name: str):
    return load_cohort_model(name, QUICK.get(name))


def ward(n: int = 150, seed: int = 2) -> Cohort:
    """Hourly stays: after `a` always comes `b`; `preg` is for women; one code is one patient's."""
    rng, events, visits = np.random.default_rng(seed), [], []
    people = pd.DataFrame({"subject_id": [f"P{i:03d}" for i in range(n)]})
    people["sex"] = np.where(rng.random(n) < 0.5, "F", "M")
    starts = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 30_000, n), "h")
    people["birth"] = starts.normalize() - pd.to_timedelta(rng.integers(7000, 30000, n), "D")
    people["ward"] = rng.choice(["north", "south"], n)
    last = []
    for i, start in enumerate(starts):
        key, time = people["subject_id"][i], start
        visits.append((f"V{i:03d}", key, start, start + pd.Timedelta(days=9), "inpatient"))
        for _ in range(rng.integers(1, 7)):
            time += pd.Timedelta(hours=int(rng.integers(1, 4)))
            stay = f"V{i:03d}"
            events.append((key, time, "a", round(float(rng.normal(37, 0.5)), 1), stay, "lab"))
            events.append((key, time, "b", float(rng.integers(50, 90)), stay, "lab"))
            if people["sex"][i] == "F" and rng.random() < 0.3:
                events.append((key, time, "preg", np.nan, stay, "dx"))
        last.append(time)
    events.append((people["subject_id"][0], starts[0], "rare", 7.123, None, "lab"))
    people["death"] = pd.Series(last).where(rng.random(n) < 0.3)
    names = ["subject_id", "time", "code", "value", "visit_id", "kind"]
    stays = pd.DataFrame(visits, columns=["visit_id", "subject_id", "start", "end", "kind"])
    codes = pd.DataFrame({"kind": ["dx"], "code": ["preg"], "sex": ["F"]})
    return Cohort.of(people, pd.DataFrame(events, columns=names), stays, codes)


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return ward()


@pytest.fixture(scope="module")
def fitted(cohort):
    class Models(dict):
        def __missing__(self, name):
            self[name] = quick(name).fit(cohort, Ledger(), Seeds(3))
            return self[name]

    return Models()


def equal(one: Cohort, two: Cohort) -> bool:
    return all(getattr(one, t).equals(getattr(two, t)) for t in TABLES)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_patients_and_another_seed_others(name, cohort, fitted):
    again = quick(name).fit(cohort, Ledger(), Seeds(3))
    one = fitted[name].sample(40, Seeds(4))
    assert equal(one, again.sample(40, Seeds(4)))
    assert not equal(one, fitted[name].sample(40, Seeds(5)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 1500])
def test_exactly_n_patients_whose_keys_hold_and_whose_times_are_in_order(name, n, fitted):
    """Ten times as many as were learnt from: no orphan, nothing behind a death, no rule broken."""
    drawn = fitted[name].sample(n, Seeds(1))
    assert len(drawn) == n and drawn.origin == "synthetic"
    wrong = {p.what for p in check(drawn)}
    assert wrong <= {"repeated events", "several values at one time", "patients without events"}
    events = drawn.events.dropna(subset="visit_id")
    assert len(events) or n == 1
    stays = drawn.visits.set_index("visit_id")
    at = stays.reindex(events["visit_id"])
    assert (at["start"].to_numpy() <= events["time"].to_numpy()).all()
    steps = drawn.events.groupby("subject_id")["time"].diff().dropna()
    assert (steps % pd.Timedelta(hours=1) == pd.Timedelta(0)).all()
    assert (steps >= pd.Timedelta(0)).all()


@pytest.mark.parametrize("name", NAMES)
def test_no_patients_are_refused(name, fitted):
    with pytest.raises(InputError):
        fitted[name].sample(0, Seeds(1))


@pytest.mark.parametrize("name", NAMES)
def test_codes_keep_their_shares_and_numbers_their_decimals(name, cohort, fitted):
    drawn = fitted[name].sample(1500, Seeds(8))
    real, made = (c.events["code"].value_counts(normalize=True) for c in (cohort, drawn))
    for code in ("a", "b", "preg"):
        assert abs(real[code] - made[code]) < 0.05
    values = drawn.events.loc[drawn.events["code"] == "a", "value"]
    assert np.allclose(values, values.round(1), atol=1e-12)
    assert abs(values.mean() - 37) < 0.1
    mean = cohort.events.groupby("subject_id").size().mean()
    assert abs(drawn.events.groupby("subject_id").size().mean() - mean) < 0.2 * mean


@pytest.mark.parametrize("name", [n for n in NAMES if n != "shuffle"])
def test_what_follows_stays_behind(name, fitted):
    """`a` and `b` stand at one time, always."""
    events = fitted[name].sample(800, Seeds(8)).events
    at = {c: set(map(tuple, events.loc[events["code"] == c, ["subject_id", "time"]].to_numpy()))
          for c in "ab"}  # fmt: skip
    assert len(at["a"] & at["b"]) > 0.9 * len(at["a"] | at["b"])


@pytest.mark.parametrize("name", SAVED)
def test_a_code_of_one_patient_is_neither_drawn_nor_kept(name, fitted, tmp_path):
    assert "rare" not in set(fitted[name].sample(1500, Seeds(2)).events["code"])
    fitted[name].save(tmp_path)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b'"rare"' not in path.read_bytes()


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_model_draws_the_same_and_holds_no_row(name, cohort, fitted, tmp_path):
    fitted[name].save(tmp_path)
    assert equal(fitted[name].sample(30, Seeds(1)), open_model(tmp_path).sample(30, Seeds(1)))
    assert json.loads((tmp_path / "model.json").read_text())["model"] == name
    from medsynai import store

    text = b"".join(p.read_bytes() for p in tmp_path.rglob("*.json"))
    assert not any(key.encode() in text for key in cohort.subjects["subject_id"])
    for path in tmp_path.rglob("*.safetensors"):
        for array in store.load_arrays(path).values():
            assert not {len(cohort), len(cohort.events)} & set(array.shape)


@pytest.mark.parametrize("name", SAVED)
def test_a_model_without_some_weights_is_refused(name, fitted, tmp_path):
    from medsynai import store

    fitted[name].save(tmp_path)
    arrays = store.load_arrays(tmp_path / "weights.safetensors")
    arrays.pop(sorted(arrays)[0])
    store.save_arrays(tmp_path / "weights.safetensors", arrays)
    with pytest.raises(ModelError):
        open_model(tmp_path)


def test_a_model_that_holds_patients_is_never_saved(fitted, tmp_path):
    with pytest.raises(ModelError, match="never saved"):
        fitted["bootstrap"].save(tmp_path)


@pytest.mark.parametrize("name", SAVED)
def test_a_condition_is_met_by_every_patient(name, fitted):
    drawn = fitted[name].sample(60, Seeds(1), Condition((Wanted("sex", ("F",)),)))
    assert set(drawn.subjects["sex"]) == {"F"}


def one_step(n: int = 60) -> Cohort:
    rows = {"subject_id": [str(i) for i in range(n)], "code": ["x"] * n, "time": [0.5] * n}
    return Cohort.of(events=pd.DataFrame(rows), clock=Clock.HOURS)


def unhappened(n: int = 60) -> Cohort:
    people = pd.DataFrame({"subject_id": [str(i) for i in range(n)], "sex": ["F", "M"] * (n // 2)})
    rows = {"subject_id": ["0", "1", "2", "3"], "code": ["x"] * 4, "time": [0.0, 1.0, 2.0, 2.0]}
    return Cohort.of(people, pd.DataFrame(rows), clock=Clock.DAYS)


def by_the_day(n: int = 60) -> Cohort:
    """Who dies does so on the day of the last visit, which began in the evening of it.

    A part are newborns, whom something happened to hours before they were entered.
    """
    keys, day = [str(i) for i in range(n)], pd.Timestamp("2020-03-01")
    days = day + pd.to_timedelta(np.arange(n), "D")
    start = days + pd.to_timedelta(17 + np.arange(n) % 5, "h")
    young = np.arange(n) % 3 == 0
    people = pd.DataFrame({"subject_id": keys, "death": days.where(np.arange(n) % 2 == 0)})
    people["birth"] = days.where(young, days - pd.Timedelta(days=20_000))
    people["entry"] = start + pd.to_timedelta(np.arange(n) % 4, "h")
    stays = pd.DataFrame({"visit_id": keys, "subject_id": keys, "start": start, "kind": "x"})
    stays["end"] = start + pd.to_timedelta(np.where(np.arange(n) % 2, 30, 2), "h")
    rows = pd.DataFrame({"subject_id": keys, "visit_id": keys, "time": start, "code": "x"})
    return Cohort.of(people, rows, stays)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", [one_step, unhappened, by_the_day])
def test_odd_cohorts(name, odd):
    real = odd()
    drawn = quick(name).fit(real, Ledger(), Seeds(1)).sample(300, Seeds(2))
    assert len(drawn) == 300 and set(drawn.events["code"]) <= {"x"}
    lawful = {"repeated events", "several values at one time", "patients without events"}
    lawful |= {p.what for p in check(real)} if name == "bootstrap" else set()  # real ones, as is
    assert {p.what for p in check(drawn)} <= lawful


def entered(n: int = 150, clock: Clock = Clock.CALENDAR) -> Cohort:
    """Visits begin up to two hours before the entry; everything that happens lies in follow-up."""
    rng = np.random.default_rng(5)
    keys = [str(i) for i in range(n)]
    start, late = 100.0 + np.arange(n) * 30, rng.integers(0, 3, n)
    many, wait = rng.integers(1, 6, n), rng.integers(0, 3, n)
    whose = np.repeat(np.arange(n), many)
    passed = np.arange(len(whose)) - np.repeat(np.cumsum(many) - many, many)
    time = (start + late + wait)[whose] + passed
    last = pd.Series(time).groupby(whose).max().to_numpy()
    if clock is not Clock.CALENDAR:
        time, last, start = time - start[whose], last - start, start * 0

    def said(hours):
        if clock is not Clock.CALENDAR:
            return hours
        return pd.Timestamp("2019-03-01 00:30") + pd.to_timedelta(hours, "h")

    people = pd.DataFrame({"subject_id": keys, "entry": said(start + late)})
    people["exit"] = said(last + rng.integers(0, 2, n))
    stays = pd.DataFrame({"visit_id": keys, "subject_id": keys, "start": said(start), "kind": "x"})
    rows = pd.DataFrame({"subject_id": np.array(keys)[whose], "time": said(time)})
    rows["visit_id"], rows["code"] = rows["subject_id"], rng.choice(["a", "b"], len(whose))
    return Cohort.of(people, rows, stays, clock=clock)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("clock", [Clock.CALENDAR, Clock.HOURS])
def test_nothing_happens_outside_of_follow_up_where_visits_begin_before_the_entry(name, clock):
    real = entered(clock=clock)
    drawn = quick(name).fit(real, Ledger(), Seeds(1)).sample(1500, Seeds(2))
    people = drawn.subjects.set_index("subject_id")
    assert (people["entry"] <= people["exit"]).all()
    mine = people.reindex(drawn.events["subject_id"]).reset_index()
    assert (mine["entry"] <= drawn.events["time"]).all()
    assert (drawn.events["time"] <= mine["exit"]).all()
    first = drawn.visits.groupby("subject_id")["start"].min()
    assert (first.to_numpy() < people["entry"].reindex(first.index).to_numpy()).mean() > 0.1


def coming_again(n: int = 150) -> Cohort:
    """Visits of a day or two, months apart; all that happens lies in one, the last ends it."""
    rng, visits, rows, people = np.random.default_rng(7), [], [], []
    for i in range(n):
        start = begun = 100.0 * i
        for k in range(rng.integers(1, 4)):
            key, hours = f"{i}-{k}", np.cumsum(rng.integers(1, 5, rng.integers(4, 12)))
            rows += [(str(i), start + h, c, key) for h in hours for c in "ab"]
            visits.append((key, str(i), start, start + hours[-1] + 2, "in"))
            last, start = start + hours[-1] + 2, start + rng.integers(1000, 5000)
        people.append((str(i), begun, last))
    subjects = pd.DataFrame(people, columns=["subject_id", "entry", "exit"])
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "visit_id"])
    columns = ["visit_id", "subject_id", "start", "end", "kind"]
    stays = pd.DataFrame(visits, columns=columns)
    return Cohort.of(subjects, events, stays, clock=Clock.HOURS)


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_in_visits_lies_in_visits_and_no_visit_runs_on(name):
    """Of who has a visit all events lie in one; and a chain's are as long as real ones."""
    real = coming_again()
    drawn = quick(name).fit(real, Ledger(), Seeds(1)).sample(600, Seeds(2))
    events = drawn.events.merge(drawn.visits, on="visit_id", how="left")
    alone = events[events["visit_id"].isna()]["subject_id_x"]
    assert not set(alone) & set(drawn.visits["subject_id"])
    held = events[events["visit_id"].notna()]
    assert (held["start"] <= held["time"]).all() and (held["time"] <= held["end"]).all()
    ends = drawn.subjects.set_index("subject_id")["exit"].reindex(drawn.visits["subject_id"])
    if name == "markov":
        assert len(held) > 0.99 * len(events)
        assert (drawn.visits["end"].to_numpy() <= ends.to_numpy() + 2).mean() > 0.95
        long, much = ((c.visits["end"] - c.visits["start"]).quantile(0.9) for c in (real, drawn))
        assert 0.6 * long < much < 1.6 * long


class Watched(Cohort):
    """A cohort that remembers whether the ledger was charged when its rows were first read."""

    def watch(self, ledger):
        object.__setattr__(self, "seen", [])
        object.__setattr__(self, "ledger", ledger)
        return self

    def __getattribute__(self, name):
        inside = object.__getattribute__(self, "__dict__")
        if name in TABLES and "ledger" in inside:
            inside["seen"].append(len(inside["ledger"].entries) > 0)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_is_charged_before_a_row_is_read(name, cohort):
    ledger = Ledger()
    watched = Watched(cohort.subjects, cohort.events, cohort.visits, cohort.codes).watch(ledger)
    quick(name).fit(watched, ledger, Seeds(1))
    assert watched.seen and all(watched.seen)
    assert ledger.guarantee == "unprotected"


def test_a_model_of_other_data_is_refused():
    with pytest.raises(ModelError, match="not for cohorts"):
        load_cohort_model("forest")
    with pytest.raises(ModelError, match="not for tables"):
        load_model("markov")
