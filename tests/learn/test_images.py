"""Networks of images: sizes kept, changes shared, losses known, looks that see what was planted."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from medsynai.codec.image import Frame
from medsynai.data.images import ImageSet
from medsynai.flow.training import went_wrong
from medsynai.learn import precision, sharpening
from medsynai.learn.core import Batch
from medsynai.learn.image_looks import (
    at_once,
    coarse,
    look_at_copies,
    look_at_images,
    near_copies,
)
from medsynai.learn.losses.images import auxiliary, painted_elbo, shown_changed
from medsynai.learn.monitor import alarm
from medsynai.learn.nets.augment import changed, numbers
from medsynai.learn.nets.conv import Canvas, Critic, Painter, Reader
from medsynai.learn.nets.mlp import initialise, modules_of
from medsynai.learn.nets.unet import Norm
from medsynai.learn.painting import Painted, PerClass
from medsynai.learn.paths import Path, arc
from medsynai.learn.priors import ByClass
from medsynai.models.catalog import load_image_model, open_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

CANVAS = Canvas(1, (9, 6), 2, 4)


def seeded(net, seed: int = 1):
    initialise(net, torch.Generator().manual_seed(seed))
    return net


def normal(*shape: int, seed: int = 0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("channels", "space"), [(1, (9, 6)), (3, (28, 28)), (1, (5, 8, 7)), (2, (1, 3))]
)
def test_any_size_is_painted_read_and_judged(channels, space):
    canvas = Canvas(channels, space, 3, 4)
    rows, asked = normal(2, channels * math.prod(space)), torch.tensor([[0.0], [2.0]])
    assert torch.equal(canvas.rows(canvas.image(rows)), rows)
    assert seeded(Painter(canvas, 5))(normal(2, 9), asked).shape == rows.shape
    for settings in ({}, {"guesses": True}, {"patches": True}):
        assert seeded(Critic(canvas, **settings))(rows, asked).shape == (2,)
    mean, spread = seeded(Reader(canvas, 5))(torch.cat([rows, asked], 1))
    assert mean.shape == spread.shape == (2, 5)


def test_a_group_norm_is_torchs_own():
    x, mine = normal(3, 16, 5, 4), Norm(16)
    with torch.no_grad():
        mine.weight.copy_(normal(16))
        mine.bias.copy_(normal(16, seed=1))
    theirs = nn.functional.group_norm(x, 8, mine.weight, mine.bias, mine.eps)
    assert torch.allclose(mine(x), theirs, atol=1e-5)
    told = normal(3, 32, seed=2)
    scale, shift = told[:, :16, None, None], told[:, 16:, None, None]
    assert torch.allclose(mine(x, told), theirs * (1 + scale) + shift, atol=1e-5)


def test_bfloat16_is_only_where_the_processor_says_so(tmp_path, monkeypatch):
    for flags, able in (("fpu avx2", False), ("avx2 amx_bf16", True)):
        monkeypatch.setattr(precision, "PROCESSOR", tmp_path / "info")
        (tmp_path / "info").write_text(f"flags : {flags}\n")
        precision.multiplies_bfloat16.cache_clear()
        assert precision.multiplies_bfloat16() is able
    monkeypatch.setattr(precision, "PROCESSOR", tmp_path / "none")
    precision.multiplies_bfloat16.cache_clear()
    assert not precision.multiplies_bfloat16()
    precision.multiplies_bfloat16.cache_clear()


def test_changes_move_brighten_and_hole_and_nothing_else():
    canvas = Canvas(1, (16, 16), 1, 4)
    row = torch.arange(256.0)[None]
    still = torch.zeros(1, numbers(canvas))
    still[:, 3::2] = -0.6745  # a quarter: the middle of the hole in a corner
    seen = changed(canvas, row, still)
    whole = seen.reshape(16, 16)
    assert (whole[:4, :4] == 0).all() and torch.equal(whole[4:], row.reshape(16, 16)[4:])
    moved = still.clone()
    moved[:, 2] = 40.0  # down by an eighth; the edge is drawn out
    down = changed(canvas, row, moved).reshape(16, 16)
    assert torch.equal(down[4:], row.reshape(16, 16)[2:-2])
    moved[:, 2] = -40.0
    up = changed(canvas, row, moved).reshape(16, 16)
    assert torch.equal(up[-3:, 5:], row.reshape(16, 16)[-1:, 5:].expand(3, -1))


def test_each_change_spares_half_of_the_images():
    canvas = Canvas(1, (16, 16), 1, 4)
    row, noise = normal(1, 256).expand(400, -1), normal(400, numbers(canvas))
    for column, spared in ((0, 0.5), (1, 0.5), (2, 0.625), (4, 0.625), (3, 0.28)):
        alone = torch.zeros_like(noise)  # of the hole: in the middle of the other axis
        alone[:, 3::2] = alone[:, 3::2] if column == 3 else -40.0  # outside of the image
        alone[:, column] = noise[:, column]
        same = (changed(canvas, row, alone) - row).abs().amax(1) < 1e-4
        assert abs(float(same.float().mean()) - spared) < 0.12  # five standard deviations


def test_a_real_image_and_its_rival_are_changed_alike_and_the_generator_stays_blind():
    players = modules_of(generator=seeded(Painter(CANVAS, 3)), critic=seeded(Critic(CANVAS)))
    real = torch.cat([normal(4, 54), torch.tensor([[0.0], [1.0], [1.0], [0.0]])], 1)
    batch = Batch(real, real[:, -1:], real[:, -1:], normal(4, 3 + numbers(CANVAS) + 1))
    seen = []

    def loss(modules, given):
        seen.append([modules["critic"](x, given.condition) for x in (real[:, :-1],) * 2])
        return modules["critic"](
            modules["generator"](given.noise, given.condition), given.condition
        )

    blind = shown_changed(CANVAS, 3)(loss)(players, batch.blind())
    assert blind.isfinite().all() and torch.equal(*seen[0])
    plain = players["critic"](real[:, :-1], batch.condition)
    assert not torch.equal(seen[0][0], plain)


class Guesser(nn.Module):
    """Scores by the first pixel, guesses by the next two."""

    def view(self, real):
        return real[:, :-1]

    def both(self, pixels):
        return pixels[:, 0], pixels[:, 1:3]


class Still(nn.Module):
    def forward(self, noise, asked):
        return noise[:, :3]


def test_the_classes_guessed_are_those_of_the_paper():
    players = modules_of(critic=Guesser(), generator=Still())
    real = torch.tensor([[0.5, 2.0, -1.0, 1.0]])
    batch = Batch(real, real[:, -1:], torch.tensor([[0.0]]), torch.tensor([[-0.3, 1.0, 0.0]]))

    def log1p(x):
        return math.log1p(math.exp(x))

    guessed_real, guessed_fake = log1p(3.0), log1p(-1.0)  # log-odds of the class: -3 and 1
    assert float(auxiliary(2.0).critic(players, batch)) == pytest.approx(
        log1p(-0.5) + log1p(-0.3) + 2 * (guessed_real + guessed_fake), rel=1e-5
    )
    assert float(auxiliary(2.0).generator(players, batch.blind())) == pytest.approx(
        log1p(0.3) + 2 * guessed_fake, rel=1e-5
    )
    assert auxiliary().critic(players, batch.blind()).isnan().all()


class Fixed(nn.Module):
    """An encoder to N(1, 1) and a decoder to zeros."""

    def forward(self, rows, asked=None):
        if asked is None:
            return torch.ones(len(rows), 2), torch.zeros(len(rows), 2)
        return torch.zeros(len(rows), 4)


def test_an_elbo_takes_the_spread_that_fits_each_image_best():
    real = torch.tensor([[2.0, 2.0, 2.0, 2.0, 0.0]])
    batch = Batch(real, real, real, torch.zeros(1, 2))
    loss = painted_elbo(3.0)(modules_of(encoder=Fixed(), decoder=Fixed()), batch)
    assert float(loss) == pytest.approx((2 * math.log(4.0001) + 3.0 * 1.0) / 4, rel=1e-5)


def test_each_class_has_a_network_of_its_own():
    parts = [nn.Linear(2, 1) for _ in range(3)]
    rows, asked = normal(5, 2), torch.tensor([[2.0], [0.0], [2.0], [1.0], [0.0]])

    class Alone(nn.Module):
        def __init__(self, part):
            super().__init__()
            self.part = part

        def forward(self, x, asked):
            return self.part(x)

    made = PerClass(Alone(p) for p in parts)(rows, asked)
    for row, label, one in zip(rows, asked[:, 0].long(), made, strict=True):
        assert torch.allclose(one, parts[int(label)](row))


def test_one_dcgan_a_class_trains_and_is_kept(tmp_path):
    labels = np.arange(60) % 2
    images = ImageSet.of(np.full((60, 1, 4, 4), 90, np.uint8), labels, ("ill", "well"))
    model = load_image_model("dcgan", {"apart": True, "latent": 2, "width": 2, "steps": 3})
    fitted = model.fit(images, Ledger(), Seeds(0))
    fitted.save(tmp_path)
    one, again = (x.sample(9, Seeds(1)).pixels for x in (fitted, open_model(tmp_path)))
    assert np.array_equal(one, again)
    both = fitted.drawer.painter.parts
    z, asked = torch.zeros(1, 2), torch.zeros(1, 1)
    assert not torch.equal(both[0](z, asked), both[1](z, asked))


def test_latents_of_a_class_lie_where_its_images_do():
    prior, labels = ByClass(2, 3, 3), torch.tensor([0.0] * 400 + [1.0] * 9)
    z = normal(409, 2) * 0.1 + torch.where(labels == 0, -5.0, 5.0)[:, None]
    prior.fit(z, labels, torch.Generator().manual_seed(0))
    drawn = prior.draw(torch.tensor([0.0, 1.0, 2.0]).repeat(200), torch.Generator().manual_seed(1))
    means = [drawn[k::3].mean(0) for k in range(3)]
    assert (means[0] + 5).abs().max() < 0.1 and (means[1] - 5).abs().max() < 0.2
    assert means[2].abs().max() < 0.3 and 0.8 < drawn[2::3].std() < 1.2  # none was ever seen
    assert drawn[1::3].std(0).min() > 0.03  # nine images are not drawn as they are


@pytest.mark.parametrize(("n", "flows"), [(499, False), (500, True)])
def test_few_images_get_mixtures_and_many_the_flow(n, flows):
    model = load_image_model("image-hybrid", {"latent": 2, "width": 2})
    frame = Frame.of(ImageSet.of(np.zeros((20, 1, 4, 4), np.uint8)))
    modules, drawer = seeded(model.job(frame).modules), model.drawer(frame)
    with torch.no_grad():
        sharpening.settle(drawer, modules, torch.zeros(n, 17), Seeds(0))
    assert bool(drawer.prior.flows) is flows
    fitted = drawer.prior.mixtures.parts[0].means.abs().max() > 0
    assert bool(fitted) is not flows


LOOK = Canvas(1, (8, 8), 1, 4)


class Given(nn.Module):
    """A generator that hands out what it was given."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def forward(self, noise, asked):
        place = noise[:, 0].long()
        return self.rows[place % len(self.rows)]


def looked(made) -> dict:
    """What is seen of a generator of 300 images, beside as many real ones and 200 held out."""
    mix = normal(10, 64, seed=5)
    real, held = (
        normal(n, 10, seed=s) @ mix + 0.3 * normal(n, 64, seed=s + 9)
        for n, s in ((300, 1), (200, 2))
    )
    fresh = normal(300, 10, seed=3) @ mix + 0.3 * normal(300, 64, seed=12)
    rows = {
        "fresh": fresh,
        "copies": real + 0.02 * normal(300, 64, seed=4),
        "one": fresh[:1],
        "few": fresh[:15],
        "noise": normal(300, 64, seed=6) * fresh.std(),
    }[made]
    label = torch.zeros(300, 1)
    batch = Batch(torch.cat([real, label], 1), label, label, torch.arange(300.0)[:, None])
    held = torch.cat([held, torch.zeros(200, 1)], 1)
    return look_at_images(LOOK)(modules_of(generator=Given(rows)), batch, held)


def test_a_look_sees_a_copier_a_collapse_and_noise():
    fresh, copies, one, noise = (looked(x) for x in ("fresh", "copies", "one", "noise"))
    assert fresh["covered"] > 0.9 and fresh["variety"] > 0.9 and fresh["near"] < 0.1
    assert copies["near"] > 0.9 and copies["copies"] == 1  # never kept, however near it lies
    assert not any(x["copies"] for x in (fresh, one, noise))
    assert one["covered"] < 0.1 and one["variety"] < 0.1
    assert fresh["held"] < 0.1 and noise["held"] > 5 * fresh["held"]


def sets(seed: int, n: int):
    """Images of ten things that vary, and noise."""
    return normal(n, 10, seed=seed) @ normal(10, 64, seed=5) + normal(n, 64, seed=seed + 100)


def test_copies_are_told_from_fresh_images():
    """A tenth of copies is enough, and fresh ones are taken for copies once in a hundred times."""
    known, held = sets(1, 900), sets(2, 200)
    assert sum(near_copies(sets(k, 128), known, held)["copies"] for k in range(10, 30)) <= 1
    some = torch.cat([sets(3, 115), known[:13] + 0.05 * normal(13, 64)])
    assert near_copies(some, known, held)["copies"] == 1


def test_images_that_lie_near_to_all_are_no_copies():
    """As those of a network that has learnt little yet: all like the mean, nearer than fresh."""
    known, held = sets(1, 900).abs() + 20, sets(2, 200).abs() + 20
    blurred = known.mean(0) + 0.1 * normal(128, 64, seed=4)
    line = torch.quantile((torch.cdist(held, known)).min(1).values, 0.05)
    assert (torch.cdist(blurred, known).min(1).values < line).float().mean() > 0.3
    assert near_copies(blurred, known, held)["copies"] == 0


def discs(seed: int, n: int, noise: float = 0.0, whole: bool = False):
    """Discs of some size somewhere on 16 x 16 pixels, or on whole ones, with noise or none."""
    random = torch.Generator().manual_seed(seed)
    cy, cx = 4 + 8 * torch.rand(2, n, 1, generator=random)
    radius = 2 + 3 * torch.rand(n, 1, generator=random)
    if whole:
        cy, cx, radius = cy.round(), cx.round(), radius.round()
    y, x = (a.flatten() for a in torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij"))
    far = ((y - cy) ** 2 + (x - cx) ** 2).sqrt() - radius
    return torch.sigmoid(-2 * far) + noise * normal(n, 256, seed=seed)


def test_images_without_noise_are_no_copies_and_those_of_train_images_are():
    """They are more alone beside one image than noisy ones are, whichever images these are."""
    known, held = discs(1, 800, 0.1), discs(2, 200, 0.1)
    clean = [near_copies(discs(k, 128), known, held) for k in range(10, 30)]
    assert sum(c["near"] > 0.11 for c in clean) > 15  # all of these were called copies
    assert sum(c["copies"] for c in clean) <= 1
    assert near_copies(known[:128] + 0.02 * normal(128, 256), known, held)["copies"] == 1
    drawn = discs(1, 800, 0.0)[:128]  # train images without their noise
    assert near_copies(drawn, discs(1, 800, 0.05), discs(2, 200, 0.05))["copies"] == 1


def test_where_few_images_differ_a_copier_is_seen_and_fresh_ones_are_not():
    """The line was at no distance at all, and no copy is nearer than that: none was seen."""
    known, held = torch.unique(discs(1, 200, 0, True), dim=0), discs(2, 200, 0, True)
    fresh = [near_copies(discs(k, 128, 0, True), known, held) for k in (3, 4, 5)]
    assert not any(f["copies"] for f in fresh) and fresh[0]["near"] > 0.3
    assert near_copies(known[torch.arange(128)], known, held)["copies"] == 1


@pytest.mark.parametrize(("name", "draws"), [("image-flow", Path), ("image-vae", Painted)])
def test_a_fit_sees_that_what_it_draws_are_copies(name, draws, monkeypatch):
    """Planted: what is drawn are train images. Every look says so, and the run as well."""
    pixels = np.random.default_rng(0).integers(0, 255, (300, 1, 6, 6)).astype(np.uint8)
    images = ImageSet.of(pixels, np.arange(300) % 2, ("ill", "well"))
    settings = {"width": 2, "steps": 8, "pace": {"check": 4, "batch": 16}}
    model = load_image_model(name, settings)
    told = model.fit(images, Ledger(), Seeds(0)).facts
    assert [0 <= mark["near"] < 0.2 for mark in told["losses"]] == [True, True]
    assert not any(mark["copies"] for mark in told["losses"]) and not went_wrong(told, Ledger())
    seen: list[torch.Tensor] = []

    def looks(canvas, rows, draw, random):
        seen.append(rows)  # those that are trained on; held-out ones no network can copy
        return look_at_copies(canvas, rows, draw, random)

    monkeypatch.setattr("medsynai.learn.images.look_at_copies", looks)
    monkeypatch.setattr(draws, "draw", lambda self, labels, random: seen[0][: len(labels)])
    told = model.fit(images, Ledger(), Seeds(0)).facts
    assert all(mark["near"] > 0.5 and mark["copies"] for mark in told["losses"])
    assert "near copies before anything else" in went_wrong(told, Ledger())[0]


def test_weights_that_leave_images_out_are_not_kept_for_being_near_in_the_mean(monkeypatch):
    monkeypatch.setattr("medsynai.learn.image_looks.kernel_distance", lambda fake, held: 0.1)
    fresh, few = looked("fresh"), looked("few")
    assert few["covered"] < fresh["covered"] - 0.2 and few["near"] < 0.25
    assert few["held"] > fresh["held"] + 0.2


def test_large_images_are_looked_at_in_parts_and_made_small():
    large, volume = Canvas(1, (64, 20), 1, 2), Canvas(1, (24, 5, 8), 1, 2)
    assert coarse(large, torch.ones(2, 1280)).shape == (2, 32 * 20)
    assert coarse(volume, torch.ones(2, 960)).shape == (2, 12 * 5 * 8)
    assert coarse(LOOK, torch.ones(2, 64)).shape == (2, 64)
    assert at_once(Canvas(3, (256, 256, 256), 1, 2)) == 1 and at_once(LOOK) > 1000


def test_a_fall_is_an_alarm_and_a_slow_rise_is_not():
    def looks(*values):
        return [{"covered": v, "variety": 1.0 - v} for v in values]

    assert not alarm(looks(0.0, 0.1, 0.1, 0.2, 0.3, 0.4, 0.6))  # noise has all variety
    assert not alarm(looks(0.6, 0.8, 0.2, 0.2))
    assert "went from 80% to 20%" in alarm(looks(0.6, 0.8, 0.2, 0.2, 0.1))


@pytest.mark.parametrize(
    "named", ["image-vae", "image-hybrid", "image-flow", "dcgan", "acgan", "image-gan"]
)
def test_ways_between_two_draws_begin_and_end_at_draws_of_their_class(named):
    """Each step changes the image a little, and what it is given of noise stays a draw's."""
    own = {"image-flow": {}, "image-gan": {"components": 4}}
    settings = {"width": 2} | own.get(named, {"latent": 4})
    model = load_image_model(named, settings)
    pixels = np.random.default_rng(0).integers(0, 255, (30, 1, 6, 6)).astype(np.uint8)
    frame = Frame.of(ImageSet.of(pixels, np.arange(30) % 2, ("a", "b")))
    drawer = seeded(model.drawer(frame)).requires_grad_(False)
    if named == "image-gan":  # without components there is no draft to change
        drawer.draft.fit(normal(30, 36), torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(3)
    way = drawer.between(torch.tensor([0.0, 1.0]), 9, random).view(2, 9, 36)
    hops = (way[:, 1:] - way[:, :-1]).norm(dim=2)
    assert (hops.max(1).values < 0.7 * (way[:, -1] - way[:, 0]).norm(dim=1)).all()


def test_places_on_an_arc_are_as_normal_as_its_ends():
    way = arc(normal(4000, 3), normal(4000, 3, seed=1), 5).view(4000, 5, 3)
    assert torch.allclose(way.std((0, 2)), torch.ones(5), atol=0.03)
    assert torch.allclose(way[:, 0], normal(4000, 3))
    assert torch.allclose(way[:, 4], normal(4000, 3, seed=1), atol=1e-6)
