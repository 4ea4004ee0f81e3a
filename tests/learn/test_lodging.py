"""A walk keeps visits apart: none begins while another goes on; nothing of one comes without."""

import numpy as np
import pandas as pd
import torch

from medsynai.codec.marks import Marks
from medsynai.codec.moments import Moments
from medsynai.codec.stays import Rooms
from medsynai.codec.steps import _looked_at
from medsynai.data.cohort import Clock, Cohort
from medsynai.learn import continuing
from medsynai.learn.nets.lodging import HOMELESS, SOONER, Lodging
from medsynai.models.catalog import load_cohort_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

VISIT, OTHER, LAB, HOME = range(4)
ROLES = np.array([2, 2, 1, 0])
FEW = {"settings": {"trees": 2, "bins": 20}, "pool": 1}
QUICK = {"width": 16, "memory": 8, "steps": 15, "lr": 0.01, "lives": FEW}


def lodging(n: int = 2, **laws) -> Lodging:
    """Visits last 10 or 40 ticks behind the last of what lies in them."""
    whose = np.arange(60)
    ticks = np.where(whose < 30, 10.0, 40.0)
    lengths = Marks.fit(np.zeros(60, np.int64), ticks, whose, 10, 3)
    known = {"reach": 100.0, "apart": True, "alone": True} | laws
    return Lodging.none(Rooms(ROLES, **known), lengths, n)


def step(held: Lodging, ticks: float, *tokens: int, length: int = 0) -> tuple[list, list]:
    """(tokens,) twice: what stands in the way at a step before its tokens come, and after."""
    free = torch.zeros(len(held.since), 4)
    barred = held.barred(free, torch.full((len(free),), ticks))
    before, everybody = barred[0].tolist(), torch.arange(len(free))
    for token in tokens:
        held.came(everybody, token, torch.full((len(free),), length), (barred, free))
    return before, barred[0].tolist()


def test_nothing_lies_in_a_visit_before_one_began():
    """Then it may, and no other visit begins at that time."""
    held = lodging()
    assert step(held, 0.0, VISIT) == ([0, 0, HOMELESS, 0], [SOONER, SOONER, 0, 0])
    assert step(held, 11.0, LAB)[0] == [0, 0, 0, 0]


def test_no_visit_begins_while_another_goes_on():
    """It lasts 40 ticks behind the last of what lies in it, whatever came at home."""
    held = lodging()
    step(held, 0.0, VISIT, length=1)
    assert float(held.open[0]) == 40
    for ticks, token in ((30.0, LAB), (30.0, HOME), (9.0, HOME)):
        assert step(held, ticks, token)[0] == [SOONER, SOONER, 0, 0]
    assert step(held, 1.0)[0] == [0, 0, 0, 0]


def test_after_too_long_a_visit_begins_first():
    held = lodging()
    step(held, 0.0, VISIT)
    assert step(held, 100.0, HOME)[0] == [0, 0, 0, 0]
    assert step(held, 1.0)[0] == [0, 0, HOMELESS, 0]


def test_no_visit_begins_sooner_after_another_than_real_ones_do():
    held = lodging(pause=25.0)
    assert step(held, 0.0, VISIT)[0] == [0, 0, HOMELESS, 0]
    assert step(held, 24.0)[0] == [SOONER, SOONER, 0, 0]
    assert step(held, 1.0)[0] == [0, 0, 0, 0]


def test_where_real_visits_overlap_nothing_is_in_the_way():
    held = lodging(apart=False, alone=False, reach=np.inf)
    assert step(held, 0.0, VISIT, length=1)[1] == [0, 0, 0, 0]
    assert step(held, 1.0)[0] == [0, 0, 0, 0]


def test_without_visits_a_walk_is_as_it_was():
    none = np.zeros(0)
    whole = none.astype(np.int64)
    held = Lodging.none(Rooms(np.zeros(4, np.int64)), Marks.fit(whole, none, whole, 10, 3), 2)
    free = torch.zeros(2, 4)
    assert held.barred(free, torch.ones(2)) is free


def test_how_many_visits_is_told_though_few_patients_have_two():
    """120 labs of everybody, and a visit: the visit is told, a fact that comes once is not."""
    n, many = 50, 7
    token = np.tile(np.array([0, 3, 2, 2, 2, 2, 2]), n)
    patient = np.repeat(np.arange(n), many)
    none, step_of = np.full(n * many, np.nan), np.arange(n * many)
    ones = np.ones(n * many, bool)
    moments = Moments(patient, token, none, none, none, step_of, ones, ones)
    visits = np.array([True, False, False, False])
    for told, wanted in ((visits, [0, 2]), (visits & False, [2])):
        watched, counted = _looked_at(moments, told, n)
        assert watched[counted].tolist() == wanted


def ward(n: int = 60) -> Cohort:
    """Two to four visits of 20 to 60 hours, labs in them, a hundred hours and more between."""
    rng, rows, stays = np.random.default_rng(0), [], []
    for i in range(n):
        at = 0.0
        for k in range(int(rng.integers(2, 5))):
            hours, key = int(rng.integers(20, 60)), f"{i}-{k}"
            stays.append((key, f"{i}", at, at + hours))
            rows += [(f"{i}", at + float(h), "lab", key) for h in rng.integers(0, hours, 4)]
            at += hours + int(rng.integers(100, 300))
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "visit_id"])
    visits = pd.DataFrame(stays, columns=["visit_id", "subject_id", "start", "end"])
    return Cohort.of(None, events, visits, clock=Clock.HOURS)


def test_what_goes_on_from_a_history_lies_in_visits_that_stand_apart(monkeypatch):
    monkeypatch.setattr(continuing, "POOL", 200)
    real = ward()
    fitted = load_cohort_model("events", QUICK).fit(real, Ledger(), Seeds(1))
    early = Cohort.of(
        real.subjects,
        real.events[real.events["time"] < 150],
        real.visits[real.visits["start"] < 150],
        clock=Clock.HOURS,
    )
    resumed, begun = continuing.resumed, []

    def spied(*told):
        walk = resumed(*told)
        begun.append((walk.lodging.since.clone(), walk.lodging.open.clone()))
        return walk

    monkeypatch.setattr(continuing, "resumed", spied)
    made = continuing.continued(fitted, early, 3, Seeds(2))  # type: ignore[arg-type]
    for since, still in begun:  # what a history leaves open is known
        assert (since == 0).float().mean() > 0.9 and (still > 0).any()
    assert begun and len(made.events) > 100
    held = made.events.merge(made.visits, on="visit_id")
    assert len(held) == len(made.events) and (held["subject_id_x"] == held["subject_id_y"]).all()
    assert ((held["start"] <= held["time"]) & (held["time"] <= held["end"])).all()
    stays = made.visits.sort_values(["subject_id", "start"])
    assert not (stays["end"] > stays.groupby("subject_id")["start"].shift(-1)).any()
    assert held["start"].min() > 0 and (held.groupby("subject_id_x")["time"].min() > 0).all()
