"""Traps of images that others fell into, and the test that would see us in each.

| trap | seen by |
|---|---|
| images of one patient on both sides | here |
| labels as a column (n, 1) | `data/test_images`: npz comes back with its parts |
| the holdout chooses a ratio or weights | `augment/test_study`: chosen without it; here |
| distances of sets of different sizes | here |
| a distance below that of real images | `evaluate/images`: what copies win is no merit |
| a copycat wins | `evaluate/images`: a hidden copy is caught |
| likeness over scales of small images | `evaluate/images`: takes any size |
| stored numbers lost | `data/test_images`: numbers come back whole, CT keeps its units |
| MONOCHROME1, slopes | `data/test_images`: is turned, real DICOM comes back |
| left and right mirrored | here |
| changes shown to a critic are painted | `test_image_models`: a class looks like the class |
| living weights exported, statistics of a batch | here |
| collapse with a calm critic | `learn/test_images`: a fall is an alarm, a look sees a collapse |
| a class of few images | `test_image_models`: of few patients is not learnt by heart |
| a budget leaks counts, clips batches | `learn/test_private_images`, `flow/test_private_images` |
| a critic in the model folder | `test_image_models`: saved and opened |
| a gain without the control of equal count | `augment/test_study`: counts of arms; `test_arms` |
| other bytes for the same seed | `test_image_models`: same seed; `learn/test_threads` |
| axes lost on the way | `data/test_images`: NIfTI keeps its affine |
| the licence of the source forgotten | `report/test_card`: facts come from their fields |
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medsynai.codec.image import Frame
from medsynai.data.images import ImageSet
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.flow.augment.images import moved
from medsynai.flow.images import stages
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.learn.images import to_rows
from medsynai.learn.job import Pace
from medsynai.learn.loop import train
from medsynai.models.catalog import load_image_model
from medsynai.models.entries import CATALOG
from medsynai.seeds import Seeds

PEOPLE, EACH = 60, 4
NETWORKS = ("image-flow", "image-vae", "image-hybrid", "image-gan", "dcgan", "acgan")


def random(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (n, 1, 6, 6)).astype(np.uint8)


@pytest.fixture
def scans(tmp_path):
    n = PEOPLE * EACH
    people = np.arange(n) // EACH
    labels, names = people % 2, np.array(["ill", "well"])
    pixels = random(n)[:, 0]
    np.savez(tmp_path / "x.npz", images=pixels, labels=labels, class_names=names, patients=people)
    return Plan(str(tmp_path / "x.npz"), measures=("pictures",))


def test_a_patient_is_on_one_side(scans, monkeypatch):
    seen = []
    found = stages.divide

    def spied(loaded, run):
        seen.append(found(loaded, run))
        return seen[0]

    monkeypatch.setattr(stages, "divide", spied)
    make(replace(scans, model="pca"))
    inside, outside = ({*x.patients.tolist()} for x in (seen[0].train, seen[0].holdout))
    assert inside and outside and not inside & outside
    assert len(seen[0].train) + len(seen[0].holdout) == PEOPLE * EACH


def test_the_holdout_chooses_no_weights(scans, monkeypatch):
    """Other images in the holdout: the same weights are kept, and the same images drawn."""
    settings = {"steps": 12, "width": 2, "pace": {"check": 3, "batch": 16}}
    plan, found = replace(scans, model="image-vae", settings=settings), stages.divide
    made = [make(plan).made.pixels]

    def other(loaded, run):
        parts = found(loaded, run)
        return replace(parts, holdout=replace(parts.holdout, pixels=255 - parts.holdout.pixels))

    monkeypatch.setattr(stages, "divide", other)
    made.append(make(plan).made.pixels)
    assert np.array_equal(*made)


@pytest.mark.parametrize("n", [90, 400])
def test_distances_are_of_as_many_images_a_side(n):
    whole = ImageSet.of(random(400), np.arange(400) % 2, ("ill", "well"))
    parts = (whole.rows(np.arange(k)) for k in (300, 120, n))
    trial = ImageTrial(*parts, Seeds(0))
    counts = {tuple(x.counts) for x in (trial.sides.reference, *trial.sides.candidates.values())}
    assert len(counts) == 1


def test_nothing_is_mirrored():
    """Bright on the left: on the left it stays, in the classic arm and in what a flow draws."""
    pixels = np.full((200, 1, 8, 8), 40, np.uint8)
    pixels[..., :3] = 200
    for seen in (moved(ImageSet.of(pixels), Seeds(0)).pixels, drawn(pixels)):
        assert (seen[..., :4].mean((1, 2, 3)) > seen[..., 4:].mean((1, 2, 3)) + 30).all()


def drawn(pixels: np.ndarray) -> np.ndarray:
    settings = {"width": 8, "levels": 1, "steps": 120, "lr": 0.004, "pace": {"average": 0.9}}
    fitted = load_image_model("image-flow", settings).fit(ImageSet.of(pixels), seeds=Seeds(0))
    return fitted.sample(60, Seeds(1)).pixels


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_what_is_exported_are_averaged_weights(average):
    pace = Pace(batch=8, check=1000, average=average)
    model = load_image_model("image-vae", {"width": 2, "latent": 2, "steps": 6})
    frame = Frame.of(ImageSet.of(random(40)))
    rows = to_rows(frame, ImageSet.of(random(40)))
    job = replace(model.job(frame), pace=pace, watched=None)
    kept = train(job, rows, rows[:0], Seeds(0)).modules.state_dict()
    living = job.modules.state_dict()
    same = all(torch.equal(kept[k], living[k]) for k in kept)
    assert same is (average == 0.0)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_image_hangs_on_those_beside_it(name):
    """Norms of a batch would be another network when it draws than when it was trained."""
    assert name in {entry.name for entry in CATALOG}
    own = {"image-flow": {}, "image-gan": {"components": 4}}
    model = load_image_model(name, {"width": 2} | own.get(name, {"latent": 4}))
    images = ImageSet.of(random(40), np.arange(40) % 2, ("ill", "well"))
    frame = Frame.of(images)
    given = (frame, to_rows(frame, images)) if name == "image-gan" else (frame,)
    parts = {type(part) for part in model.job(*given).modules.modules()}
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    assert not [p for p in parts if issubclass(p, norms)]
