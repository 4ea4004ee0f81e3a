"""Noisy mean embeddings of images: what one patient moves, what is paid, and what is read."""

from dataclasses import replace

import numpy as np
import pytest
from tests.privacy.test_moments import scans

from medsynai.codec.embedding import Waves, embedded, frequencies
from medsynai.data.images import ImageSet
from medsynai.data.pixels import PixelScale
from medsynai.errors import BudgetError, PlanError
from medsynai.models.catalog import load_image_model
from medsynai.privacy import moments
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds

pytest.importorskip("dp_accounting")

NAME = "image-mean-embedding"
QUICK = {"waves": 16, "features": 300, "parts": 2, "steps": 5}


def arrays_of(fitted) -> dict[str, np.ndarray]:
    return {**fitted.arrays, "share": np.array(fitted.frame.share)}


@pytest.fixture
def released(monkeypatch):
    """What was to be noised, and with how much; everybody is given the same answer."""
    seen = []

    def pinned(sums, spread):
        seen.append((sums.copy(), spread))
        return np.linspace(1.0, 2.0, len(sums)) * 20

    monkeypatch.setattr(moments, "noisy_sums", pinned)
    return seen


@pytest.mark.parametrize("channels, space", [(1, (9, 7)), (3, (6, 6)), (1, (5, 6, 7))])
def test_features_have_norm_one_whatever_the_image_is(channels, space):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (20, channels, *space)).astype(np.uint8)
    pixels[0], pixels[1], pixels[2, ..., 0] = 0, 255, 255
    waves = Waves.of(channels, space, 12)
    assert np.allclose(waves.axes @ waves.axes.T, np.eye(len(waves.axes)))
    rows = PixelScale.of(pixels).forward(pixels).reshape(20, -1)
    at = frequencies(len(waves.axes), 50, 4.0, rng)
    norms = np.linalg.norm(embedded(waves.told(rows), at), axis=1)
    assert np.abs(norms - 1).max() < 1e-12


@pytest.mark.parametrize("many", [1, 3, 40])
def test_one_patient_moves_the_release_by_what_is_paid_for_however_many_images(many, released):
    model, ours = load_image_model(NAME, QUICK), scans(60)
    pixels = np.full((many, 1, 8, 6), 255, np.uint8)
    more = ImageSet.of(
        np.concatenate([ours.pixels, pixels]),
        np.r_[ours.labels, np.zeros(many, int)],
        ours.classes,
        np.r_[ours.patients, np.full(many, 10_000)],
    )
    for images in (ours, more):
        model.fit(images, Ledger(Budget(1.0, 1e-6)), Seeds(0))
    (without, _), (with_them, _) = released  # one release a fit
    assert 0.999 < np.linalg.norm(with_them - without) <= 1 + 1e-9


def test_the_budget_is_spent_on_one_release_with_the_noise_that_the_ledger_names(released):
    ledger = Ledger(Budget(2.0, 1e-6))
    load_image_model(NAME, QUICK).fit(scans(100), ledger, Seeds(0))
    assert [e.mechanism for e in ledger.entries] == ["gaussian"]
    assert 1.98 < ledger.spent <= 2.0
    assert [spread for _, spread in released] == [s.noise for s in ledger.spends]
    assert released[0][1] > 1
    with pytest.raises(BudgetError):
        load_image_model(NAME, QUICK).fit(scans(100), ledger, Seeds(0))


def test_nothing_is_read_but_the_release(released):
    """With what is released held fixed: many images, few, one class alone, none."""
    ours, model = scans(90), load_image_model(NAME, QUICK)
    others = scans(30, 7), ours.rows(ours.labels == 0), ours.rows(np.zeros(90, bool))
    found = [model.fit(x, Ledger(Budget(1.0, 1e-6)), Seeds(0)) for x in (ours, *others)]
    first = arrays_of(found[0])
    for other in map(arrays_of, found[1:]):
        assert all(np.array_equal(first[k], other[k]) for k in first)
    assert replace(found[0].frame, share=()) == replace(found[1].frame, share=())


def test_without_a_budget_there_is_no_noise_and_the_ledger_says_so(released):
    ledger = Ledger()
    load_image_model(NAME, QUICK).fit(scans(100), ledger, Seeds(0))
    assert not released and [e.mechanism for e in ledger.entries] == ["unprotected"]


def test_under_a_budget_classes_still_look_like_themselves():
    model = load_image_model(NAME, {"waves": 16, "parts": 4, "features": 500})
    drawn = model.fit(scans(4000), Ledger(Budget(3.0, 1e-6)), Seeds(0)).sample(400, Seeds(1))
    left = drawn.pixels[..., :3].mean((1, 2, 3)) - drawn.pixels[..., 3:].mean((1, 2, 3))
    assert ((left > 0) == (drawn.labels == 0)).mean() > 0.95
    assert 80 < (drawn.labels == 0).sum() < 160  # of 400, .3 in the real ones


def test_a_range_that_tells_of_patients_is_refused_before_anything_is_paid():
    wide = ImageSet.of(scans(40).pixels.astype(np.uint16) * 9, scans(40).labels, ("ill", "well"))
    ledger = Ledger(Budget(1.0, 1e-6))
    with pytest.raises(PlanError, match="8 bits"):
        load_image_model(NAME, QUICK).fit(wide, ledger, Seeds(0))
    assert not ledger.entries
