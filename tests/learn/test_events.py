"""The net of steps: a loss that is a patient's own, and courses that are learnt."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from medsynai.codec.course import CourseCodec, roles_of
from medsynai.codec.moments import Moments
from medsynai.codec.stays import Rooms
from medsynai.codec.steps import StepCodec
from medsynai.data.cohort import Clock, Cohort
from medsynai.data.outcomes import outcome_of
from medsynai.learn.beginning import begin, come_back, hang_together
from medsynai.learn.core import Batch
from medsynai.learn.events import foretelling
from medsynai.learn.habits import SHARES, Habits, habits_of, recent, skipped
from medsynai.learn.losses.events import history, likelihood, taken_apart
from medsynai.learn.nets.events import EventNet, told_table
from medsynai.learn.nets.gaps import Past, spacings
from medsynai.learn.nets.kin import FAR
from medsynai.learn.nets.mlp import initialise
from medsynai.learn.walk import Content, _not_none, _onwards
from medsynai.models.catalog import load_cohort_model
from medsynai.models.refined import Refined
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

FEW = {"settings": {"trees": 2, "bins": 20}}
QUICK = {"width": 24, "memory": 12, "steps": 150, "lr": 0.01, "lives": FEW}


def ward(n: int, seed: int = 0) -> Cohort:
    """Every hour `a`, which turns its sign; at every third `c` twice, and a drug for a while."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        sign, start = rng.choice([-1.0, 1.0]), int(rng.integers(0, 60))
        for hour in range(int(rng.integers(5, 10))):
            at = start + 60.0 * hour
            rows.append((f"{i}", at, "a", sign * (-1) ** hour * (5 + rng.integers(0, 3)), np.nan))
            if hour % 3 == 0:
                rows += [(f"{i}", at, "c", np.nan, np.nan)] * 2
                dose = float(rng.integers(1, 4))
                rows.append((f"{i}", at, "drug", dose, at + 10 * dose))
    names = ["subject_id", "time", "code", "value", "end_time"]
    return Cohort.of(events=pd.DataFrame(rows, columns=names), clock=Clock.MINUTES)


def network(cohort: Cohort) -> tuple[torch.nn.ModuleDict, torch.Tensor, StepCodec]:
    courses = CourseCodec.fit(cohort, 3)
    course = courses.encode(cohort)
    rooms = Rooms.of(courses.stays, roles_of(courses.tokens))
    codec = StepCodec.fit(course, rooms, courses.lives.times, (20, 20), 3)
    lines, cut = codec.lines(course)
    assert cut == 0
    modules = torch.nn.ModuleDict({"net": EventNet(codec, 16, 8)})
    initialise(modules, torch.Generator().manual_seed(1))
    begin(modules["net"], lines)
    heads = codec.heads(codec.table(course))
    return modules, torch.from_numpy(np.hstack([heads, lines.reshape(len(lines), -1)])), codec


def losses(modules: torch.nn.ModuleDict, rows: torch.Tensor) -> torch.Tensor:
    none = torch.zeros(len(rows), 0)
    return likelihood(modules, Batch(rows, none, none, none))


def test_a_patients_loss_is_its_own():
    modules, rows, _ = network(ward(40))
    together = losses(modules, rows)
    alone = torch.cat([losses(modules, rows[i : i + 1]) for i in range(0, 40, 7)])
    assert torch.allclose(together[::7], alone, atol=1e-4)


def test_what_is_still_to_come_is_not_known():
    """A patient cut off behind a step has the loss of its steps until then: none looks ahead."""
    modules, rows, codec = network(ward(40))
    width = len(modules["net"].layout) + 3 + 4 * len(codec.counted)
    events = rows[:, width:].view(40, -1, 9)
    later = events.clone()
    steps = (events[..., 1] > 0).cumsum(1)
    half = (steps > 3) & (events[..., 0] >= 0)
    later[half] = -1.0
    cut = torch.cat([rows[:, :width], later.flatten(1)], dim=1)
    changed = events.clone()
    value = changed[..., 4]
    value[half & (value >= 0)] = 0.0
    other = torch.cat([rows[:, :width], changed.flatten(1)], dim=1)
    first = losses(modules, cut)
    assert (first < losses(modules, rows)).all() and (first <= losses(modules, other)).all()
    assert torch.isfinite(first).all()


@pytest.fixture(scope="module")
def drawn() -> Cohort:
    fitted = load_cohort_model("events", QUICK).fit(ward(150), Ledger(), Seeds(1))
    return fitted.sample(300, Seeds(2))


def test_numbers_go_on_from_the_last_one(drawn):
    a = drawn.events[drawn.events["code"] == "a"]
    before = a.groupby("subject_id")["value"].shift()
    turned = (np.sign(a["value"]) == -np.sign(before))[before.notna()]
    assert turned.mean() > 0.9  # a chain that forgets the last number turns one in two


def test_hours_stay_hours_and_absence_keeps_its_pattern(drawn):
    steps = drawn.events.groupby("subject_id")["time"].diff().dropna()
    assert set(steps) <= {0.0, 60.0}
    hour = drawn.events["time"] - drawn.events.groupby("subject_id")["time"].transform("min")
    c = drawn.events["code"] == "c"
    assert (hour[c] % 180 == 0).mean() > 0.75  # by chance less than half
    twice = drawn.events[c].groupby(["subject_id", "time"]).size()
    assert (twice == 2).all()


def test_lengths_hang_on_what_is_known(drawn):
    drug = drawn.events[drawn.events["code"] == "drug"]
    length = (drug["end_time"] - drug["time"]).to_numpy()
    assert set(length) <= {10.0, 20.0, 30.0} and len(drug) > 100


def test_the_least_and_the_greatest_that_are_wanted_come():
    fitted = load_cohort_model("events", QUICK).fit(levels(150), Ledger(), Seeds(1))
    wanted = fitted.lives.sample(200, Seeds(3).of("lives")).frame
    made = fitted.sample(200, Seeds(3)).events
    values = made.groupby(made["subject_id"].astype(int))["value"].agg(["size", "min", "max"])
    asked = wanted[[".n0", ".l0", ".h0"]].to_numpy("float64")
    off = np.abs(np.sort(asked[:, 1:], axis=1) - values[["min", "max"]].to_numpy())
    met = values["size"].to_numpy() == asked[:, 0]
    assert met.sum() > 100 and (off[met] <= 3).mean() > 0.97  # bins are a few whole numbers wide


def levels(n: int, seed: int = 0) -> Cohort:
    """A whole number an hour, about a level of each patient's own; seldom far from it."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        level = int(rng.integers(20, 40))
        for hour in range(int(rng.integers(4, 9))):
            far = rng.choice([0, 0, 0, -10, 10])
            rows.append((f"{i}", 60.0 * hour, "a", float(level + far + rng.integers(-1, 2))))
    names = ["subject_id", "time", "code", "value"]
    return Cohort.of(events=pd.DataFrame(rows, columns=names), clock=Clock.MINUTES)


def test_steps_are_told_apart_and_none_has_a_token_twice():
    cohort = ward(20)
    courses = CourseCodec.fit(cohort, 3)
    course = courses.encode(cohort)
    moments = Moments.of(course, len(courses.tokens))
    assert moments.times.sum() == len(course.token)
    assert not pd.DataFrame({"s": moments.step, "t": moments.token}).duplicated().any()
    per = cohort.events.groupby("subject_id")["time"].nunique()
    assert moments.starts.sum() == per.sum()


def test_the_first_of_a_step_that_has_something_is_drawn_exactly():
    chance = torch.tensor([0.3, 0.1, 0.5])
    scores = torch.logit(chance).expand(200_000, 3)
    none = torch.full((len(scores),), 3)
    token = _not_none(scores, none, torch.Generator().manual_seed(0))
    share = torch.bincount(token, minlength=3) / len(token)
    first = torch.tensor([0.3, 0.7 * 0.1, 0.7 * 0.9 * 0.5])
    assert torch.allclose(share, first / first.sum(), atol=0.005)


def test_habits_are_the_same_step_by_step_as_of_whole_courses():
    rng = torch.Generator().manual_seed(2)
    slot = torch.randint(0, 4, (3, 9), generator=rng)
    lap = torch.randint(0, 2, (3, 9), generator=rng).cumsum(1).float()
    present = (torch.rand(3, 9, 5, generator=rng) < 0.5).float()
    whole, ago = habits_of(torch.nn.functional.one_hot(slot, 4).float(), lap, present)
    walked = Habits.none(3, 4, 5)
    for step in range(9):
        share, class_ = walked.at(slot[:, step], lap[:, step])
        assert torch.allclose(share, whole[:, step])
        late = (class_ == ago[:, step]) | (class_ == 3)  # the last may be of this very lap
        assert late.all() and ((class_ > 0) == (ago[:, step] > 0)).all()
        walked.add(slot[:, step], lap[:, step], present[:, step])
    assert whole[:, 0].sum() == 0 and 0 < whole[:, 5].mean() < 1
    assert set(ago.unique().tolist()) == {0, 1, 2, 3}


def test_three_numbers_are_known_step_by_step_as_of_whole_courses():
    modules, rows = network(ward(5))[:2]
    net = modules["net"]
    seen = taken_apart(net, rows)
    past, read = history(net, seen)
    owner = seen.patient[seen.starts]
    for who in range(5):
        mine = torch.nonzero(owner == who).squeeze(1)
        numbers = [[] for _ in net.watched]
        zero = torch.zeros(1, len(net.watched))
        total, many = zero.clone(), zero.clone()
        walked = Past(*(x[mine[:1]] for x in past))
        for step in mine.tolist():
            for place, known in enumerate(numbers):
                told = [x[step, place].item() for x in (past.last, past.second, past.third)]
                behind = [*known[-3:][::-1], *[known[0] if known else 0.0] * 3][:3]
                assert told == pytest.approx(behind)
            for name in ("last", "second", "third"):
                assert torch.allclose(getattr(walked, name)[0], getattr(past, name)[step])
            content = replace(
                Content.empty(net, 1),
                present=read.present[step : step + 1],
                places=read.places[step : step + 1],
                valued=read.valued[step : step + 1],
            )
            total, many = total + content.places, many + content.valued
            walked = _onwards(net, walked, content, (zero[0, :1], zero), (total, many))
            for place in torch.nonzero(read.valued[step]).squeeze(1).tolist():
                numbers[place].append(read.places[step, place].item())
    assert not torch.equal(past.second, past.last) and not torch.equal(past.third, past.second)
    table = told_table(net, past)
    assert torch.equal(table[..., 6], past.second) and torch.equal(table[..., 7], past.third)


def test_a_gap_pays_for_the_parts_of_the_hour_that_it_passes_over():
    counts, laps = torch.zeros(1, 60), torch.full((1, 60), -1.0)
    counts[0, 10], counts[0, 30], laps[0, 10], laps[0, 30] = 2, 1, 3, 1
    which, odds = recent(counts, laps, torch.tensor([200.0]), 60)  # twenty past, after three hours
    assert torch.sigmoid(odds)[0, [10, 30]].tolist() == pytest.approx([2 / 4, 1 / 3])
    assert (which[0, [10, 30, 0]] // SHARES).tolist() == [1, 2, 0]
    gaps = torch.tensor([5.0, 10.0, 11.0, 61.0, 130.0])
    miss = torch.where(counts > 0, torch.log(torch.sigmoid(-odds)), 0.0)
    found = skipped(miss, torch.tensor([200.0]), gaps, 60)
    ten, thirty = np.log(1 - 2 / 4), np.log(1 - 1 / 3)
    wanted = [0, 0, thirty, thirty + ten, 2 * (thirty + ten)]
    assert found[0].tolist() == pytest.approx(wanted, abs=1e-6)


def test_steps_by_the_hour_are_counted_as_the_net_counts_them():
    modules, rows, _ = network(disturbed(40))
    net = modules["net"]
    past, _ = history(net, taken_apart(net, rows))
    ends = torch.cumsum(past.steps[past.done == 0], 0).long() - 1  # ahead of each last step
    assert (past.steps[past.done == 0] >= 8).all()
    left = past.regular[ends]
    assert ((left == 0) | (left == 1)).all() and left.sum() > 5
    told = past.regular[past.done == 0]
    by_hand = []
    for _, own in disturbed(40).events.groupby("subject_id", sort=False):
        times = np.unique(own["time"].to_numpy() - own["time"].min())
        by_hand.append(np.isin(times - 60, times).sum())
    assert sorted(told.tolist()) == sorted(by_hand)


def disturbed(n: int, seed: int = 0) -> Cohort:
    """A reading on the hour, at a minute of each patient's own; some more in between."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        start = int(rng.integers(0, 60))
        for hour in range(int(rng.integers(8, 12))):
            at = start + 60.0 * hour
            rows.append((f"{i}", at, "a"))
            if rng.random() < 0.4:
                rows.append((f"{i}", at + rng.integers(5, 55), "a"))
            rows += [(f"{i}", at + m, "b") for m in rng.integers(5, 55, rng.integers(0, 3))]
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code"])
    return Cohort.of(events=events.drop_duplicates(), clock=Clock.MINUTES)


def test_a_reading_on_the_hour_comes_though_there_was_one_in_between():
    real = disturbed(300)
    model = load_cohort_model("events", {**QUICK, "steps": 200})
    drawn = model.fit(real, Ledger(), Seeds(1)).sample(300, Seeds(2))

    def on_the_hour(cohort: Cohort) -> float:
        """Of pairs of readings an hour apart with one between, over all with one between."""
        events = cohort.events[cohort.events["code"] == "a"]
        gaps = pd.Series(cohort.elapsed()[events.index].to_numpy("float64") / 6e7)
        two = gaps - gaps.groupby(events["subject_id"].to_numpy()).shift(2)
        return float((two.dropna() == 60).mean())

    assert on_the_hour(real) > 0.3
    assert on_the_hour(drawn) > 0.55 * on_the_hour(real)  # .4 of it without looking at the hour


def pressures(n: int, seed: int = 0) -> Cohort:
    """Two readings an hour and, of the same time, what lies a third of the way between them."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        for hour in range(int(rng.integers(5, 9))):
            low, at = float(rng.integers(40, 100)), 60.0 * hour
            high = float(rng.integers(110, 190))
            rows += [(f"{i}", at, "b-low", low), (f"{i}", at, "c-high", high)]
            odd = 30 if rng.random() < 0.1 else 0
            rows.append((f"{i}", at, "d-mean", round((2 * low + high) / 3, 2) + odd))
            rows += [(f"{i}", at + 30, "b-low", low)] * (hour % 2) + [
                (f"{i}", at + 20, "b-low", low)
            ]
            rows += [(f"{i}", at + 30, "c-high", 150.0)] * (hour % 2)
    names = ["subject_id", "time", "code", "value"]
    return Cohort.of(events=pd.DataFrame(rows, columns=names), clock=Clock.MINUTES)


def test_a_number_that_others_give_is_given_by_them():
    modules, rows, codec = network(pressures(200))
    net = modules["net"]
    hang_together(
        net, rows[:, len(net.layout) + 3 + 4 * len(codec.counted) :].view(200, -1, 9).numpy()
    )
    kin = net.values.kin
    assert [kin.has(c) for c in range(3)] == [False, False, True]  # nobody's low gives the high
    slope = dict(zip(kin.of[2].tolist(), kin.slope[2].tolist(), strict=False))
    assert slope[0] == pytest.approx(2 / 3, abs=0.03) and slope[1] == pytest.approx(1 / 3, abs=0.03)
    assert kin.odd[2] > 0.05  # one in ten is not what the others give, and does not bend them
    level = torch.tensor([[60.0, 120.0, 0.0]]).repeat(2, 1)
    there = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    given = kin.given(torch.tensor([2, 2]), level, there)
    assert given[0] == pytest.approx(80, abs=2) and given[1] == FAR
    with torch.no_grad():
        kin.followed.weight.fill_(0.2)
        lean = kin(2, given, codec.values.codecs[2].bins)
    assert codec.values.codecs[2].encode(np.array([80.0]))[0] == lean[0].argmax()
    assert (lean[1] == 0).all()


def test_numbers_of_one_time_belong_together_when_drawn():
    model = load_cohort_model("events", QUICK)
    made = model.fit(pressures(200), Ledger(), Seeds(1)).sample(200, Seeds(2)).events
    wide = made.pivot_table(index=["subject_id", "time"], columns="code", values="value").dropna()
    off = (wide["d-mean"] - (2 * wide["b-low"] + wide["c-high"]) / 3).abs()
    assert len(wide) > 500 and off.median() < 4  # a network that is told of places only: 8 and more


def test_training_begins_with_when_tokens_come_back():
    rows = [(f"{i}", 60.0 * h, "a") for i in range(60) for h in range(9)]
    rows += [(f"{i}", 60.0 * h, "b") for i in range(60) for h in range(i % 3, 9, 3)]
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code"])
    modules, lines, codec = network(Cohort.of(events=events, clock=Clock.MINUTES))
    net = modules["net"]
    come_back(net, lines)
    _, hour, later, third = (
        net.after[codec.range_of(np.array([t]))[0], 1] for t in (0, 60, 120, 180)
    )
    assert hour < -3 and later < -3 and third > 3


def test_what_a_step_says_of_the_hour_after_it_is_that_of_the_last_one_there():
    modules, rows, _ = network(disturbed(40))
    net = modules["net"]
    with torch.no_grad():
        net.gaps.signs.weight.copy_(torch.tensor([[0.3, -0.2]]))
    seen = taken_apart(net, rows)
    past, read = history(net, seen)
    told, by_hand = net.gaps.sign(read.present), torch.zeros(len(read.present), 60)
    slot = net.gaps.slot_of(past.time + read.waited)
    for step in range(1, len(told)):
        if past.done[step]:
            by_hand[step] = by_hand[step - 1]
            by_hand[step, slot[step - 1]] = told[step - 1]
    assert torch.allclose(past.signs, by_hand, atol=1e-6) and len(by_hand.unique()) > 3


def test_gaps_share_the_rest_of_the_time():
    ticks = torch.tensor([1.0, 60.0, 120.0])
    paced = spacings(ticks, torch.tensor([4.0, 4.0, 1.0]), torch.tensor([240.0, 24.0, 60.0]))
    assert paced[0, 0].tolist() == pytest.approx([3 * np.log(1 - t / 240) for t in (1, 60, 120)])
    assert paced[0, 1, 1] == 0 and paced[1, 0, 1] == -10  # as wide as the mean; beyond the rest
    assert (paced[2, 0] == 0).all()  # nobody to leave anything to


def test_who_died_is_foretold_by_the_course_and_not_by_its_end():
    cohort = levels(60)
    dead = np.arange(60) % 3 == 0
    last = cohort.events.groupby("subject_id")["time"].max().reindex(cohort.subjects["subject_id"])
    people = cohort.subjects.assign(
        death=np.where(dead, last + 1, np.nan), exit=last.to_numpy() + 1
    )
    cohort = replace(cohort, subjects=people)
    courses = CourseCodec.fit(cohort, 3)
    course = courses.encode(cohort)
    rooms = Rooms.of(courses.stays, roles_of(courses.tokens))
    codec = StepCodec.fit(course, rooms, courses.lives.times, (20, 20), 3)
    once = foretelling(Refined("shuffle"), codec.table(course), outcome_of(cohort))
    assert once.foretell == ".death" and {".n0", ".m0", ".steps"} <= set(once.by)
    assert not {".death", ".exit", ".span", ".entry"} & set(once.by)
    assert foretelling(Refined("shuffle"), codec.table(course), None) == Refined("shuffle")
