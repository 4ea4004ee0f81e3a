"""The loop: blinded rows, charges, resuming to the same bytes, best weights that are copies."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medsynai.errors import ModelError, PlanError
from medsynai.learn.core import Batch, Phase, Update, batchwise, batchwise_reason, planned_releases
from medsynai.learn.film import EACH, FRAMES, Film, paints
from medsynai.learn.job import Job, Pace, halves
from medsynai.learn.loop import train
from medsynai.learn.mechanism import Plain
from medsynai.learn.nets.mlp import linear, mlp
from medsynai.learn.precision import multiplies_bfloat16
from medsynai.seeds import Seeds

ROWS = torch.randn(300, 3, generator=torch.Generator().manual_seed(0)) + torch.tensor([1.0, 2, 3])
HELD = ROWS[:40] + 0.1


def nets() -> nn.ModuleDict:
    return nn.ModuleDict({"guess": mlp(2, 8, 3, 1), "critic": linear(3, 1)})


def miss(modules, batch):
    return ((modules["guess"](batch.noise) - batch.real) ** 2).sum(1)


def fool(modules, batch):
    return -modules["critic"](modules["guess"](batch.noise))[:, 0]


def paint(modules, noise, labels):
    return modules["guess"](noise)


def job(rounds=60, pace=None, updates=None, watched=miss) -> Job:
    learn = Update(("guess",), miss, True, lr=1e-2)
    pace = pace or Pace(batch=32, check=10, patience=50)
    sizes = nets(), (Phase(updates or (learn,), rounds),), 2, pace
    return Job(*sizes, watched=watched, paints=paints(paint, 2, 1))


def same(one: nn.Module, two: nn.Module) -> bool:
    left, right = one.state_dict(), two.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def test_the_same_seeds_give_the_same_bytes_and_leave_the_global_stream_alone():
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    one = train(job(), ROWS, HELD, Seeds(1))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(99)
    assert same(one.modules, train(job(), ROWS, HELD, Seeds(1)).modules)
    assert not same(one.modules, train(job(), ROWS, HELD, Seeds(2)).modules)


def test_small_data_bear_fewer_rounds_but_ten_looks():
    pace = Pace(batch=32, check=10, patience=50, behind=6)
    assert train(job(200, pace), ROWS, HELD, Seeds(1)).marks[-1].rounds == ROWS.numel() // 6 == 150
    assert train(job(200, pace), ROWS[:20], HELD, Seeds(1)).marks[-1].rounds == 100
    assert (
        train(job(200, replace(pace, behind=None)), ROWS[:20], HELD, Seeds(1)).marks[-1].rounds
        == 200
    )
    noised = replace(job(200, pace), mechanism=Noised())  # how many rows there are is not public
    assert noised.sized(60).rounds == 200


def test_the_loss_falls_and_marks_say_so():
    trained = train(job(200), ROWS, HELD, Seeds(1))
    assert trained.marks[-1].held < 0.6 * trained.marks[0].held
    assert trained.healthy and trained.ended == "all rounds were run"


def test_a_film_shows_how_it_learnt_and_changes_nothing():
    """The mean of what is painted nears that of the rows, moment by moment evenly apart."""
    trained = train(job(240), ROWS, HELD, Seeds(1))
    without = train(replace(job(240), paints=None), ROWS, HELD, Seeds(1))
    assert same(trained.modules, without.modules) and not without.film
    miss_of = [float((shot.mean(0) - ROWS.mean(0)).abs().max()) for _, shot in trained.film]
    assert miss_of[-1] < 0.5 * miss_of[0]
    assert all(shot.shape == (EACH, 3) for _, shot in trained.film)
    done = [rounds for rounds, _ in trained.film]
    assert FRAMES / 2 < len(done) <= FRAMES and len(set(np.diff(done))) == 1


@pytest.mark.parametrize("looks", [1, 2, 10, 11, 57, 400])
def test_a_long_film_keeps_few_moments_from_first_to_nearly_last(looks):
    film, modules = Film(), nets()
    for k in range(looks):
        film.take(200 * (k + 1), paints(paint, 2, 1), modules)
    done = [rounds for rounds, _ in film.shots]
    assert done[0] == 200 and len(done) <= FRAMES
    assert len(set(np.diff(done))) <= 1
    assert done[-1] >= 200 * looks * (1 - 2.5 / FRAMES)


class Interrupted(Exception):
    pass


def test_an_interrupted_run_resumes_to_the_same_bytes(tmp_path):
    whole = train(job(70), ROWS, HELD, Seeds(1))
    seen = 0

    def crash(modules, batch):
        nonlocal seen
        seen += 1
        if seen == 46:  # amid a stretch between two looks
            raise Interrupted
        return miss(modules, batch)

    updates = (Update(("guess",), crash, True, lr=1e-2),)
    with pytest.raises(Interrupted):
        train(job(70, updates=updates), ROWS, HELD, Seeds(1), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"progress.json", "progress.10.safetensors"}
    resumed = train(job(70), ROWS, HELD, Seeds(1), tmp_path)
    assert same(whole.modules, resumed.modules)
    assert [m.train for m in whole.marks] == pytest.approx([m.train for m in resumed.marks])
    assert [done for done, _ in whole.film] == [done for done, _ in resumed.film]
    pairs = zip(whole.film, resumed.film, strict=True)
    assert all(torch.equal(one, two) for (_, one), (_, two) in pairs)


def test_damaged_or_foreign_progress_is_refused(tmp_path):
    train(job(20), ROWS, HELD, Seeds(1), tmp_path)
    other = replace(job(20), modules=nn.ModuleDict({"guess": mlp(2, 9, 3, 1)}))
    with pytest.raises(ModelError, match="whole progress"):
        train(other, ROWS, HELD, Seeds(1), tmp_path)
    weights = next(tmp_path.glob("progress.*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(ModelError, match="whole progress"):
        train(job(20), ROWS, HELD, Seeds(1), tmp_path)


def test_an_update_that_peeks_is_refused():
    peek = Update(("guess",), miss, False)
    with pytest.raises(ModelError, match="reads_real"):
        train(job(updates=(peek,)), ROWS, HELD, Seeds(1))


def test_an_update_that_peeks_in_a_later_phase_is_refused():
    work = job(5)
    later = Phase((Update(("guess",), miss, False),), 5)
    with pytest.raises(ModelError, match="reads_real"):
        train(replace(work, phases=(*work.phases, later)), ROWS, HELD, Seeds(1))


def test_an_update_is_not_taken_to_peek_where_the_other_player_left_all_bounds():
    far = Update(("critic",), lambda m, b: m["critic"](b.real)[:, 0], True, lr=1e38)
    blind = Update(("guess",), lambda m, b: 10 * fool(m, b), False)
    with pytest.raises(ModelError, match="lower the learning rate"):
        train(job(updates=(far, blind)), ROWS, HELD, Seeds(1))


class Noised:
    """A mechanism that is not plain, and does as the plain one does."""

    charge, batch, gradients = Plain().charge, Plain().batch, Plain().gradients


@pytest.mark.parametrize("brisk", [True, False])
@pytest.mark.parametrize("how", [Plain(), Noised()])
def test_products_are_rounded_where_a_job_says_so_and_never_those_of_a_private_run(brisk, how):
    found, before = [], torch.get_float32_matmul_precision()

    def look(modules, batch):
        found.append(torch.get_float32_matmul_precision())
        return miss(modules, batch)

    update = Update(("guess",), look, True)
    train(replace(job(3, updates=(update,)), brisk=brisk, mechanism=how), ROWS, HELD, Seeds(1))
    rounded = brisk and isinstance(how, Plain) and multiplies_bfloat16()
    assert found == [("medium" if rounded else before)] * 3
    assert torch.get_float32_matmul_precision() == before


def test_a_gradient_is_held_to_its_greatest_norm():
    pace = Pace(batch=32, check=10, held=0.0, clip=1e-9)
    work = job(10, pace, watched=None)
    began = train(job(1, pace, watched=None), ROWS, HELD, Seeds(1)).modules
    norms = []

    class Told(Plain):
        def gradients(self, loss, modules, trains, batch):
            mean = super().gradients(loss, modules, trains, batch)
            norms.append(modules["guess"][0].weight.grad.norm())
            return mean

    moved = train(replace(work, mechanism=Told()), ROWS, HELD, Seeds(1)).modules
    assert min(norms) > 0.1  # before the clip; after it Adam's 1e-8 outweighs the gradient
    gap = max(
        float((a - b).abs().max())
        for a, b in zip(began.parameters(), moved.parameters(), strict=True)
    )
    assert gap < 0.03


def test_an_update_without_real_rows_trains_and_is_not_counted():
    read, blind = Update(("critic",), critic_miss, True), Update(("guess",), fool, False, repeats=2)
    work = job(5, updates=(read, blind), watched=None)
    assert planned_releases(work.phases) == 5
    assert "at most 5 gradient steps" in Plain().charge("x", work.phases).note
    assert train(work, ROWS, HELD, Seeds(1)).healthy


def critic_miss(modules, batch):
    return modules["critic"](batch.real)[:, 0] ** 2


def test_best_weights_are_those_of_the_best_look_and_not_a_living_reference():
    """A loss that turns against the held-out rows after a while: the best look lies behind."""
    away = Update(("guess",), lambda m, b: miss(m, b._replace(real=b.real + 20)), True, lr=1e-2)
    there = Update(("guess",), miss, True, lr=2e-2)
    phases = (Phase((there,), 60), Phase((away,), 300))
    pace = Pace(batch=32, check=10, patience=4)
    work = replace(job(pace=pace), phases=phases)
    trained = train(work, ROWS, HELD, Seeds(1))
    assert trained.marks[-1].rounds < 360
    assert trained.ended == "held-out rows stopped gaining" or not trained.healthy
    noise = torch.randn(200, 2, generator=torch.Generator().manual_seed(5))
    kept = miss(trained.modules, Batch(HELD.repeat(5, 1), HELD, HELD, noise)).mean()
    best = min(m.held for m in trained.marks)
    assert float(kept) == pytest.approx(best, rel=0.2)
    assert trained.marks[-1].held > 1.3 * best


def test_divergence_ends_a_run_with_the_last_good_weights():
    broken = Update(
        ("guess",),
        lambda m, b: miss(m, b) * (math.nan if next(count) > 35 else 1.0),
        True,
        lr=1e-2,
    )
    count = iter(range(10_000))
    trained = train(job(100, updates=(broken,)), ROWS, HELD, Seeds(1))
    assert not trained.healthy and "learning rate" in trained.ended
    assert trained.marks[-1].rounds == 30
    assert all(p.isfinite().all() for p in trained.modules.parameters())


def test_divergence_before_anything_good_is_an_error():
    bad = Update(("guess",), lambda m, b: miss(m, b) * math.nan, True)
    with pytest.raises(ModelError, match="learning rate"):
        train(job(updates=(bad,)), ROWS, HELD, Seeds(1))


def test_divergence_before_anything_good_begins_anew_with_other_weights_and_slower():
    """Planted: every loss is no number until the rate has fallen to a hundredth."""
    firsts, work = [], job(60)

    def fragile(modules, batch):
        first = modules["guess"][0].weight.detach().clone()
        if not any(torch.equal(first, w) for w in firsts[-1:]):
            firsts.append(first)
        return miss(modules, batch) * (math.nan if len(firsts) < 3 else 1.0)

    update = Update(("guess",), fragile, True, lr=1e-2)
    trained = train(job(60, updates=(update,)), ROWS, HELD, Seeds(1))
    assert trained.healthy and trained.restarts == 2 and trained.facts["restarts"] == 2
    assert not torch.equal(firsts[0], firsts[1]) and not torch.equal(firsts[1], firsts[2])
    assert trained.marks[-1].rounds == 60  # no more steps than were planned and charged
    moved = (firsts[-1] - firsts[2]).abs().max()
    assert 0 < moved < 60 * 1.1e-4  # sixty steps of Adam at a hundredth of the rate
    blind = replace(work, phases=(Phase((update,), 60),), watched=None)
    firsts.clear()
    with pytest.raises(ModelError, match="first look"):  # no look at real rows: no restart either
        train(blind, ROWS, HELD, Seeds(1))


def test_weights_far_worse_than_untrained_ones_are_never_the_good_ones():
    wild = Update(("guess",), miss, True, lr=1e6)
    with pytest.raises(ModelError, match="grew without end"):
        train(job(90, updates=(wild,)), ROWS, HELD, Seeds(1))


def test_budgets_that_allow_nothing_are_refused():
    with pytest.raises(PlanError, match="round"):
        train(job(0), ROWS, HELD, Seeds(1))
    with pytest.raises(PlanError, match="too small"):
        train(job(60, Pace(batch=2, check=1, seconds=1e-9)), ROWS, HELD, Seeds(1))
    for wrong in ({"batch": 0}, {"held": 0.9}, {"clip": 0.0}, {"seconds": -1.0}):
        with pytest.raises(PlanError):
            Pace(**wrong)


def test_a_time_budget_ends_training():
    pace = Pace(batch=64, seconds=1.0, patience=1_000_000)  # a starved core needs its second
    trained = train(job(1_000_000, pace), ROWS, HELD, Seeds(1))
    assert trained.ended == "the time budget was used up"
    assert trained.marks[-1].rounds < 1_000_000


def test_no_patient_is_on_both_sides():
    patients = np.random.default_rng(1).integers(0, 400, 1000)
    inside, outside = halves(patients, 0.1, Seeds(3))
    assert not set(patients[inside]) & set(patients[outside])
    assert len(inside) + len(outside) == 1000 and 50 < len(outside) < 150
    assert len(halves(np.arange(30), 0.1, Seeds(3))[1]) == 0


def test_a_loss_that_needs_its_batch_says_why():
    marked = batchwise("packs of 4 share one score")(lambda m, b: miss(m, b))
    assert batchwise_reason(marked) == "packs of 4 share one score"
    assert batchwise_reason(miss) is None


def test_the_forest_and_the_judges_do_without_torch():
    code = (
        "import sys, medsynai.forest.forest, medsynai.evaluate.panel, medsynai.models.catalog\n"
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_patience_begins_anew_at_every_gain():
    told = iter([9.9, 9.0, 9.5, 8.0, 8.5, 7.0, 7.5, 6.0, 6.5, 6.6, 5.0])
    pace = Pace(batch=8, check=1, patience=2)
    trained = train(
        job(10, pace, watched=lambda m, b: torch.full((1,), next(told))), ROWS, HELD, Seeds(1)
    )
    assert trained.marks[-1].rounds == 9  # the second look without gain after 6.0; 9.9 is untrained
    assert trained.ended == "held-out rows stopped gaining"
