"""The net of events under a budget: each patient clipped, all else public or paid for."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from medsynai.codec.contracted import course_under, courses_under, steps_under
from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohort_contract import EXAMPLE, CohortContract, Known
from medsynai.data.schema import Column, Kind, Origin, Schema
from medsynai.errors import BudgetError, PlanError, SchemaError
from medsynai.flow.auditing import audit
from medsynai.learn import mechanism, private_events
from medsynai.learn.core import Batch
from medsynai.learn.losses.events import likelihood
from medsynai.learn.mechanism import ALONE, DpSgd
from medsynai.learn.nets.events import EventNet
from medsynai.learn.nets.mlp import initialise
from medsynai.learn.private_events import Layout, parts_of
from medsynai.marginal import select
from medsynai.models.catalog import load_cohort_model, open_model
from medsynai.models.presets import PRIVATE, preset_of
from medsynai.privacy import noise
from medsynai.privacy.accounting import Kind as Price
from medsynai.privacy.accounting import Spend
from medsynai.privacy.calibrate import calibrate
from medsynai.privacy.ledger import Budget, Ledger, Release
from medsynai.seeds import Seeds
from medsynai.store import laid_over, to_toml

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

TOLD = {"origin": Origin.DECLARED}
SEX = Column("sex", Kind.BINARY, categories=("f", "m"), **TOLD)
CONTRACT = CohortContract(
    Clock.HOURS,
    span=48,
    steps=12,
    events=30,
    codes=(
        Known("hr", "lab", "bpm", minimum=20, maximum=200, decimals=0, often=True, **TOLD),
        Known("lactate", "lab", "", minimum=0, maximum=20, decimals=1, missing=True, **TOLD),
        Known("drug", "order", **TOLD),
    ),
    statics=Schema((SEX,)),
)
SMALL = {"width": 12, "memory": 6, "bins": 8, "steps": 3, "paid": {"rounds": 2}}


def stay(n: int, seed: int = 0) -> Cohort:
    """Hours with a heart rate each, some with lactate or a drug."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        hours = np.sort(rng.choice(48, int(rng.integers(2, 11)), replace=False))
        for hour in hours.tolist():
            rows.append((f"p{i:03d}", hour, "hr", "lab", "bpm", round(rng.normal(80, 15))))
            if rng.random() < 0.3:
                rows.append((f"p{i:03d}", hour, "lactate", "lab", None, round(rng.gamma(2), 1)))
            if rng.random() < 0.2:
                rows.append((f"p{i:03d}", hour, "drug", "order", None, np.nan))
    names = ["subject_id", "time", "code", "kind", "unit", "value"]
    keys = [f"p{i:03d}" for i in range(n)]
    people = pd.DataFrame({"subject_id": keys, "sex": rng.choice(["f", "m"], n)})
    return Cohort.of(people, pd.DataFrame(rows, columns=names), clock=Clock.HOURS)


def joined(one: Cohort, two: Cohort) -> Cohort:
    parts = (pd.concat([getattr(c, t) for c in (one, two)]) for t in ("subjects", "events"))
    return Cohort.of(*parts, clock=one.clock)


def strange() -> Cohort:
    """A patient unlike anybody: too much, too late, too high, unheard-of."""
    hours = np.arange(400) % 60 - 3.0
    events = pd.DataFrame(
        {
            "subject_id": "z",
            "time": np.append(hours, [np.nan, np.inf, 1e300]),
            "code": [*["hr", "own disease"] * 200, "hr", "hr", "hr"],
            "kind": "lab",
            "unit": "bpm",
            "value": [*[1e9, np.nan, -5.0, np.inf] * 100, 1.0, 1.0, 1.0],
        }
    )
    people = pd.DataFrame({"subject_id": ["z"], "sex": ["unheard-of"]})
    return Cohort.of(people, events, clock=Clock.HOURS)


def model(**more):
    return load_cohort_model(
        "events", laid_over(laid_over(preset_of("events", PRIVATE), SMALL), more)
    )


def budget(epsilon: float = 8.0) -> Ledger:
    return Ledger(Budget(epsilon, 1e-6))


def network(people: Cohort) -> tuple[torch.nn.ModuleDict, torch.Tensor]:
    codec, course = steps_under(CONTRACT, 8), course_under(people, CONTRACT)
    lines, _ = codec.lines(course, CONTRACT.events)
    modules = torch.nn.ModuleDict({"net": EventNet(codec, 12, 6)})
    random = torch.Generator().manual_seed(1)
    initialise(modules, random)
    for weight in modules.parameters():  # behind a layer that begins at nothing all slopes are 0
        weight.data += 0.1 * torch.randn(weight.shape, generator=random)
    heads = codec.heads(codec.table(course))
    return modules, torch.from_numpy(np.hstack([heads, lines.reshape(len(lines), -1)]))


def step(
    modules: torch.nn.ModuleDict, rows: torch.Tensor, whose: np.ndarray, alone: bool = True
) -> torch.Tensor:
    """The sum that a step of noise 1 noises."""
    how = DpSgd(1.0, patients=whose, alone=alone)
    none, who = torch.zeros(len(rows), 0), torch.from_numpy(whose)
    batch = Batch(rows, none, none, none, who)
    how.gradients(likelihood, modules, ("net",), batch)
    return torch.cat([w.grad.flatten() for w in modules.parameters()])


@pytest.fixture
def bare(monkeypatch):
    monkeypatch.setattr(mechanism, "noisy_sums", lambda sums, spread: sums.astype(float))


def test_each_patients_gradient_is_clipped_exactly(bare):
    modules, rows = network(stay(7))
    weights, none = list(modules.parameters()), torch.zeros(1, 0)
    total = [torch.zeros_like(w) for w in weights]
    for i in range(7):
        loss = likelihood(modules, Batch(rows[i : i + 1], none, none, none))
        own = torch.autograd.grad(loss.sum(), weights, materialize_grads=True)
        norm = float(torch.cat([g.flatten() for g in own]).norm())
        assert norm > 1
        for place, gradient in zip(total, own, strict=True):
            place += gradient / norm
    found = step(modules, rows, np.arange(7))
    assert torch.allclose(found, torch.cat([t.flatten() for t in total]), atol=2e-3)


def test_one_patient_moves_a_step_by_the_clip_at_most(bare):
    modules, rows = network(stay(6))
    most = max(
        float((step(modules, rows, np.arange(6)) - step(modules, rows[:5], np.arange(5))).norm()),
        float(step(modules, rows[5:].repeat(50, 1), np.zeros(50, np.int64)).norm()),
    )
    assert 0.99 < most <= 1  # all rows of one patient together
    wild = rows.clone()
    wild[5] = torch.nan
    same = step(modules, wild, np.arange(6))
    assert torch.equal(same, step(modules, rows[:5], np.arange(5)))
    gone = torch.zeros(0, rows.shape[1])
    assert not step(modules, gone, np.zeros(0, np.int64)).any()


def test_rows_of_a_patient_that_cancel_each_other_count_for_nothing(bare, monkeypatch):
    """And what is left of them is not scaled up."""

    def against(modules, batch):
        return true(modules, batch) * torch.tensor([1.0, -1.0])

    true = likelihood
    modules, rows = network(stay(1))
    monkeypatch.setitem(globals(), "likelihood", against)
    assert step(modules, rows.repeat(2, 1), np.zeros(2, np.int64)).norm() < 1e-3


def test_ghost_norms_refuse_the_loss():
    """They are of rows, and its layers work on steps: never a wrong norm in silence."""
    modules, rows = network(stay(5))
    with pytest.raises(PlanError):
        step(modules, rows, np.arange(5), alone=False)


def claimed(rate: float = 0.2, steps: int = 20) -> Ledger:
    plan = calibrate(lambda s: [Spend(Price.GAUSSIAN, s, rate, steps)], 1.0, 1e-12)
    ledger = Ledger(Budget(1.0, 1e-12))
    ledger.charge(Release("train", ALONE, spends=(Spend(Price.GAUSSIAN, plan, rate, steps),)))
    return ledger


TRUE_SUMS, TRUE_ADD = mechanism.noisy_sums, mechanism.add_clipped
FAULTS = {
    "noise off": ("noisy_sums", lambda sums, spread: sums.astype(float)),
    "noise of a fiftieth": ("noisy_sums", lambda sums, spread: TRUE_SUMS(sums, spread / 50)),
    "clip off": ("add_clipped", lambda losses, w, clip, into: TRUE_ADD(losses, w, 1e9, into)),
}


def test_canaries_prove_no_more_than_the_claim():
    assert audit(claimed(), canaries=400, runs=1, doubt=1e-7).holds


@pytest.mark.parametrize("fault", FAULTS)
def test_canaries_prove_a_planted_fault(fault, monkeypatch):
    monkeypatch.setattr(mechanism, *FAULTS[fault])
    assert audit(claimed(), canaries=400, runs=1, doubt=1e-7).most > 1


def test_what_of_a_patient_counts_hangs_on_that_patient_alone():
    course = course_under(joined(stay(30), strange()), CONTRACT)
    without, alone = course_under(stay(30), CONTRACT), course_under(strange(), CONTRACT)
    mine = course.patient < 30
    for name in ("patient", "token", "gap", "value"):
        here = getattr(course, name)
        assert np.array_equal(here[mine], getattr(without, name), equal_nan=True)
    assert np.array_equal(course.value[~mine], alone.value, equal_nan=True)
    assert set(alone.token) == {0} and alone.value.min() == 20 and alone.value.max() == 200
    ticks = np.cumsum(alone.gap)
    assert len(np.unique(ticks)) == len(ticks) <= CONTRACT.steps and ticks[-1] <= 48
    assert alone.statics.frame["sex"].tolist() == ["f"]  # the first category, as nothing else is


def test_a_patients_part_of_the_first_shares_is_of_norm_1_at_most():
    codec = steps_under(CONTRACT, 8)
    layout = Layout.of(EventNet(codec, 12, 6), codec)
    people = joined(joined(stay(60), strange()), Cohort.of(pd.DataFrame({"subject_id": ["a"]})
        .assign(sex="m"), clock=Clock.HOURS))  # fmt: skip
    lines, _ = codec.lines(course_under(people, CONTRACT), CONTRACT.events)
    norms = np.linalg.norm(parts_of(layout, lines, CONTRACT.events), axis=1)
    assert len(norms) == 62 and np.allclose(norms, 1)


@dataclass
class Pinned:
    """Fixed answers in the place of every noised release; remembers the sums that it was given."""

    sums: list[np.ndarray] = field(default_factory=list)
    picks: int = 0

    def lattice(self, whole, scale, kind):
        return (60 + np.arange(len(whole)) * 7 % 40) * noise.GRAIN

    def noisy_sums(self, sums, spread):
        self.sums.append(sums.copy())
        return np.random.default_rng(len(self.sums)).normal(0, spread, len(sums))

    def choose(self, scores, epsilon, reach=1.0):
        self.picks += 1
        return self.picks % len(scores)


def pinned_fit(people: Cohort, patch: pytest.MonkeyPatch):
    pin = Pinned()
    patch.setattr(noise, "_lattice", pin.lattice)
    patch.setattr(select, "choose", pin.choose)
    for module in (mechanism, private_events):
        patch.setattr(module, "noisy_sums", pin.noisy_sums)
    pace = {"private": {"rate": 1.0}}  # nobody's coin: the sums of both sides can be compared
    return pin, model(pace=pace).fit(people, budget(20.0), Seeds(0), contract=CONTRACT)


def whole(fitted) -> list[np.ndarray]:
    return [*(v.numpy() for v in fitted.net.state_dict().values()), *fitted.codec.arrays().values()]


def test_with_its_releases_pinned_a_fit_knows_nothing_of_a_patient(monkeypatch):
    one, two = stay(40), joined(stay(40), strange())
    (pin, fit), (other, beside) = (pinned_fit(c, monkeypatch) for c in (one, two))
    for mine, theirs in zip(whole(fit), whole(beside), strict=True):
        assert np.array_equal(mine, theirs, equal_nan=True)
    pd.testing.assert_frame_equal(*(f.sample(20, Seeds(1)).events for f in (fit, beside)))
    assert fit.facts == beside.facts and fit.courses == beside.courses
    assert not fit.net.values.eager.any()  # which would be set by when real extremes come
    assert len(pin.sums) == len(other.sums) == 4  # the first shares, and three steps
    for before, after in zip(pin.sums, other.sums, strict=True):
        assert np.linalg.norm(after - before) <= 1.001
    # two cohorts that have nothing in common, one of nobody
    for mine, theirs in zip(whole(fit), whole(pinned_fit(stay(0), monkeypatch)[1]), strict=True):
        assert np.array_equal(mine, theirs, equal_nan=True)


def test_a_fit_that_peeks_is_caught(monkeypatch):
    """The violation: how many patients there are, looked up."""
    true = private_events.begin_with

    def peeking(net, layout, shares, contract):
        return true(net, layout, shares, contract) + len(seen[-1])

    seen: list[Cohort] = []
    under = private_events.course_under
    monkeypatch.setattr(
        private_events, "course_under", lambda c, contract: (seen.append(c), under(c, contract))[1]
    )
    monkeypatch.setattr(private_events, "begin_with", peeking)
    fits = [pinned_fit(c, monkeypatch)[1] for c in (stay(40), joined(stay(40), strange()))]
    assert not all(np.array_equal(a, b) for a, b in zip(*map(whole, fits), strict=True))


def test_the_whole_budget_is_spent_and_the_rows_are_read_by_it_alone(tmp_path):
    ledger = budget()
    fitted = model().fit(stay(60), ledger, Seeds(1), contract=CONTRACT)
    assert 0.97 * 8 < ledger.spent <= 8.0
    assert [e.mechanism for e in ledger.entries][-2:] == ["gaussian", ALONE]
    with pytest.raises(BudgetError):
        model().fit(stay(60), ledger, Seeds(1), contract=CONTRACT)
    made = fitted.sample(50, Seeds(2))
    assert len(made) == 50 and set(made.events["code"]) <= {"hr", "lactate", "drug"}
    hr = made.events[made.events["code"] == "hr"]
    assert hr["value"].between(20, 200).all() and set(made.subjects["sex"]) <= {"f", "m"}
    assert (made.events["time"] >= 0).all()
    fitted.save(tmp_path)
    again = open_model(tmp_path).sample(50, Seeds(2))
    pd.testing.assert_frame_equal(made.events, again.events)


def test_a_budget_and_a_contract_belong_together():
    with pytest.raises(PlanError, match="needs a contract"):
        model().fit(stay(30), budget(), Seeds(1))
    with pytest.raises(PlanError, match="belongs to a ledger with a budget"):
        model().fit(stay(30), Ledger(), Seeds(1), contract=CONTRACT)
    for name in ("markov", "shuffle"):
        with pytest.raises(BudgetError):
            load_cohort_model(name).fit(stay(30), budget(), Seeds(1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clock": Clock.CALENDAR}, "own beginning"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"span": 0.2}, "ticks"),
        ({"codes": ()}, "each code stands once"),
        ({"codes": CONTRACT.codes * 2}, "each code stands once"),
        ({"codes": (Known("hr"),)}, "publicly known from"),
        ({"codes": (Known("hr", origin=Origin.BOUGHT),)}, "publicly known from"),
        ({"codes": (Known("hr", minimum=3, **TOLD),)}, "minimum below maximum"),
        ({"statics": Schema((replace(SEX, origin=Origin.INFERRED),))}, "inferred"),
        ({"statics": Schema((replace(SEX, origin=Origin.BOUGHT),))}, "not public"),
        ({"statics": Schema((replace(SEX, kind=Kind.TEXT),))}, "number or a level"),
    ],
)
def test_a_contract_that_says_too_little_is_refused_before_anything_is_charged(change, said):
    ledger = budget()
    with pytest.raises(SchemaError, match=said):
        model().fit(stay(30), ledger, Seeds(1), contract=replace(CONTRACT, **change))
    assert not ledger.entries


def test_a_contract_is_a_file_as_the_page_shows_it(tmp_path):
    file = tmp_path / "contract.toml"
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text()
    shown_there = page.split("```toml\nclock", 1)[1].split("```")[0]
    file.write_text(f"clock{shown_there}")
    shown = CohortContract.read(file)
    assert shown.codes[0].often and shown.statics.names == ("sex",)
    file.write_text(to_toml(CONTRACT))
    assert CohortContract.read(file) == CONTRACT
    file.write_text(EXAMPLE)
    assert replace(shown, codes=CONTRACT.codes) == replace(
        CohortContract.read(file), codes=CONTRACT.codes
    )
    file.write_text("clock = 'hours'")
    with pytest.raises(SchemaError, match="contract"):
        CohortContract.read(file)


def test_public_bins_hold_every_lawful_number_and_hours_by_themselves():
    minutes = replace(CONTRACT, clock=Clock.MINUTES, span=2880)
    codec = steps_under(minutes, 8)
    assert codec.cycle == 60 and courses_under(minutes).tokens[0].code == "hr"
    rng = np.random.default_rng(0)
    gaps = np.array([1.0, 2, 59, 60, 61, 120, 180, 240, 1440])
    assert np.array_equal(codec.gaps.decode(codec.gaps.encode(gaps), rng), gaps)
    other = np.arange(1, 2881).astype(float)
    assert len(np.unique(codec.gaps.encode(other))) == codec.gaps.bins
    rates = np.arange(20, 201).astype(float)
    own = codec.values.codecs[0]
    again = own.decode(own.encode(rates), rng)
    assert own.bins == 8 and set(again) <= set(rates) and np.abs(again - rates).max() < 24
