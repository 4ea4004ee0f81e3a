"""Going on with histories: the walk is the one that led there, and what comes lies behind it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from medsynai.codec.histories import Histories, rest_of
from medsynai.codec.moments import SPAN, STEPS, Drawn
from medsynai.codec.steps import course_of
from medsynai.codec.timing import Timing
from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import PlanError
from medsynai.learn.continuing import continued, resumed
from medsynai.learn.events import FittedEvents
from medsynai.learn.walk import Walk
from medsynai.learn.walking import gap_drawer, parted
from medsynai.models.catalog import load_cohort_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

FEW = {"settings": {"trees": 2, "bins": 20}}
QUICK = {"width": 24, "memory": 12, "steps": 200, "lr": 0.01, "lives": FEW}


def ward(n: int, seed: int = 0) -> Cohort:
    """Every hour `a`, which turns its sign and keeps its size; `b` at some; a level of each one."""
    rng, rows = np.random.default_rng(seed), []
    level = rng.choice([10.0, 50.0], n)
    for i in range(n):
        sign, start = rng.choice([-1.0, 1.0]), int(rng.integers(0, 60))
        for hour in range(int(rng.integers(6, 12))):
            at = start + 60.0 * hour
            size = level[i] + rng.integers(0, 3)
            rows.append((f"p{i:03d}", at, "a", sign * (-1) ** hour * size))
            if rng.random() < 0.4:
                rows.append((f"p{i:03d}", at, "b", np.nan))
    names = ["subject_id", "time", "code", "value"]
    people = pd.DataFrame({"subject_id": [f"p{i:03d}" for i in range(n)]})
    people["ward"] = np.where(level > 20, "high", "low")
    return Cohort.of(people, pd.DataFrame(rows, columns=names), clock=Clock.MINUTES)


@pytest.fixture(scope="module")
def fitted() -> FittedEvents:
    found = load_cohort_model("events", QUICK).fit(ward(200), Ledger(), Seeds(1))
    assert isinstance(found, FittedEvents)
    return found


def until(cohort: Cohort, minutes: float) -> Cohort:
    kept = cohort.events[cohort.events["time"] <= minutes]
    return Cohort.of(cohort.subjects, kept, clock=cohort.clock)


@torch.inference_mode()
def test_a_walk_is_resumed_where_it_was(fitted):
    """The state behind a history is the one that the walk had when it had drawn just that."""
    codec, net = fitted.codec, fitted.net
    known = Histories.of(fitted.courses, ward(30, seed=5))
    told = rest_of(codec, known, fitted.lives.sample(500), 1, np.random.default_rng(0))
    heads = codec.heads(told)[np.argsort(-told.frame[STEPS].to_numpy(), kind="stable")]
    rng, generator = np.random.default_rng(1), torch.Generator().manual_seed(1)
    gaps_of = gap_drawer(Timing.of(codec.gaps), generator, rng)
    walk = Walk.of(net, parted(net, heads), generator, gaps_of)
    for step in range(4):
        walk._step(step)
    full = walk.past.steps > 4
    parts = [(s, t, *(x.numpy() for x in n)) for (s, t), n in walk.found]
    table = pd.concat(
        [
            pd.DataFrame(
                {"step": s, "token": t, "patient": p, "gap": g, "value": v, "same": m, "length": n}
            )
            for s, t, p, g, v, m, n in parts
        ]
    ).sort_values(["patient", "step", "token"])
    names = ("patient", "token", "step", "gap", "value", "same", "length")
    drawn = Drawn(*(table[n].to_numpy() for n in names))
    course = course_of(codec, told, drawn, rng)
    lines, _ = codec.lines(course)
    again = resumed(
        net, torch.from_numpy(heads), torch.from_numpy(lines), gaps_of, torch.Generator()
    )
    for name in walk.past._fields:
        one, two = getattr(walk.past, name)[full], getattr(again.past, name)[full]
        if name == "since":  # of a token that never came nobody asks
            one = one * walk.past.seen[full]
        assert torch.allclose(one, two, atol=1e-4, equal_nan=True), name
    for name in ("state", "always", "many", "last", "total"):
        one, two = getattr(walk, name)[full], getattr(again, name)[full]
        assert torch.allclose(one.double(), two.double(), atol=1e-3), name
    for name in ("lain", "laps", "came"):
        one, two = getattr(walk.habits, name)[full], getattr(again.habits, name)[full]
        assert torch.equal(one, two), name


def test_what_comes_lies_behind_the_history_and_goes_on_from_it(fitted):
    people = until(ward(60, seed=9), 230)
    made = continued(fitted, people, 3, Seeds(2))
    assert len(made) == 180 and set(made.subjects["subject_id"]) >= {"p000-1", "p059-3"}
    owner = made.events["subject_id"].str.slice(0, 4)
    last = people.events.groupby("subject_id")["time"].max()
    assert (made.events["time"].to_numpy() > last[owner].to_numpy()).all()
    a = made.events[made.events["code"] == "a"]
    first = a.groupby("subject_id").head(1)
    before = people.events[people.events["code"] == "a"].groupby("subject_id").tail(1)
    before = before.set_index("subject_id")["value"]
    mine = before[first["subject_id"].str.slice(0, 4)].to_numpy()
    assert (np.sign(first["value"].to_numpy()) == -np.sign(mine)).mean() > 0.9
    level = np.abs(first["value"].to_numpy()) > 30
    assert (level == (np.abs(mine) > 30)).mean() > 0.95
    passed = first["time"].to_numpy() - last[first["subject_id"].str.slice(0, 4)].to_numpy()
    assert (passed == 60).mean() > 0.9
    wards = made.subjects.set_index("subject_id")["ward"]
    assert (wards["p007-1"], wards["p007-3"]) == (*people.subjects["ward"][[7, 7]],)
    ends = made.events.groupby("subject_id")["time"].max() + 0.0
    assert 350 < ends.mean() < 650  # of whole courses: 300 to 660, and later for those who go on


def test_the_same_as_the_last_is_the_historys_last(fitted):
    known = Histories.of(fitted.courses, until(ward(3, seed=4), 100))
    token = next(i for i, t in enumerate(fitted.courses.tokens) if t.code == "a")
    three, none = np.arange(3), np.full(3, -1)
    drawn = Drawn(three, none * 0 + token, none * 0, none * 0 + 60, none * 0, none < 0, none)
    before = known.numbers(fitted.codec.tokens)
    rng = np.random.default_rng(0)
    course = course_of(fitted.codec, known.course.statics, drawn, rng, before)
    assert np.array_equal(course.value, before[:, token]) and np.isfinite(course.value).all()
    other = replace(drawn, same=np.zeros(3, bool))
    fresh = course_of(fitted.codec, known.course.statics, other, rng, before)
    assert not np.array_equal(fresh.value, before[:, token])


def test_the_rest_is_never_less_than_what_was(fitted):
    known = Histories.of(fitted.courses, until(ward(80, seed=3), 400))
    rng = np.random.default_rng(0)
    told = rest_of(fitted.codec, known, fitted.lives.sample(2000), 2, rng).frame
    now = fitted.codec.table(known.course).frame
    for name in (STEPS, SPAN, ".n0"):
        assert (told[name].to_numpy() >= np.repeat(now[name].to_numpy(), 2)).all()
    assert (told[".l0"].to_numpy() <= np.repeat(now[".l0"].to_numpy(), 2)).all()


def test_the_dead_and_the_unknown_are_not_gone_on_with(fitted):
    people = until(ward(6, seed=3), 300)
    subjects = people.subjects.assign(death=[400.0, *[np.nan] * 5]).drop(columns="ward")
    events = people.events[people.events["subject_id"] != "p001"]
    made = continued(fitted, Cohort.of(subjects, events, clock=Clock.MINUTES), 1, Seeds(1))
    counts = made.events.groupby("subject_id").size().reindex(made.subjects["subject_id"])
    assert counts.isna().tolist()[:2] == [True, True] and len(made) == 6
    assert made.subjects["ward"].notna().all()  # what a history does not say is lent
    with pytest.raises(PlanError, match="times are hours"):
        continued(fitted, Cohort.of(subjects, events, clock=Clock.HOURS))
    with pytest.raises(PlanError, match="at least one of each"):
        continued(fitted, people, 0)
