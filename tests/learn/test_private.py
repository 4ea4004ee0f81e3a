"""Networks under a budget: each of the catalogue that can be, and what must not happen there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from medsynai.codec import bought
from medsynai.data.schema import Column, Kind, Origin, Role, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import BudgetError, ModelError, PlanError, SchemaError
from medsynai.learn import fitted, loop, mechanism, private
from medsynai.learn.condition import Nothing
from medsynai.learn.core import Batch, Phase, Update, batchwise
from medsynai.learn.job import Job, Pace, Private
from medsynai.learn.loop import train
from medsynai.learn.mechanism import DpSgd, parts_of
from medsynai.learn.nets.mlp import initialise, linear
from medsynai.learn.warm import Warm
from medsynai.models.catalog import load_model
from medsynai.models.entries import CATALOG
from medsynai.models.presets import PRIVATE, preset_of
from medsynai.privacy import noise
from medsynai.privacy.accounting import Kind as Price
from medsynai.privacy.accounting import Spend
from medsynai.privacy.gradients import clipped_sum
from medsynai.privacy.ledger import Budget, Ledger, Release
from medsynai.seeds import Seeds
from medsynai.store import laid_over

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

ABLE = [e.name for e in CATALOG if e.private and not e.needs_budget and "table" in e.data]
SMALL = {
    "vae": {"steps": 6, "width": 16, "latent": 4},
    "beta-vae": {"steps": 6, "width": 16, "latent": 4},
    "tvae": {"steps": 6, "width": 16, "latent": 4, "bins": 12},
    "aae": {"steps": 3, "width": 16, "latent": 3},
    "autoregressive": {"steps": 6, "width": 12, "blocks": 1},
    "diffusion": {"steps": 6, "width": 16, "layers": 2, "hops": 4, "bins": 12},
    "gan": {"steps": 3, "width": 16, "latent": 4},
    "wgan-gp": {"steps": 3, "width": 16, "latent": 4},
}
SCHEMA = Schema(
    (
        Column("age", Kind.INTEGER, minimum=0, maximum=120, decimals=0, origin=Origin.STANDARD),
        Column("sex", Kind.BINARY, categories=("f", "m"), origin=Origin.DECLARED),
        Column(
            "stage",
            Kind.ORDINAL,
            Role.TARGET,
            categories=("I", "II", "III"),
            missing=True,
            origin=Origin.DECLARED,
        ),
    )
)


def patients(rows: int = 300, schema: Schema = SCHEMA, **more: list) -> Table:
    rng = np.random.default_rng(0)
    age = np.round(rng.normal(60, 12, rows).clip(0, 120))
    stage = [("I", "II", "III", None)[k] for k in np.digitize(age, [50, 60, 70])]
    data = {"age": age, "sex": rng.choice(["f", "m"], rows), "stage": stage} | more
    columns = {
        c.name: pd.Series(list(data[c.name]), dtype=object).astype(canonical_dtype(c))
        for c in schema.columns
    }
    return Table(pd.DataFrame(columns), schema)


GRADED = ("autoregressive, graded", "vae, graded")  # their `private` settings go without
VARIED = {"graded": {"grades": True}, "modes": {"space": "modes"}}
MADE = [*ABLE, *GRADED, "wgan-gp, modes"]  # the last: CTGAN without its conditions


def model(name: str, **more):
    name, _, how = name.partition(", ")
    asked = VARIED.get(how, {})
    settings = laid_over(laid_over(preset_of(name, PRIVATE), SMALL[name]), asked)
    return load_model(name, laid_over(settings, more))


def budget(epsilon: float = 8.0) -> Ledger:
    return Ledger(Budget(epsilon, 1e-5))


@pytest.mark.parametrize("name", MADE)
def test_every_able_model_spends_its_budget_and_reads_rows_by_the_mechanism_alone(
    name, monkeypatch
):
    """After the bins are bought, the rows are worth nothing: the fit must not tell."""
    shown, before = [], fitted.ready_privately

    def poisoned(*given):
        ready = before(*given)
        shown.append(ready)
        return replace(ready, rows=ready.rows * torch.nan)

    ledger = budget()
    model(name).fit(patients(), ledger, Seeds(1))
    assert 0.98 * 8 < ledger.spent <= 8.0
    with pytest.raises(BudgetError):
        model(name).fit(patients(), ledger, Seeds(1))
    monkeypatch.setattr(fitted, "ready_privately", poisoned)
    drawn = model(name).fit(patients(), budget(), Seeds(1)).sample(50, Seeds(2))
    assert len(drawn) == 50 and drawn.frame["age"].notna().all()
    assert not len(shown[0].held) and not shown[0].known.isnan().any()
    # what may be looked at was drawn from the bought histograms, whatever rows there are
    assert len(shown[0].known) == len(shown[0].open) == private.STOOD_IN


def test_what_stands_beside_a_row_is_drawn_by_no_generator_that_can_be_tried_out(monkeypatch):
    """Torch's begins from 2^32 states only, however long the seed."""
    monkeypatch.setattr(torch, "Generator", None)
    how, rows = DpSgd(1.0, patients=np.arange(5000)), torch.zeros(5000, 3)
    one, two = (how.batch(job(), rows, None).noise for _ in range(2))
    assert one.shape == (5000, 2) and one.dtype == torch.float32 and not torch.equal(one, two)
    assert stats.kstest(one.numpy().ravel(), "norm").pvalue > 1e-7


def test_no_more_steps_are_taken_than_were_paid_for(monkeypatch):
    kind = type(model("vae"))
    planned = kind.job

    def longer(self, space, rows):
        job = planned(self, space, rows)
        return replace(job, phases=tuple(replace(p, rounds=p.rounds + 1) for p in job.phases))

    monkeypatch.setattr(kind, "job", longer)
    with pytest.raises(PlanError, match="more often"):
        model("vae").fit(patients(), budget(), Seeds(1))


@pytest.mark.parametrize("name", MADE)
def test_every_loss_on_real_rows_takes_each_row_by_itself_and_is_clipped_exactly(name):
    settings = model(name)
    ready = bought.buy(patients(), Spend(Price.GAUSSIAN, 2.0), settings.bins)
    codes = ready.codec.encode(patients(9))
    space = fitted.Space.fit(settings.space, ready.codec, codes, 1)
    rows = fitted.to_rows(codes)
    job = settings.job(space, rows)
    random = torch.Generator().manual_seed(1)
    initialise(job.modules, random)
    for (
        weight
    ) in job.modules.parameters():  # behind a layer that begins at nothing all slopes are 0
        weight.data += 0.1 * torch.randn(weight.shape, generator=random)
    none, who = torch.zeros(9, 0), torch.arange(9)
    batch = Batch(rows, none, none, torch.randn(9, job.noise, generator=random), who)
    for update in (u for p in job.phases for u in p.updates if u.reads_real):
        weights = [w for n in update.trains for w in job.modules[n].parameters()]
        loss, clip = update.at(0), 0.5
        total = [torch.zeros_like(w) for w in weights]
        for i in range(9):
            one = Batch(*(x[i : i + 1] for x in batch))
            own = torch.autograd.grad(
                loss(job.modules, one).sum(), weights, allow_unused=True, materialize_grads=True
            )
            norm = torch.cat([g.flatten() for g in own]).norm()
            for place, gradient in zip(total, own, strict=True):
                place += gradient * min(1.0, clip / float(norm))
        found = clipped_sum(lambda loss=loss: loss(job.modules, batch), weights, who, clip)
        for one, two in zip(found, total, strict=True):
            assert torch.allclose(one, two, atol=2e-5)


@pytest.mark.parametrize("name", ABLE)
def test_no_row_at_all_is_trained_on_like_any_others(name):
    """That a table is empty is a fact about every patient: it costs as much, and nothing fails."""
    ledger = budget()
    drawn = model(name).fit(patients(0), ledger, Seeds(1)).sample(20, Seeds(2))
    assert len(drawn) == 20 and 0.98 * 8 < ledger.spent <= 8.0


def test_a_training_loop_that_asks_for_rows_is_seen_and_without_a_budget_it_may(monkeypatch):
    with pytest.raises(ModelError, match="at least one train row"):
        train(job(), torch.ones(0, 3), torch.zeros(0, 3), Seeds(1))
    monkeypatch.setattr(loop, "Plain", object)  # the violation: every mechanism taken for plain
    with pytest.raises(ModelError):
        model("gan").fit(patients(0), budget(), Seeds(1))


def miss(modules, batch):
    return (modules["net"](batch.noise) - batch.real).square().sum(1)


def job(updates=None, **facts) -> Job:
    updates = updates or (Update(("net",), miss, True, lr=1e-2),)
    nets = nn.ModuleDict({"net": linear(2, 3)})
    return Job(nets, (Phase(updates, 5),), 2, Pace(check=5), **facts)


def sgd(people=40, **facts) -> DpSgd:
    return DpSgd(**({"noise": 1.0, "patients": np.arange(people), "divisor": 20.0} | facts))


def slopes(how: DpSgd, rows: torch.Tensor) -> torch.Tensor:
    work = job()
    torch.nn.init.zeros_(work.modules["net"].weight), torch.nn.init.zeros_(work.modules["net"].bias)
    batch = how.batch(work, rows, torch.Generator())
    assert how.gradients(miss, work.modules, ("net",), batch) is None
    return torch.cat([w.grad.flatten() for w in work.modules["net"].parameters()])


def test_what_the_lattice_may_add_is_taken_off_the_clip(monkeypatch):
    """A patient's part, moved by half a grain a weight, still counts for the clip at most."""
    seen = []
    monkeypatch.setattr(mechanism, "clipped_sum", lambda *told: seen.append(told[3]))
    slopes(sgd(noise=7.0, clip=0.5), torch.ones(40, 3))
    size = sum(w.numel() for w in job().modules.parameters())
    assert seen and seen[0] + noise.slack(size, 7.0 * 0.5) == pytest.approx(0.5, rel=1e-12)
    assert seen[0] < 0.5
    with pytest.raises(BudgetError, match="so much noise"):
        slopes(sgd(noise=1e9, clip=0.5), torch.ones(40, 3))


def test_a_step_is_noised_divided_by_a_constant_and_never_told(monkeypatch):
    many = sgd(noise=3.0, clip=0.5, patients=np.zeros(0, np.int64))
    alone = torch.stack([slopes(many, torch.zeros(0, 3)) for _ in range(400)])
    assert float(alone.std()) == pytest.approx(
        3.0 * 0.5 / 20, rel=0.15
    )  # nobody: noise all the same
    quiet = sgd(noise=1e-3, rate=1.0, clip=1e-3)
    one, two = slopes(quiet, torch.ones(40, 3)), slopes(quiet, torch.ones(40, 3))
    assert not torch.equal(one, two)
    still = np.zeros((40, 2), np.float32)  # all gradients point one way, so that their norms add up
    monkeypatch.setattr(mechanism, "normal", lambda rows, columns: still[:rows])
    half = sgd(people=20, noise=1e-3, clip=1e-3)
    ratio = slopes(half, torch.ones(20, 3)).norm() / slopes(quiet, torch.ones(40, 3)).norm()
    assert float(ratio) == pytest.approx(0.5, abs=0.01)  # half as many: half the sum, same divisor
    trained = train(job(mechanism=sgd()), torch.ones(40, 3), torch.zeros(0, 3), Seeds(1))
    assert all(np.isnan(m.train) and np.isnan(m.held) for m in trained.marks)


def test_batches_are_poisson_and_what_stands_beside_a_row_is_not_foreseen():
    how, rows, random = sgd(200, rate=0.1), torch.arange(600.0).view(200, 3), torch.Generator()
    state = random.get_state()
    drawn = [how.batch(job(), rows, random) for _ in range(300)]
    assert torch.equal(state, random.get_state())
    sizes = np.array([len(b.real) for b in drawn])
    assert abs(sizes.mean() - 20) < 1.3 and 9 < sizes.var() < 30  # 18; of a fixed size: 0
    assert all(torch.equal(b.real, rows[b.patient]) for b in drawn)
    assert len({float(b.noise[0, 0]) for b in drawn if len(b.noise)}) > 290


def test_no_patient_is_in_two_parts_and_all_rows_are_in_one():
    who = torch.tensor([7, 1, 7, 3, 3, 3, 9, 1, 8, 8])
    real = torch.arange(10.0)[:, None]
    parts = list(parts_of(Batch(real, real, real, real, who), 3))
    assert len(parts) > 1
    homes = [{int(who[int(r)]) for r in part.real[:, 0]} for part in parts]
    assert sum(map(len, homes)) == len(set().union(*homes)) == 5
    assert sorted(torch.cat([p.real[:, 0] for p in parts]).tolist()) == list(range(10))
    for part in parts:
        assert part.patient.min() == 0 and part.patient.max() == len(part.patient.unique()) - 1


def test_a_step_does_not_depend_on_how_many_rows_are_worked_on_at_once(monkeypatch):
    monkeypatch.setattr(mechanism, "noisy_sums", lambda sums, spread: sums.astype(float))
    patients = np.repeat(np.arange(20), 2)
    rows = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    still = np.zeros((40, 2), np.float32)
    monkeypatch.setattr(mechanism, "normal", lambda rows, columns: still[:rows])
    whole, parts = (slopes(sgd(20, patients=patients, micro=m), rows) for m in (512, 3))
    assert torch.allclose(whole, parts, atol=1e-6)


def test_a_loss_that_needs_its_batch_is_refused_before_anything_is_charged():
    ledger = budget()
    with pytest.raises(PlanError, match="packs of 4"):
        load_model("gan").fit(patients(), ledger, Seeds(1))
    with pytest.raises(PlanError, match="means over the batch"):
        load_model("gan", {"pack": 1}).fit(patients(), ledger, Seeds(1))
    assert not ledger.entries
    marked = batchwise("a reason")(miss)
    work = job((Update(("net",), marked, True),), mechanism=sgd())
    with pytest.raises(PlanError, match="a reason"):
        train(work, torch.ones(40, 3), torch.zeros(0, 3), Seeds(1))


def test_rows_are_not_picked_by_what_they_hold():
    class Picky(Nothing):
        def pick(self, rows, n, generator):
            raise AssertionError("looked at the rows")

    with pytest.raises(PlanError, match="cannot pick rows"):
        train(job(mechanism=sgd(), asking=Picky()), torch.ones(40, 3), torch.zeros(0, 3), Seeds(1))


def test_a_schema_that_looked_at_the_rows_is_refused_before_anything_is_charged():
    ledger, loose = budget(), replace(SCHEMA["age"], origin=Origin.INFERRED)
    with pytest.raises(SchemaError, match="age"):
        model("vae").fit(patients(schema=SCHEMA.replacing(loose)), ledger, Seeds(1))
    assert not ledger.entries


def test_neighbours_get_the_same_noise_steps_and_shapes(monkeypatch):
    seen, before = [], fitted.ready_privately
    monkeypatch.setattr(fitted, "ready_privately", lambda *a: seen.append(before(*a)) or seen[-1])
    kept = [model("vae").fit(patients(n), budget(), Seeds(1)) for n in (300, 299)]
    how = [ready.adapted(job()).mechanism for ready in seen]
    assert (how[0].noise, how[0].rate, how[0].clip) == (how[1].noise, how[1].rate, how[1].clip)
    assert all(
        h.divisor == pytest.approx(300, abs=60) and h.divisor != len(h.patients) for h in how
    )
    names = [sorted(k.drawer.state_dict()) for k in kept]
    assert names[0] == names[1] and kept[0].schema == kept[1].schema


def test_the_rows_of_a_patient_are_capped_and_counted_as_one():
    key = Column("id", Kind.IDENTIFIER, Role.SUBJECT)
    schema = replace(SCHEMA, columns=(*SCHEMA.columns, key), max_rows=2)
    table = patients(300, schema, id=[f"p{i % 100}" for i in range(300)])
    ready = fitted.ready_privately(model("vae"), Budget(8.0, 1e-5), table, budget(), Seeds(1))
    how = ready.adapted(job()).mechanism
    assert np.bincount(how.patients).tolist() == [2] * 100
    assert how.divisor == pytest.approx(100, abs=40)


def test_several_rows_a_step_cost_less_and_charges_are_what_the_plan_says():
    paid = []
    for rate in (1.0, 0.1):
        ledger = budget(2.0)
        made = model("vae", pace={"private": {"rate": rate}})
        made.fit(patients(), ledger, Seeds(1))
        step = ledger.spends[-1]
        assert (step.rate, step.steps) == (rate, 6) and 1.95 < ledger.spent <= 2.0
        paid.append(step.noise)
    assert paid[1] < paid[0]
    with pytest.raises(PlanError):
        Private(rate=0.0)


def test_same_seeds_differ_and_noise_is_not_seeded(monkeypatch):
    one, two = (model("vae").fit(patients(), budget(), Seeds(1)) for _ in range(2))
    assert not torch.equal(one.drawer.decoder.ends.weight, two.drawer.decoder.ends.weight)
    monkeypatch.setattr(noise.ssl, "RAND_bytes", lambda n: b"\xc8" * n)
    assert len(set(noise.noisy_sums(np.zeros(9), 1.0).tolist())) == 2  # all noise is from there


def tied(rows: int) -> Table:
    """Rows in which `stage` hangs on `sex` alone."""
    rng = np.random.default_rng(3)
    sex = rng.choice(["f", "m"], rows)
    return patients(rows, sex=list(sex), stage=[{"f": "I", "m": "III"}[s] for s in sex])


def agreement(drawn: Table) -> float:
    """How often `stage` is what `sex` says."""
    frame = drawn.frame
    return float((frame["stage"] == frame["sex"].map({"f": "I", "m": "III"}).astype(str)).mean())


def test_a_warm_start_teaches_what_noise_hides_and_costs_nothing(monkeypatch):
    """The real rows move no weight here, so all that is known beyond the shares was free."""
    monkeypatch.setattr(mechanism, "noisy_sums", lambda sums, spread: np.zeros(len(sums)))
    settings, cold, warm = model("autoregressive", steps=60), budget(), budget()
    blind = settings.fit(tied(300), cold, Seeds(1))
    taught = settings.fit(tied(300), warm, Seeds(1), warm=Warm(tied(400), "a survey"))
    assert agreement(blind.sample(400, Seeds(2))) < 0.75
    assert agreement(taught.sample(400, Seeds(2))) > 0.9
    assert warm.spent == pytest.approx(cold.spent) and warm.entries[0].mechanism == "public"
    assert "400 rows of a survey" in warm.entries[0].note


def test_a_warm_start_needs_a_budget_and_the_same_contract():
    with pytest.raises(PlanError, match="run with epsilon"):
        model("vae").fit(patients(), Ledger(), Seeds(1), warm=Warm(tied(50), "a survey"))
    other = SCHEMA.replacing(replace(SCHEMA["sex"], categories=("m", "f")))
    for wrong in (patients(0), patients(50, other)):
        with pytest.raises(PlanError, match="under the same contract"):
            model("vae").fit(patients(), budget(), Seeds(1), warm=Warm(wrong, "a survey"))
    with pytest.raises(BudgetError, match="without protection"):  # only `public` is free
        budget().charge(Release("a look", note="rows of nobody"))
