"""The judges of images: planted copies are caught, real holdouts are not, a collapse shows."""

import numpy as np
import pytest

from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images import coverage, detection, memory, pictures, utility, variety
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.seeds import Seeds


def cells(n: int, seed: int) -> ImageSet:
    """A blob somewhere, round in one class and flat in the other."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    y, x = np.mgrid[:12, :12]
    cy, cx = rng.uniform(4, 8, (2, n, 1, 1))
    flat = np.where(labels == 1, 3.0, 1.0)[:, None, None]
    shape = np.exp(-(((y - cy) / 1.5) ** 2 * flat + ((x - cx) / 1.5) ** 2 / flat))
    pixels = 40 + 180 * shape + rng.normal(0, 6, (n, 12, 12))
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
    plain = by_name(memory.measure, trial(TRAIN))
    assert plain["copies_exact", ""].value == 1.0
    assert plain["membership_auc", ""].value > 0.95
    assert abs(fresh["membership_auc", ""].value - 0.5) < 0.08


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
