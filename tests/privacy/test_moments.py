"""Noisy moments of images: what one patient moves, what is paid, and what comes out."""

import numpy as np
import pytest

from medsynai.data.images import ImageSet
from medsynai.errors import BudgetError, PlanError
from medsynai.models.catalog import load_image_model
from medsynai.privacy import moments
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds

pytest.importorskip("dp_accounting")


def scans(n: int, seed: int = 1) -> ImageSet:
    """Class "ill" is bright on the left, "well" on the right; a patient has one to three images."""
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.3
    pixels = rng.normal(60, 8, (n, 1, 8, 6))
    pixels[ill, ..., :3] += 100
    pixels[~ill, ..., 3:] += 100
    patients = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
    stored = pixels.clip(0, 255).astype(np.uint8)
    return ImageSet.of(stored, np.where(ill, 0, 1), ("ill", "well"), patients)


@pytest.fixture
def released(monkeypatch):
    """What was to be noised; the same answer is given to everybody, so that releases compare."""
    seen = []

    def pinned(sums, spread):
        seen.append(sums.copy() / spread)
        return np.linspace(1.0, 2.0, len(sums)) * 20

    monkeypatch.setattr(moments, "noisy_sums", pinned)
    return seen


@pytest.mark.parametrize("many", [1, 3, 40])
def test_one_patient_moves_no_release_by_more_than_its_noise_covers(many, released):
    model, ours = load_image_model("image-moments"), scans(60)
    pixels = np.full((many, 1, 8, 6), 255, np.uint8)  # as far out as an image can be
    labels, patients = np.arange(many) % 2, np.full(many, 10_000)
    more = ImageSet.of(
        np.concatenate([ours.pixels, pixels]),
        np.r_[ours.labels, labels],
        ours.classes,
        np.r_[ours.patients, patients],
    )
    noises = []
    for images in (ours, more):
        ledger = Ledger(Budget(1.0, 1e-6))
        model.fit(images, ledger, Seeds(0))
        noises.append(ledger.spends[0].noise)
    assert noises[0] == noises[1]
    means, spread, other_means, other_spread = released
    moved = [
        np.linalg.norm(b - a) * noises[0] for a, b in ((means, other_means), (spread, other_spread))
    ]
    assert all(m <= 1 + 1e-9 for m in moved)
    assert moved[0] > 0.7  # it is nearly all of what is paid for


def test_the_budget_is_spent_on_two_releases_and_no_more_is_left():
    pytest.importorskip("opendp")
    ledger = Ledger(Budget(2.0, 1e-6))
    load_image_model("image-moments").fit(scans(100), ledger, Seeds(0))
    assert [e.mechanism for e in ledger.entries] == ["gaussian", "gaussian"]
    assert 1.98 < ledger.spent <= 2.0
    with pytest.raises(BudgetError):
        load_image_model("image-moments").fit(scans(100), ledger, Seeds(0))


def test_under_a_budget_classes_still_look_like_themselves():
    model = load_image_model("image-moments", {"waves": 16})
    drawn = model.fit(scans(4000), Ledger(Budget(3.0, 1e-6)), Seeds(0)).sample(400, Seeds(1))
    left = drawn.pixels[..., :3].mean((1, 2, 3)) - drawn.pixels[..., 3:].mean((1, 2, 3))
    assert ((left > 0) == (drawn.labels == 0)).mean() > 0.95
    assert 80 < (drawn.labels == 0).sum() < 160  # of 400, .3 in the real ones


def test_a_class_of_few_is_drawn_to_all_and_a_class_of_many_stays():
    rng, labels = np.random.default_rng(0), np.repeat([0, 1, 2], [4000, 3990, 10])
    rows = rng.normal(size=(8000, 100)) * 0.01
    rows[:, 0] += np.array([0.3, -0.3, 0.3])[labels]
    noise = 5.0
    counts, means = moments.Weighed(rows, labels, np.arange(8000), noise).means(3, 1.0)
    assert abs(counts[0] - 4000) < 60 and abs(means[0, 0] - 0.3) < 0.02  # noise: .0018
    assert np.linalg.norm(means[2]) <= 1 + 1e-9  # ten patients, noise alone: about 7


def test_nothing_but_noise_hangs_on_who_is_there():
    model = load_image_model("image-moments")
    for images in (scans(40).rows(np.zeros(40, bool)), scans(3)):  # else refused: too few patients
        drawn = model.fit(images, Ledger(Budget(1.0, 1e-6)), Seeds(0)).sample(5, Seeds(1))
        assert drawn.pixels.shape == (5, 1, 8, 6)


def test_a_range_that_tells_of_patients_is_refused_before_anything_is_paid():
    wide = ImageSet.of(scans(40).pixels.astype(np.uint16) * 9, scans(40).labels, ("ill", "well"))
    ledger = Ledger(Budget(1.0, 1e-6))
    with pytest.raises(PlanError, match="8 bits"):
        load_image_model("image-moments").fit(wide, ledger, Seeds(0))
    assert not ledger.entries


def test_noise_on_a_lattice_too_coarse_for_any_patient_is_refused(released):
    """The violation: what was left of a patient was negative, and longer than was paid for."""
    rows = np.ones((3, 2500))
    for noise in (1e4, 1e5):
        seen = moments.Weighed(rows, np.zeros(3, np.int64), np.arange(3), noise)
        if noise < 2e4:
            seen.means(1, 1.0)
            continue
        with pytest.raises(BudgetError, match="so much noise"):
            seen.means(1, 1.0)
    assert len(released) == 1
