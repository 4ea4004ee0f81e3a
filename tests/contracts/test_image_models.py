"""Every model of images is asked the same questions."""

import re

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from medsynai.data.images import ImageSet
from medsynai.errors import ConditionError, InputError, ModelError
from medsynai.generator import Condition, Wanted
from medsynai.learn import loop
from medsynai.learn.desk import Desk, at_desk
from medsynai.learn.nets.unet import fold, unfold
from medsynai.models.catalog import load_image_model, load_model, open_model
from medsynai.models.entries import CATALOG
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

NAMES = [entry.name for entry in CATALOG if "images" in entry.data]
# Settings small enough that all questions together take seconds.
PACE = {"batch": 32, "check": 50, "average": 0.98}
SMALL = {"width": 4, "pace": PACE}
LATE = {"pace": {**PACE, "check": 1000, "average": 0.9}}  # a look takes as long as 30 rounds
DUEL = {**SMALL, **LATE, "latent": 4, "steps": 150, "lr": 0.01, "penalty": 0.05}
QUICK = {
    "image-vae": {**SMALL, "latent": 4, "steps": 200, "lr": 0.004},
    "image-hybrid": {**SMALL, "latent": 4, "rounds": (120, 20, 20), "lr": 0.004},
    **dict.fromkeys(("dcgan", "acgan"), DUEL),
    "image-mean-embedding": {"features": 500, "parts": 4, "steps": 150},
    "image-gan": {**SMALL, **LATE, "components": 4, "rounds": (400, 30), "lr": 0.004},
    "image-wgan-gp": {**DUEL, "critics": 2, "penalty": 1.0},
    "image-flow": {
        "width": 16,
        "levels": 1,
        "hops": 12,
        "steps": 250,
        "lr": 0.004,
        "pace": PACE,
    },
}


def quick(name: str, settings: dict | None = None):
    return load_image_model(name, {**QUICK.get(name, {}), **(settings or {})})


def few(name: str, steps: int) -> dict:
    """Settings that stop after a few rounds."""
    if name not in QUICK:
        return {}
    rounds = QUICK[name].get("rounds")
    return {"rounds": (steps,) * len(rounds)} if rounds else {"steps": steps}


def scans(n: int = 300, space: tuple[int, ...] = (7, 6), channels: int = 1) -> ImageSet:
    """A bright spot, left in class "ill", right in "well", on a noisy ground."""
    rng = np.random.default_rng(1)
    ill = rng.random(n) < 0.3
    pixels = rng.normal(60, 8, (n, channels, *space))
    half = space[-1] // 2
    pixels[ill, ..., :half] += 100
    pixels[~ill, ..., half:] += 100
    return ImageSet.of(pixels.clip(0, 255).astype(np.uint8), np.where(ill, 0, 1), ("ill", "well"))


@pytest.fixture(scope="module")
def fitted():
    class Models(dict):
        def __missing__(self, name):
            self[name] = quick(name).fit(scans(), Ledger(), Seeds(3))
            return self[name]

    return Models()


def equal(one: ImageSet, two: ImageSet) -> bool:
    return np.array_equal(one.pixels, two.pixels) and np.array_equal(one.labels, two.labels)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_images_and_another_seed_others(name):
    model = quick(name, few(name, 8))
    one, again = (model.fit(scans(120), Ledger(), Seeds(3)) for _ in range(2))
    drawn = one.sample(20, Seeds(4))
    assert equal(drawn, again.sample(20, Seeds(4)))
    assert not equal(drawn, one.sample(20, Seeds(5)))


NETWORKS = [n for n in NAMES if "pace" in vars(quick(n))]


@pytest.mark.parametrize("name", NETWORKS)
def test_an_interrupted_fit_is_gone_on_with_to_the_same_images(name, tmp_path, monkeypatch):
    """Ctrl-C in a round of any phase, then the same fit: not begun anew, and no other bytes."""
    rounds: list[int] = []
    step, last = loop._Run._step, [0]

    def stepped(self, *given, **more):
        rounds.append(self.progress.done)
        if len(rounds) == last[0]:
            raise KeyboardInterrupt
        return step(self, *given, **more)

    monkeypatch.setattr(loop._Run, "_step", stepped)
    pace = {**QUICK[name]["pace"], "check": 3, "batch": 8}
    model = quick(name, {**few(name, 10), "pace": pace})
    whole = model.fit(scans(60), Ledger(), Seeds(3))
    steps = len(rounds)
    last[0] = int(0.7 * steps)
    rounds.clear()
    with at_desk(Desk(folder=tmp_path, every=0.0)):
        with pytest.raises(KeyboardInterrupt):
            model.fit(scans(60), Ledger(), Seeds(3))
        rounds.clear()
        last[0] = 0
        again = model.fit(scans(60), Ledger(), Seeds(3))
    assert 0 < len(rounds) < steps
    assert equal(whole.sample(20, Seeds(4)), again.sample(20, Seeds(4)))
    assert whole.facts["losses"] == again.facts["losses"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 333])
def test_exactly_n_images_of_the_stored_form(name, n, fitted):
    drawn = fitted[name].sample(n, Seeds(1))
    assert drawn.pixels.shape == (n, 1, 7, 6) and drawn.pixels.dtype == np.uint8
    assert drawn.origin == "synthetic" and len(np.unique(drawn.patients)) == n
    assert drawn.classes == fitted[name].classes == ("ill", "well")
    share = scans().counts[0] / 300
    assert abs(drawn.counts[0] - n * share) <= 1  # classes in their shares, not by chance


@pytest.mark.parametrize("name", NAMES)
def test_a_class_looks_like_the_class(name, fitted):
    drawn = fitted[name].sample(400, Seeds(1))
    left = drawn.pixels[..., :3].mean((1, 2, 3)) - drawn.pixels[..., 3:].mean((1, 2, 3))
    ill = drawn.labels == 0
    assert ((left > 0) == ill).mean() > 0.95
    for brighter in (left[ill].mean(), -left[~ill].mean()):
        assert 50 < brighter < 150  # 100 among real ones
    if "penalty" not in QUICK.get(name, {}):  # a duel of 150 rounds is a short one
        real = scans().pixels
        assert np.abs(real.mean(0) - drawn.pixels.mean(0)).max() < 15
        assert abs(real.std() - drawn.pixels.std()) < 8


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_is_met_or_refused(name, fitted):
    asked = Condition((Wanted("label", ("ill",)),))
    drawn = fitted[name].sample(30, Seeds(1), asked)
    assert len(drawn) == 30 and (drawn.labels == 0).all()
    for wrong in (Wanted("label", ("none",)), Wanted("age", low=3.0)):
        with pytest.raises(ConditionError):
            fitted[name].sample(5, Seeds(1), Condition((wrong,)))


@pytest.mark.parametrize("name", NAMES)
def test_volumes_and_colours_take_the_same_way(name):
    settings = few(name, 3)
    for space, channels in (((5, 6, 7), 1), ((6, 6), 3)):
        images = scans(60, space, channels)
        drawn = quick(name, settings).fit(images, Ledger(), Seeds(1)).sample(3, Seeds(1))
        assert drawn.pixels.shape == (3, channels, *space)


@pytest.mark.parametrize("name", NAMES)
def test_twelve_bits_stay_twelve_bits(name):
    eight = scans(80)
    fine = np.random.default_rng(2).integers(0, 16, eight.pixels.shape)
    deep = eight.pixels.astype(np.uint16) * 16 + fine.astype(np.uint16)
    wide = ImageSet.of(deep, eight.labels, eight.classes)
    drawn = quick(name, few(name, 3)).fit(wide, Ledger(), Seeds(1)).sample(60, Seeds(1))
    assert drawn.pixels.dtype == np.uint16 and drawn.pixels.max() <= 4096
    assert len(np.unique(drawn.pixels)) > 300  # of 2,520 pixels; 8 bits have 256 numbers
    assert len(np.unique(drawn.pixels % 16)) == 16  # and none is an 8-bit number made wide


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_opened_it_draws_the_same(name, fitted, tmp_path):
    fitted[name].save(tmp_path)
    assert equal(open_model(tmp_path).sample(9, Seeds(2)), fitted[name].sample(9, Seeds(2)))
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"model.json", "weights.safetensors", "schema.toml"}
    weights = load_file(tmp_path / "weights.safetensors")
    assert not [k for k in weights if re.search("critic|encod", k)]
    (tmp_path / "weights.safetensors").write_bytes(b"junk")
    with pytest.raises(InputError):
        open_model(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_of_few_patients_is_not_learnt_by_heart(name):
    images = scans(60)
    patients = np.where(images.labels == 0, 0, images.patients)  # all ill images are of one
    few = ImageSet.of(images.pixels, images.labels, images.classes, patients)
    with pytest.raises(ModelError, match="ill"):
        quick(name).fit(few, Ledger(), Seeds(1))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_draw_is_refused_and_other_data_are(name, fitted):
    with pytest.raises(InputError):
        fitted[name].sample(0, Seeds(1))
    with pytest.raises(ModelError):
        load_model(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_is_charged_first(name):
    class Refusing(Ledger):
        def charge(self, *releases):
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        quick(name).fit(scans(60), Refusing(), Seeds(1))


@pytest.mark.parametrize("shape", [(3, 2, 8, 6), (2, 1, 4, 8, 6)])
def test_folding_keeps_every_pixel_in_its_place(shape):
    x = torch.arange(float(np.prod(shape))).reshape(shape)
    assert torch.equal(unfold(fold(x), shape[1]), x)
    assert fold(x).shape[2:] == tuple(s // 2 for s in shape[2:])
    assert torch.equal(fold(x)[0, 0].flatten()[0], x[0, 0].flatten()[0])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_loss_is_worked_out_where_its_networks_are(name, learns_elsewhere):
    assert learns_elsewhere(lambda: quick(name).fit(scans(), Ledger(), Seeds(3))) == {"meta"}
