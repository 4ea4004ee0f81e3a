"""The judges of images: planted copies are caught, real holdouts are not, a collapse shows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images import (
    baseline,
    coverage,
    detection,
    distances,
    lenses,
    memory,
    pictures,
    textures,
    utility,
    variety,
)
from medsynai.evaluate.images.judge_net import JudgeNet
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.evaluate.policy import Status, judge_gates, load_policy
from medsynai.models.image_pca import ImagePca
from medsynai.seeds import Seeds


def cells(n: int, seed: int, noise: float = 6, whole: bool = False) -> ImageSet:
    """A blob somewhere, or on a whole pixel, round in one class and flat in the other."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    y, x = np.mgrid[:12, :12]
    cy, cx = rng.uniform(4, 8, (2, n, 1, 1))
    cy, cx = (np.rint(cy), np.rint(cx)) if whole else (cy, cx)
    flat = np.where(labels == 1, 3.0, 1.0)[:, None, None]
    shape = np.exp(-(((y - cy) / 1.5) ** 2 * flat + ((x - cx) / 1.5) ** 2 / flat))
    pixels = 40 + 180 * shape + rng.normal(0, noise, (n, 12, 12))
    return ImageSet.of(pixels[:, None].clip(0, 255).astype(np.uint8), labels, ("round", "flat"))


TRAIN, HOLDOUT = cells(600, 1), cells(200, 2)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("medsynai.evaluate.images.lenses.STEPS", 60)
    monkeypatch.setattr(detection, "STEPS", 60)
    monkeypatch.setattr(utility, "STEPS", 60)


def trial(synthetic: ImageSet, holdout: ImageSet | None = HOLDOUT) -> ImageTrial:
    return ImageTrial(TRAIN, holdout, synthetic, Seeds(0))


def by_name(measure, of: ImageTrial) -> dict:
    return {(s.name, s.group): s for s in measure(of).scores}


def moved(images: ImageSet) -> ImageSet:
    """A copycat that hides: copies shifted by two pixels, mirrored in part, and darker."""
    pixels = np.roll(images.pixels, 2, -1)
    pixels[::3] = images.pixels[::3, ..., ::-1]
    darker = (pixels * 0.8 + 12).astype(np.uint8)
    return ImageSet.of(darker, images.labels, images.classes)


def test_a_hidden_copy_is_caught_and_fresh_real_images_are_not():
    copied = by_name(memory.measure, trial(moved(TRAIN)))
    fresh = by_name(memory.measure, trial(cells(400, 3)))
    near = ("image_near_copies", "")
    assert copied[near].low > 0.5 and fresh[near].value < 0.12
    assert copied[near].control > 0.9 and "inconclusive" not in copied[near].note
    assert copied["copies_exact", ""].value == 0.0 == fresh["copies_exact", ""].value
    ruled = judge_gates([fresh["copies_exact", ""]], load_policy(default="images/policy.toml"))
    assert {g.name: g.status for g in ruled.gates}["copies_exact"] is Status.PASS
    plain = by_name(memory.measure, trial(TRAIN))
    assert plain["copies_exact", ""].value == 1.0
    assert plain["membership_auc", ""].value > 0.95
    assert abs(fresh["membership_auc", ""].value - 0.5) < 0.08


def test_images_without_noise_are_not_accused_and_softened_copies_are():
    """Drawn ones of nobody lie near to all: they failed the gate, and .05 was called chance."""
    near, clean = ("image_near_copies", ""), cells(400, 3, noise=0)
    fresh = by_name(memory.measure, trial(clean))
    assert fresh[near].low > 0.05 and fresh[near].note.startswith("inconclusive: they lie as near")
    ruled = judge_gates([fresh[near]], load_policy(default="images/policy.toml"))
    gate = next(g for g in ruled.gates if g.name == near[0])
    assert gate.status is Status.INCONCLUSIVE and "held-out" in gate.reason
    assert "plain copy" not in gate.reason
    soft = (3 * TRAIN.pixels.astype(int) + np.roll(TRAIN.pixels, 1, -1)) // 4
    softened = ImageSet.of(soft.astype(np.uint8), TRAIN.labels, TRAIN.classes)
    copied = by_name(memory.measure, trial(softened))
    assert copied[near].low > 0.5 and "inconclusive" not in copied[near].note


def test_where_there_are_few_different_images_equal_ones_are_no_copies():
    """Fresh ones equal train ones by chance; each was counted as a copy, and none is allowed."""
    train, holdout, made = (cells(n, k, 0, True) for n, k in ((300, 1), (200, 2), (200, 3)))
    gates = load_policy(default="images/policy.toml")
    for images, status in ((made, Status.INCONCLUSIVE), (train, Status.FAIL)):
        found = by_name(memory.measure, ImageTrial(train, holdout, images, Seeds(0)))
        same, near = (found[name, ""] for name in ("copies_exact", "image_near_copies"))
        assert same.value > 0.5 and same.holdout > 0.5 and near.holdout > 0.5
        ruled = {g.name: g for g in judge_gates([same, near], gates).gates}
        assert ruled["copies_exact"].status is status  # a copier has more than chance explains
        assert ruled["image_near_copies"].status is Status.INCONCLUSIVE
        assert "too few different ones" in ruled["image_near_copies"].reason


def test_a_collapse_shows_in_coverage_and_variety():
    few = cells(400, 3).rows(np.arange(400) % 3)
    one = by_name(coverage.measure, trial(few))
    good = by_name(coverage.measure, trial(cells(400, 3)))
    for lens in ("features", "pixels"):
        name = (f"image_coverage_{lens}", "")
        assert one[name].value < 0.3 < good[name].value
        assert abs(good[name].value - good[name].holdout) < 0.2
    vendi = ("image_vendi", "")
    assert by_name(variety.measure, trial(few))[vendi].value < 0.2
    assert by_name(variety.measure, trial(cells(400, 3)))[vendi].value > 0.9


def test_a_class_that_is_missing_shows_in_its_own_coverage():
    made = cells(800, 3)
    round_only = made.rows(made.labels == 0)
    with pytest.raises(AssessmentError):
        coverage.measure(trial(round_only))
    relabelled = ImageSet.of(round_only.pixels, np.arange(len(round_only)) % 2, round_only.classes)
    found = by_name(coverage.measure, trial(relabelled))
    pixels = "image_coverage_pixels"
    assert found[pixels, "label=flat"].value < found[pixels, "label=round"].value - 0.3


def test_noise_is_told_apart_and_real_images_are_not():
    noisy = cells(400, 3)
    loud = np.clip(noisy.pixels.astype(int) + np.arange(144).reshape(12, 12) % 2 * 12, 0, 255)
    noisy = ImageSet.of(loud.astype(np.uint8), noisy.labels, noisy.classes)
    told = by_name(detection.measure, trial(noisy))["c2st", ""]
    same = by_name(detection.measure, trial(cells(400, 3)))["c2st", ""]
    assert told.value > 0.9 and abs(same.value - 0.5) < 0.12
    assert told.shuffled > 0.9


def test_wrong_labels_cost_utility():
    made = cells(400, 3)
    wrong = ImageSet.of(made.pixels, 1 - made.labels, made.classes)
    good = by_name(utility.measure, trial(made))["tstr_balanced", ""]
    bad = by_name(utility.measure, trial(wrong))["tstr_balanced", ""]
    assert good.value > 0.85 and good.holdout > 0.85 and bad.value < 0.3


def test_without_a_holdout_nothing_is_claimed():
    alone = trial(cells(200, 3), None)
    assert all(s.value is None for s in memory.measure(alone).scores)
    for measure in (coverage.measure, detection.measure, utility.measure, variety.measure):
        with pytest.raises(AssessmentError):
            measure(alone)


def test_the_report_shows_no_real_image():
    found = pictures.measure(trial(cells(400, 3)))
    real = {x.tobytes() for x in TRAIN.pixels}
    shown = [i for row in found.exhibits["images"]["rows"] for i in row["images"]]
    assert shown and not real & {np.array(i, np.uint8).tobytes() for i in shown}
    inside = found.internal["pictures"]["Real images by class"]["rows"]
    assert {np.array(i, np.uint8).tobytes() for r in inside for i in r["images"]} <= real


def test_a_texture_that_is_not_real_shows_in_the_distances():
    """Noise on every pixel: small in components of the pixels, plain in texture."""
    noisy = cells(400, 3)
    loud = np.clip(noisy.pixels.astype(int) + np.arange(144).reshape(12, 12) % 2 * 12, 0, 255)
    loud = ImageSet.of(loud.astype(np.uint8), noisy.labels, noisy.classes)
    bad, good = (by_name(distances.measure, trial(x)) for x in (loud, noisy))
    for lens in ("convolutions", "radiomics"):
        kid = (f"image_kid_{lens}", "")
        assert bad[kid].low > good[kid].high and good[kid].low <= good[kid].holdout + 0.3
        assert bad[kid].shuffled > good[kid].value
    assert ("image_fd_radiomics", "") in good and ("image_fd_convolutions", "") in good
    few = by_name(distances.measure, trial(noisy, cells(120, 2)))
    assert ("image_fd_convolutions", "") not in few  # 96 numbers, 120 images


def test_one_image_again_and_again_is_dense_and_recalls_nothing():
    few = cells(400, 3).rows(np.arange(400) % 3)
    one, good = (by_name(coverage.measure, trial(x)) for x in (few, cells(400, 3)))
    recall, density = ("image_recall_pixels", ""), ("image_density_pixels", "")
    assert one[recall].value < 0.1 < good[recall].value
    assert good[density].value == pytest.approx(good[density].holdout, abs=0.4)
    assert good[density].low is None and ("image_recall_pixels", "label=flat") in good


def test_a_collapse_is_alike_at_every_scale():
    many = cells(400, 3)
    few = many.rows(np.array([np.flatnonzero(many.labels == k)[0] for k in many.labels]))
    for name in ("image_alike", "image_alike_scales"):
        one, good = (by_name(variety.measure, trial(x)) for x in (few, cells(400, 3)))
        assert one[name, ""].value > good[name, ""].value + 0.1
        assert abs(good[name, ""].value - good[name, ""].holdout) < 0.1


@pytest.mark.parametrize(
    "shape", [(2, 1, 28, 28), (2, 3, 200, 180), (2, 1, 6, 5), (2, 1, 13, 14, 12)]
)
def test_likeness_over_scales_takes_any_size(shape):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, shape)
    assert variety.scaled(x, x) == pytest.approx(1.0)
    assert (variety.scaled(x, rng.permuted(x, axis=-1)) < 0.6).all()


def test_radiomics_know_what_they_are_named_after():
    flat, steep = np.zeros((1, 1, 8, 8)), np.zeros((1, 1, 8, 8))
    steep[..., ::2] = 0.9
    names = ("contrast", "correlation")
    seen = [dict(zip(names, textures.radiomics(x)[0, 13:15], strict=True)) for x in (flat, steep)]
    assert seen[0]["contrast"] == 0 < seen[1]["contrast"]
    assert textures.radiomics(steep).shape == (1, 16)
    slope = np.linspace(-1, 1, 64).reshape(1, 1, 8, 8)
    assert textures.radiomics(slope)[0, 14] > 0.8
    volume = np.random.default_rng(0).uniform(-1, 1, (3, 2, 4, 5, 6))
    assert textures.radiomics(volume).shape == (3, 32)
    assert np.isfinite(textures.radiomics(volume)).all()
    assert textures.convolutions(volume).shape == (3, 96)


def test_a_class_that_is_drawn_as_another_costs_its_own_figures():
    made = cells(400, 3)
    mixed = made.labels.copy()
    mixed[np.flatnonzero(made.labels == 0)[::2]] = 1  # half of the round ones are said to be flat
    wrong = ImageSet.of(made.pixels, mixed, made.classes)
    good, bad = (by_name(utility.measure, trial(x)) for x in (made, wrong))
    specificity, calibration = (f"tstr_{n}" for n in ("specificity", "calibration"))
    flat = "label=flat"
    assert bad[specificity, flat].value < 0.9 < good[specificity, flat].value
    assert bad[calibration, flat].value > good[calibration, flat].value + 0.05
    assert bad["trts_balanced", ""].value < good["trts_balanced", ""].value - 0.1


def test_a_lens_of_few_images_does_not_blow_up_what_is_rounding():
    """As many components as images: the last one has no spread, and whitening divides by it."""
    rng = np.random.default_rng(0)
    few = [ImageSet.of(rng.integers(0, 255, (n, 1, 9, 9)).astype(np.uint8)) for n in (60, 50)]
    look = lenses.pixel_lens(ImageTrial(few[0], few[1], few[1], Seeds(0)))
    seen = look(few[1])
    assert seen.shape[1] >= 20 and seen.std(0).max() < 5


def test_train_images_that_are_all_one_are_said_to_be():
    one = ImageSet.of(
        np.full((400, 1, 12, 12), 70, np.uint8), np.arange(400) % 2, ("round", "flat")
    )
    blind = ImageTrial(one, HOLDOUT, cells(400, 3), Seeds(0))
    for measure in (coverage.measure, distances.measure, variety.measure):
        with pytest.raises(AssessmentError, match="do not differ"):
            measure(blind)


@pytest.mark.parametrize("space", [(9, 9, 3), (1, 9, 9), (1, 1)])
def test_thin_volumes_are_judged(space, monkeypatch):
    """Three halvings of three slices: none is left to be halved."""
    for module in (lenses, detection, utility):
        monkeypatch.setattr(module, "STEPS", 3)
    rng = np.random.default_rng(0)
    sets = [
        ImageSet.of(
            rng.integers(0, 255, (n, 1, *space)).astype(np.uint8), np.arange(n) % 2, ("a", "b")
        )
        for n in (100, 50, 90)
    ]
    of = ImageTrial(*sets, Seeds(0))
    for measure in (coverage, distances, detection, utility, variety, memory):
        scores = measure.measure(of).scores
        told = [x for s in scores for x in (s.value, s.holdout, s.shuffled) if x is not None]
        assert told and np.isfinite(told).all(), measure


def test_what_copies_win_is_called_no_merit():
    found = by_name(variety.measure, trial(TRAIN))["image_vendi", ""]
    assert found.value > found.holdout and "no merit" in found.note


def test_shuffled_pixels_stand_beside_what_real_images_teach():
    """The anchor of TRTS: what the network of real images makes of them, not one of its own."""
    found = by_name(utility.measure, trial(cells(400, 3)))["trts_balanced", ""]
    of = trial(cells(400, 3))
    net = utility.taught(of, of.train)
    assert found.shuffled == utility.balanced(utility.answers(of, net, of.shuffled))


def test_the_network_of_a_lens_is_trained_once(monkeypatch):
    trained, train = [], lenses.train_judge
    monkeypatch.setattr(lenses, "train_judge", lambda *a: trained.append(1) or train(*a))
    of = trial(cells(300, 3))
    for measure in (coverage, distances, variety):
        measure.measure(of)
    assert len(trained) == 1


def drawn_by_pca(n: int) -> ImageSet:
    return ImagePca().fit(TRAIN, seeds=Seeds(5)).sample(n, Seeds(6))


@pytest.mark.parametrize("better", [True, False])
def test_the_baseline_is_beaten_by_what_is_better_and_by_nothing_else(better):
    """What is real gains on principal components; these do not gain on what is real."""
    made, beside = cells(400, 3), drawn_by_pca(400)
    if not better:
        made, beside = beside, made
    found = baseline.measure(replace(trial(made), baseline=beside))
    gains = {s.name: s for s in found.scores}
    pixels = gains["beyond_pca_pixels"]
    assert (pixels.low > 0.1) if better else (pixels.high < -0.1)
    assert [*gains] == ["beyond_pca_features", "beyond_pca_pixels", "beyond_pca_tstr"]
    row = found.exhibits["baseline"][1]
    assert row["synthetic"] - row["pca"] == pytest.approx(pixels.value)
    alone = by_name(coverage.measure, trial(made))["image_coverage_pixels", ""]
    assert (row["synthetic"], row["as many train images"]) == (alone.value, alone.holdout)


def test_without_a_baseline_nothing_is_said_of_it():
    with pytest.raises(AssessmentError, match="no baseline"):
        baseline.measure(trial(cells(400, 3)))


@pytest.mark.parametrize("space", [(64, 64), (128, 128), (100, 70), (28, 28, 28), (300, 300)])
def test_a_large_image_costs_no_more_than_one_of_56_and_every_pixel_counts(space):
    """At 128 x 128 a judgement took over an hour of a core, at whatever time budget."""
    net = JudgeNet(1, space, 2)
    pixels = torch.randn(1, 1, *space, requires_grad=True)
    first = net.body[0](pixels)
    assert first[0, 0].numel() <= 56 * 56
    first.abs().sum().backward()
    assert bool((pixels.grad != 0).all())
    assert net(pixels).shape == (1, 2)
