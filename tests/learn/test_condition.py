"""What is asked, how often, beside which rows; and a generator that does not listen is caught."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space
from medsynai.codec.tokens import to_rows
from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import ConditionError, PlanError
from medsynai.learn.condition import EvenedClass, OwnClass, anything, by_label, by_level
from medsynai.learn.core import Batch
from medsynai.learn.draw import Asked, shares_of
from medsynai.learn.job import Pace
from medsynai.learn.loop import train
from medsynai.learn.losses.conditional import matched, mismatch
from medsynai.learn.nets.ctgan import CtganGenerator
from medsynai.learn.nets.mlp import initialise
from medsynai.models.cgan import Cgan
from medsynai.models.ctgan import Ctgan
from medsynai.seeds import Seeds

LAYOUT = Layout.of(("sex", "stage", "age"), (3, 4, 9), (False, True, True))
SEX, STAGE, AGE = range(3)
COUNTS = (600, 350, 50)  # rows of each stage


def space(placed: bool = True) -> Space:
    """Sex and stage as levels; age in two cells with positions, or in a cell a code."""
    cells = Layout.of(("sex", "stage", "age"), (3, 4, 3 if placed else 9), (False, True, True))
    own = [np.arange(s) for s in LAYOUT.sizes]
    at, border = np.zeros(LAYOUT.width), np.full(LAYOUT.width, -np.inf)
    if placed:
        own[AGE] = np.array([0] * 4 + [1] * 4 + [2])
        at[7:15] = np.tile([-0.75, -0.25, 0.25, 0.75], 2)
        border[7:15] = np.tile([-np.inf, -0.5, 0.0, 0.5], 2)
    return Space(LAYOUT, cells, np.concatenate(own), at, border, (AGE,) if placed else ())


def rows(seed: int = 1) -> torch.Tensor:
    """Stage goes with sex; age is four codes higher for stage 2 and up."""
    rng = np.random.default_rng(seed)
    stage = np.repeat(np.arange(3), COUNTS)
    sex = np.where(rng.random(1000) < 0.8, stage > 0, rng.integers(0, 2, 1000))
    age = 4 * (stage > 0) + rng.integers(0, 4, 1000)
    return to_rows(np.stack([sex, stage, age], axis=1))


def random(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_classes_of_images_come_by_the_root_of_their_frequency_and_fairly_for_looks():
    images = torch.cat(
        [
            torch.randn(1000, 2, generator=random()),
            torch.arange(3.0).repeat_interleave(torch.tensor([900, 96, 4]))[:, None],
        ],
        1,
    )
    for asking, shares in ((EvenedClass(), (30, 9.798, 2)), (OwnClass(), (900, 96, 4))):
        pick = asking.pick(images, 20_000, random())
        assert torch.equal(images[pick.rows, -1:], pick.labels)
        found = torch.bincount(pick.labels[:, 0].long()) / 20_000
        wanted = torch.tensor(shares) / sum(shares)
        assert bool(((found - wanted).abs() < 5.5 * (wanted / 20_000).sqrt()).all())
        assert len(pick.rows.unique()) > 900  # every image of a class as often as the others
    assert EvenedClass().fair == OwnClass()


def test_levels_are_asked_by_the_log_of_their_frequency():
    """Known answer: columns equally often, levels by log; five standard errors apart at most."""
    pick = by_level(space(), rows()).pick(rows(), 40_000, random())
    assert torch.equal(pick.condition, pick.labels) and (pick.condition.sum(1) == 1).all()
    asked = pick.condition.mean(0)
    logs = [math.log1p(n) for n in COUNTS]
    known = torch.tensor([0.5 * x / sum(logs) for x in logs])
    assert (asked[3:6] - known).abs().max() < 5 * math.sqrt(0.25 / 40_000)
    plain = by_level(space(), rows()).fair.pick(rows(), 40_000, random()).condition.mean(0)
    assert (plain[3:6] - known).abs().max() > 0.05  # asking by plain frequency would be seen
    assert asked[2] == asked[6] == 0  # missing never occurs, so nobody asks for it


def test_the_row_beside_has_what_was_asked():
    kinds = by_level(space(), rows())
    pick = kinds.pick(rows(), 500, random())
    sex, stage = rows()[pick.rows, SEX].long(), rows()[pick.rows, STAGE].long()
    hot = torch.nn.functional.one_hot(sex, 3), torch.nn.functional.one_hot(stage, 4)
    assert ((torch.cat(hot, dim=1) * pick.condition).sum(1) == 1).all()
    assert len(pick.rows.unique()) > 300  # and it is any of them


def test_looks_ask_as_the_rows_do():
    pick = by_level(space(), rows()).fair.pick(rows(), 40_000, random())
    assert abs(float(pick.condition[:, 5].mean()) - 0.05 / 2) < 0.005
    assert abs(float((rows()[pick.rows, STAGE] == 2).float().mean()) - 0.05) < 0.01


def test_labels_are_asked_together_and_rare_combinations_never():
    some = torch.cat([rows(), torch.tensor([[2.0, 3.0, 8.0]] * 2)])  # two rows are nobody's kind
    kinds = by_label(space(False), some, ("sex", "stage"), 3)
    pick = kinds.pick(some, 20_000, random())
    assert torch.equal(pick.condition.sum(1), torch.full((20_000,), 2.0))
    asked = pick.condition[:, 3:].mean(0)
    assert (asked[:3] - torch.tensor(COUNTS) / 1000).abs().max() < 0.02
    assert asked[3] == 0 and not (kinds.fixed == 3).any()
    assert torch.equal(some[pick.rows, STAGE].long(), pick.condition[:, 3:].argmax(1))


def test_labels_that_do_not_exist_or_are_too_many_are_refused():
    with pytest.raises(PlanError, match="columns: sex, stage, age"):
        by_label(space(), rows(), ("ages",), 3)
    two = Layout.of(("a", "b"), (5, 5), (False, False))
    codes = np.tile(np.arange(5), 2)
    both = Space(two, two, codes, np.zeros(10), np.full(10, -np.inf), ())
    apart = to_rows(np.array([[0, 0], [1, 1], [2, 2], [3, 3]]))
    with pytest.raises(PlanError, match="fewer labels"):
        by_label(both, apart, ("a", "b"), 3)


def test_nothing_asked_is_one_kind_of_all_rows():
    pick = anything(rows()).pick(rows(), 5000, random())
    assert pick.condition.shape == (5000, 0) and len(pick.rows.unique()) > 950


SMALL = Ctgan(
    latent=8, width=32, pack=10, bins=9, lr=4e-3, steps=150, pace=Pace(batch=100, check=50)
)


def test_a_generator_that_does_not_listen_is_caught_by_the_match_loss():
    assert mismatch(torch.tensor([[0.25, 0.75]]), torch.tensor([[1.0, 0.0]])).tolist() == (
        pytest.approx([math.log(4)])
    )
    job = SMALL.job(space(), rows())
    pick = job.asking.pick(rows(), 100, random())
    noise = torch.randn(100, job.noise, generator=random())
    batch = Batch(rows()[pick.rows], pick.labels, pick.condition, noise)
    maker, losses = job.modules["generator"], {}
    for name, heard in {"listens": pick.condition, "deaf": pick.condition.roll(1, 0)}.items():
        logits = torch.zeros(100, 10)
        logits[:, maker.asked] = 40 * heard
        maker.outputs = lambda z, condition, logits=logits: (logits, torch.zeros(100, 1))
        losses[name] = matched(10.0)(job.modules, batch).mean().item()
    assert losses["deaf"] > losses["listens"] + 5


def test_one_step_gives_each_player_the_slope_of_its_own_loss():
    """Both losses written out, each with the other player held still."""
    job = SMALL.job(space(), rows())
    initialise(job.modules, random())
    pick = job.asking.pick(rows(), 100, random())
    noise = torch.randn(100, job.noise, generator=random())
    batch = Batch(rows()[pick.rows], pick.labels, pick.condition, noise)
    judge, maker = job.modules["critic"], job.modules["generator"]
    fake, kept = maker(noise, batch.condition), judge.kept(noise)
    chances = maker.board.chances(maker.outputs(noise[:, : maker.latent], batch.condition)[0])
    missed = mismatch(chances[:, maker.asked], batch.condition).mean()
    score = judge(fake, batch.condition, kept).mean()
    want = torch.autograd.grad(missed - score, list(maker.parameters()), retain_graph=True)
    apart = score - judge(judge.view(batch.real), batch.labels, kept).mean()
    free = torch.autograd.grad(apart, list(judge.parameters()))
    players = [*maker.parameters(), *judge.parameters()]
    got = torch.autograd.grad(matched(0.0)(job.modules, batch).mean(), players)
    for mine, own in zip(got, (*want, *free), strict=True):
        assert torch.allclose(mine, own, atol=1e-6)
    assert max(g.abs().max() for g in want) > 0.01


def heard(drawer, n: int = 600) -> float:
    """How likely the generator itself makes what it is asked for, in the mean of the kinds."""
    z = torch.randn(n, drawer.generator.latent, generator=random())
    chances = drawer.generator.board.chances
    kinds = torch.arange(n) % len(drawer.asks)
    logits, _ = drawer.generator.outputs(z, drawer.asks[kinds])
    asked = chances(logits)[:, drawer.generator.asked] * drawer.asks[kinds]
    return float(asked.sum(1).mean())


def drawn(settings, within: Space, seed: int = 1):
    trained = train(settings.job(within, rows()), rows(), torch.zeros(0, 3), Seeds(seed))
    drawer = settings.drawer(within)
    drawer.seen[:] = True
    settings.settle(drawer, trained.modules, rows(), Seeds(seed))
    return drawer.requires_grad_(False)


def test_ctgan_learns_to_listen_and_a_deaf_generator_is_caught():
    drawer = drawn(SMALL, space())
    assert heard(drawer) > 0.9
    for layer in (*(block.layer for block in drawer.generator.body), drawer.generator.ends):
        layer.weight[:, -drawer.asks.shape[1] :] = 0.0  # the condition reaches nothing
    assert heard(drawer) < 0.7


def test_the_written_out_slope_is_that_of_automatic_differentiation():
    critic = SMALL.job(space(), rows()).modules["critic"]
    initialise(critic, random())
    x, asked, noise = (torch.randn(40, n, generator=random()) for n in (11, 7, critic.noise))
    x, asked = x.requires_grad_(), asked.requires_grad_()
    kept = critic.kept(noise)
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    slopes = torch.autograd.grad(critic(x, asked, kept).sum(), (x, asked))
    whole = torch.cat(slopes, dim=1).reshape(4, -1)
    assert torch.allclose(critic.slope(x, asked, kept), whole, atol=1e-6)
    assert whole.abs().max() > 0.01


def test_every_unit_of_a_pack_is_left_out_by_a_fair_coin_of_its_own():
    critic = SMALL.job(space(), rows()).modules["critic"]
    noise = torch.randn(4000 * critic.pack, critic.noise, generator=random())
    coins = critic.kept(noise).flatten(1) / 2  # (packs, units)
    off = 6 * 0.5 / len(coins) ** 0.5  # six standard errors
    assert (coins.mean(0) - 0.5).abs().max() < off
    together = coins.T @ coins / len(coins)
    pairs = together[~torch.eye(len(together), dtype=torch.bool)]
    assert (pairs - 0.25).abs().max() < off


def test_soft_draws_keep_high_logits_apart_and_hold_no_number_too_small_to_be_quick():
    """Odds of e^10 between two high logits are met; a ceiling that both reach would make a tie."""
    maker = CtganGenerator(space(), 4, 8)
    logits = torch.zeros(400, maker.board.cells.width)
    logits[:, 3:7] = torch.tensor([40.0, 30.0, 0.0, -40.0])
    noise = torch.randn(400, maker.noise, generator=random())
    soft = maker.drawn(logits, torch.zeros(400, 1), noise)[:, 3:7]
    assert soft[:, 0].mean() > 0.99
    assert soft.min() > torch.finfo(torch.float32).tiny ** 0.5  # its square is still normal


def test_a_row_of_ctgan_stands_alone_once_its_norms_are_calm():
    generator = drawn(replace(SMALL, steps=5), space()).generator
    z = torch.randn(50, 8, generator=random())
    asked = torch.zeros(50, 7)
    assert torch.allclose(
        generator.outputs(z, asked)[0][:1], generator.outputs(z[:1], asked[:1])[0]
    )
    assert not any(m.training for m in generator.modules())


def test_columns_keep_the_rows_shares_though_a_generator_is_nearly_certain_of_each_row():
    within = space(placed=False)
    maker = SMALL.job(within, rows()).modules
    initialise(maker, random())
    ends = maker["generator"].ends
    with torch.no_grad():
        for weight in (ends.weight, ends.bias):
            weight *= 40
    drawer = SMALL.drawer(within)
    drawer.seen[:] = True
    SMALL.settle(drawer, maker, rows(), Seeds(1))
    free = Asked(drawer.seen, ())
    found = drawer.complete(drawer.begin(4000, free, random())[0], free, random())
    gap = shares_of(LAYOUT, found) - shares_of(LAYOUT, rows())
    assert gap.abs().max() < 0.03


def told(drawer, stage: int) -> float:
    """Share of the rows drawn under a stage whose age goes with it."""
    able = torch.ones(LAYOUT.width, dtype=torch.bool)
    able[LAYOUT["stage"].places] = torch.arange(4) == stage
    asked = Asked(able, (STAGE,))
    state, _ = drawer.begin(500, asked, random())
    codes = drawer.complete(state, asked, random())
    assert (codes[:, STAGE] == stage).all()
    return float(((codes[:, AGE] >= 4) == (stage > 0)).float().mean())


def test_cgan_rows_go_with_their_label_and_a_deaf_generator_is_caught():
    small = Cgan(("stage",), latent=8, width=32, bins=9, lr=3e-3, steps=150, pace=Pace(batch=100))
    drawer = drawn(small, space(False))
    assert min(told(drawer, stage) for stage in range(3)) > 0.9  # also for one row in twenty
    drawer.generator.body.layers[0].weight[:, 8:] = 0.0  # the label reaches no hidden unit
    assert min(told(drawer, stage) for stage in range(3)) < 0.7


def test_a_rare_level_is_asked_for_and_not_waited_for():
    """All rows begin with the kind that settles it; what never goes together is refused."""
    drawer = drawn(replace(SMALL, steps=5), space())
    able = torch.ones(LAYOUT.width, dtype=torch.bool)
    able[LAYOUT["stage"].places] = torch.arange(4) == 2
    state, weight = drawer.begin(50, Asked(able, (STAGE,)), random())
    settled = drawer.fixed[state[:, -1].long()]
    assert (settled[:, STAGE] == 2).all() and torch.allclose(weight, torch.ones(50))
    able[LAYOUT["stage"].places] = False
    with pytest.raises(ConditionError):
        drawer.begin(50, Asked(able, (STAGE,)), random())


def test_an_interrupted_ctgan_resumes_to_the_same_bytes(tmp_path):
    few = replace(SMALL, steps=40, pace=replace(SMALL.pace, check=10))
    none = torch.zeros(0, 3)
    whole = train(few.job(space(), rows()), rows(), none, Seeds(1))
    looks = iter(range(100))

    def crash(modules, batch, held):
        if next(looks) == 2:
            raise InterruptedError
        return few.job(space(), rows()).monitor(modules, batch, held)

    with pytest.raises(InterruptedError):
        train(replace(few.job(space(), rows()), monitor=crash), rows(), none, Seeds(1), tmp_path)
    again = train(few.job(space(), rows()), rows(), none, Seeds(1), tmp_path)
    one, two = whole.modules.state_dict(), again.modules.state_dict()
    assert all(torch.equal(one[k], two[k]) for k in one)


@pytest.mark.parametrize("model", [Ctgan(), Cgan(pack=1, match=0.0)], ids=lambda m: m.name)
def test_rows_picked_by_what_is_asked_do_not_stand_alone(model):
    """Differential privacy counts on rows that come by chance alone, so it is told."""
    assert all("picked by what is asked" in u.batchwise for u in model.phases()[0].updates)


def test_epochs_are_passes_over_the_rows():
    assert Ctgan(epochs=7).job(space(), rows()).rounds == 14  # 1000 rows in batches of 500
    assert Ctgan(epochs=7, steps=9).job(space(), rows()).rounds == 9
    assert Ctgan(epochs=7).job(space(), rows()[:999]).rounds == 7  # one whole batch
    assert Ctgan(epochs=7).job(space(), rows()[:100]).rounds == 7  # none: one step a pass


def test_a_combination_of_one_patients_many_stays_is_not_kept():
    """Four stays of one patient are no group: nobody else has her stage."""
    stage = ["I"] * 30 + ["II"] * 30 + ["III"] * 4
    who = [f"p{i}" for i in range(60)] + ["q"] * 4
    columns = (
        Column("stage", Kind.ORDINAL, categories=("I", "II", "III")),
        Column("who", Kind.IDENTIFIER, role=Role.SUBJECT),
    )
    frame = pd.DataFrame({"stage": stage, "who": who})
    frame["stage"] = frame["stage"].astype(canonical_dtype(columns[0]))
    few = Cgan(("stage",), latent=4, width=8, steps=2, pace=Pace(batch=20))
    fitted = few.fit(Table(frame, Schema(columns)))
    assert fitted.settings.least == 12
    assert fitted.drawer.fixed[:, 0].tolist() == [0.0, 1.0]
