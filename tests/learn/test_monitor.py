"""A look sees collapse and what is missing; a run that collapses ends early and says so."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space
from medsynai.codec.tokens import to_rows
from medsynai.errors import PlanError
from medsynai.learn.core import Batch
from medsynai.learn.job import Pace
from medsynai.learn.loop import train
from medsynai.learn.mechanism import some_batch
from medsynai.learn.monitor import (
    alarm,
    collapsed,
    discrepancy,
    look_at_generator,
    precision_recall,
)
from medsynai.models.autoencoder import Vae
from medsynai.models.autoregressive import Autoregressive
from medsynai.models.diffusion import Diffusion
from medsynai.models.gan import Gan
from medsynai.seeds import Seeds

LAYOUT = Layout.of(("a", "b", "c", "d"), (12, 12, 3, 4), (True, True, False, False))


def space() -> Space:
    whole = LAYOUT.width
    cells = np.concatenate([np.arange(s) for s in LAYOUT.sizes])
    return Space(LAYOUT, LAYOUT, cells, np.zeros(whole), np.full(whole, -np.inf), ())


def rows(n: int, seed: int = 1) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 11, n)
    codes = [a, (a + rng.integers(0, 3, n)) % 11, a % 2, rng.integers(0, 3, n)]
    return to_rows(np.stack(codes, axis=1))


SMALL = Gan(
    width=32,
    latent=8,
    ties=8,
    warm=0,
    steps=400,
    pace=Pace(batch=64, check=20, patience=9, average=0.9),
)
FEW = replace(SMALL, steps=60)


def test_identical_rows_are_one_and_a_single_row_recalls_nothing():
    hot = torch.eye(12)[torch.arange(600) % 12].repeat(1, 2)
    assert precision_recall(hot, hot) == (1.0, 1.0)
    other = torch.zeros_like(hot)
    other[:, 3], other[:, 12] = 1.0, 1.0  # agrees with some real rows in one column only
    precision, recall = precision_recall(hot, other)
    assert (precision, recall) == (0.0, 0.0)


def test_the_discrepancy_is_about_zero_for_rows_of_one_law_and_larger_for_others():
    one, two = (Gan().job(space(), rows(500, k)) for k in (1, 2))
    board = one.modules["generator"].board
    first, second = board.view(rows(500, 1)), board.view(rows(500, 2))
    assert abs(discrepancy(first, second, 4)) < 0.01
    apart = second.clone()
    apart[:, LAYOUT["b"].places] = second.roll(1, 0)[:, LAYOUT["b"].places]
    assert discrepancy(first, apart, 4) > discrepancy(first, second, 4) + 0.002
    assert two.monitor is look_at_generator


def plant(job):
    """A generator that gives one row whatever it is given, and cannot leave it."""
    usual = job.modules["generator"].decoder.usual
    usual.fill_(-1000.0)
    usual[list(LAYOUT.starts)] = 1000.0
    return job


def test_a_planted_collapse_raises_the_alarm():
    work = plant(SMALL.job(space(), rows(400)))
    trained = train(work, rows(400), rows(60, 2), Seeds(1))
    assert not trained.healthy and trained.ended.startswith("mode collapse")
    assert trained.marks[-1].rounds == 60  # three looks, not all 400 rounds
    assert trained.marks[-1].figures["coverage"] < 0.3
    assert trained.marks[-1].figures["recall"] < 0.2


def test_a_healthy_run_raises_none_and_tells_every_figure():
    trained = train(FEW.job(space(), rows(400)), rows(400), rows(60, 2), Seeds(1))
    assert trained.healthy
    told = trained.marks[-1].flat()
    measured = {"coverage", "tvd", "precision", "recall", "critic"}
    assert set(told) == {"rounds", "train", "held", *measured}
    assert all(isinstance(x, float | int) for x in told.values())
    assert told["coverage"] > 0.9 and told["tvd"] < 0.2
    assert collapsed([m.figures for m in trained.marks]) == ""


def test_a_runaway_critic_ends_a_run_with_the_last_good_weights():
    """Planted: from the third look on the critic's loss on the same rows is a thousand times it."""
    work, seen = FEW.job(space(), rows(400)), []
    critic, fool = work.phases[0].updates

    def gone(modules, batch):
        grown = 1000.0 if not torch.is_grad_enabled() and len(seen) > 2 else 1.0
        return critic.loss(modules, batch) * grown

    def look(modules, batch, held):
        seen.append({k: v.clone() for k, v in modules.state_dict().items()})
        return look_at_generator(modules, batch, held) | {"held": 1.0 / len(seen)}

    phase = replace(work.phases[0], updates=(replace(critic, loss=gone), fool))
    trained = train(replace(work, phases=(phase,), monitor=look), rows(400), rows(60, 2), Seeds(1))
    assert not trained.healthy and trained.ended.startswith("divergence: the critic's loss")
    assert trained.marks[-1].rounds == 60 and trained.restarts == 0
    kept = trained.modules.state_dict()
    assert all(torch.equal(kept[k], seen[1][k]) for k in kept)
    assert any(not torch.equal(kept[k], seen[2][k]) for k in kept)


@pytest.mark.parametrize(("copying", "kept"), [((0, 1, 1), 0), ((1, 0, 1), 1), ((1, 1, 1), 2)])
def test_weights_that_copy_are_kept_only_where_there_are_no_others(copying, kept):
    """Planted: held-out rows gain at every look, and what is drawn is copied at some."""
    seen = []

    def look(modules, batch, held):
        seen.append({k: v.clone() for k, v in modules.state_dict().items()})
        return {"held": 1.0 / len(seen), "copies": float(copying[len(seen) - 1])}

    job = replace(FEW.job(space(), rows(400)), monitor=look)
    trained = train(job, rows(400), rows(60, 2), Seeds(1))
    state = trained.modules.state_dict()
    assert len(seen) == 3 and all(torch.equal(state[k], seen[kept][k]) for k in state)


@pytest.mark.parametrize("last", [float("nan"), float("inf"), 900.0, -900.0])
def test_a_critic_runs_away_from_what_it_usually_is(last):
    looks = [{"critic": x} for x in (1.4, 2.0, -5.0, 3.0)]
    assert alarm(looks) == "" and "divergence" in alarm([*looks, {"critic": last}])
    assert alarm([{"critic": 1e5}]) == "" == alarm([{}])


@pytest.mark.parametrize("model", [Vae(steps=60), Autoregressive(steps=60), Diffusion(steps=60)])
def test_networks_without_a_critic_tell_how_far_their_marginals_are_off(model):
    model = replace(model, pace=replace(model.pace, batch=64, check=20))
    trained = train(model.job(space(), rows(400)), rows(400), rows(60, 2), Seeds(1))
    off = [m.figures["marginals"] for m in trained.marks]
    assert len(off) == 3 and 0 < off[-1] < 0.2
    other = rows(400)
    other[:, 2] = (torch.arange(400) % 20 == 0).float()  # shares .95 and .05, not halves
    work = model.job(space(), other)
    batch = some_batch(work, rows(400), 1000, torch.Generator().manual_seed(1))
    told = work.monitor(trained.modules, batch, other[:0])["marginals"]
    assert told == pytest.approx(off[-1] + 0.45 / 4, abs=0.06)


def test_collapse_takes_three_looks_in_a_row():
    low, high = {"coverage": 0.2}, {"coverage": 0.9}
    assert collapsed([low, low]) == collapsed([low, low, high, low, low]) == collapsed([{}]) == ""
    assert "mode collapse" in collapsed([high, low, low, low])


def test_pairs_bring_the_columns_together_without_a_critic():
    """Matching alone, from noise: pairs of columns come nearer than independent ones."""
    work = replace(SMALL, match=3.0, lr=5e-3, steps=120).job(space(), rows(400))
    fool = work.phases[0].updates[1]
    assert fool.reads_real and "means over the batch" in fool.batchwise
    alone = replace(work, phases=(replace(work.phases[0], updates=(fool,)),))
    trained = train(alone, rows(400), rows(60, 2), Seeds(1))
    assert trained.marks[-1].held < 0.5 * trained.marks[0].held


def test_the_generator_reads_no_rows_unless_pairs_are_matched():
    assert [u.reads_real for u in replace(SMALL, match=0.0).phases()[0].updates] == [True, False]
    modules = SMALL.job(space(), rows(100)).modules
    batch = Batch(rows(8), torch.zeros(8, 0), torch.zeros(8, 0), torch.zeros(8, 13)).blind()
    loss = SMALL.phases()[0].updates[1].loss
    assert loss(modules, batch).isnan().all()  # shares of real rows are a look at them


def test_an_interrupted_duel_resumes_to_the_same_bytes(tmp_path):
    whole = train(FEW.job(space(), rows(200)), rows(200), rows(40, 2), Seeds(1))
    half = FEW.job(space(), rows(200))
    calls = iter(range(10_000))

    class Interrupted(Exception):
        pass

    def crash(modules, batch, held):
        if next(calls) == 2:
            raise Interrupted
        return look_at_generator(modules, batch, held)

    with pytest.raises(Interrupted):
        train(replace(half, monitor=crash), rows(200), rows(40, 2), Seeds(1), tmp_path)
    again = train(FEW.job(space(), rows(200)), rows(200), rows(40, 2), Seeds(1), tmp_path)
    one, two = whole.modules.state_dict(), again.modules.state_dict()
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert [m.flat() for m in whole.marks] == [m.flat() for m in again.marks]


def test_a_batch_that_does_not_fall_into_packs_is_refused():
    with pytest.raises(PlanError, match="multiple of pack"):
        Gan(pack=3)


def test_the_rate_fades_at_the_end_only():
    pace = Pace(fade=0.5)
    assert [pace.rate(x) for x in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert Pace().rate(0.99) == 1.0
