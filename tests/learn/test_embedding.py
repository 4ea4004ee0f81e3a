"""The mixture behind a mean embedding: what it says is what it draws, and noise is left out."""

import numpy as np
import torch

from medsynai.codec.embedding import embedded, frequencies
from medsynai.codec.image import Frame
from medsynai.data.pixels import PixelScale
from medsynai.learn.embedding import Blend, Told, fit_blend
from medsynai.models.eigenimages import Eigenimages
from medsynai.seeds import Seeds

WAVES = 6


def two_kinds(n: int, rng: np.random.Generator, far: float = 2.0) -> np.ndarray:
    """(n, WAVES): a third around -far, the others around far, in the first wave."""
    rows = rng.normal(0, 0.5, (n, WAVES))
    rows[:, 0] += np.where(rng.random(n) < 1 / 3, -far, far)
    return rows


def told_of(groups: list[np.ndarray], noise: float, rng: np.random.Generator) -> Told:
    at = frequencies(WAVES, 200, 2.0, np.random.default_rng(1))
    sums = np.stack([embedded(rows, at).sum(0) for rows in groups])
    counts = np.array([float(len(rows)) for rows in groups])
    return Told(counts, sums + rng.normal(0, 1, sums.shape) * noise, noise, at)


def drawn(arrays: dict[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of images and their classes, by the fitted model's own way of drawing."""
    classes = tuple("abc"[: len(arrays["shares"])])
    scale = PixelScale(-50.0, 50.0, "float64")
    frame = Frame(1, (WAVES, 1), scale, classes, (1.0,) * len(classes), 0.0, 0.02)
    nil = np.zeros(WAVES)
    whole = {**arrays, "axes": np.eye(WAVES), "middle": nil, "rest": nil}
    images = Eigenimages(None, frame, whole).sample(n, Seeds(2))
    return images.pixels.reshape(n, WAVES), images.labels


def test_the_embedding_of_a_blend_is_the_mean_of_what_it_draws():
    told = told_of([np.zeros((1, WAVES))] * 2, 0.0, np.random.default_rng(0))
    blend = Blend(2, WAVES, 3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for weight in blend.parameters():
            weight.add_(0.7 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
        said = blend(torch.from_numpy(told.at).float()).numpy()
        parts = {"shares": blend.shares, "means": blend.means.flatten(0, 1), "roots": blend.roots}
    rows, labels = drawn({k: v.detach().numpy() for k, v in parts.items()}, 40_000)
    for k in (0, 1):
        seen = embedded(rows[labels == k], told.at).mean(0)
        assert np.linalg.norm(seen - said[k]) < 3 / np.sqrt(20_000)
    assert np.linalg.norm(said[0] - said[1]) > 0.1


def test_a_mixture_is_found_again_from_noisy_sums():
    rng = np.random.default_rng(3)
    told = told_of([two_kinds(4000, rng)], 3.0, rng)
    rows, _ = drawn(fit_blend(told, 4, 300, Seeds(0)), 4000)
    left = rows[:, 0] < 0
    assert abs(left.mean() - 1 / 3) < 0.06
    assert abs(rows[left, 0].mean() + 2) < 0.25 and abs(rows[~left, 0].mean() - 2) < 0.25
    assert np.abs(rows[:, 1:].std(0) - 0.5).max() < 0.15


def test_a_class_of_few_is_drawn_as_the_others_and_a_class_of_many_as_itself():
    rng = np.random.default_rng(4)
    groups = [rng.normal(mean, 0.5, (n, WAVES)) for mean, n in ((0, 4000), (1, 4000), (1, 4))]
    arrays = fit_blend(told_of(groups, 3.0, rng), 2, 300, Seeds(0))
    middles = (arrays["shares"][:, :, None] * arrays["means"].reshape(3, 2, WAVES)).sum(1)
    assert np.abs(middles[0]).max() < 0.2 and np.abs(middles[1] - 1).max() < 0.2
    assert np.linalg.norm(middles[2]) < 3  # of noise alone, four patients' mean would be anywhere


def test_the_same_seed_finds_the_same():
    told = told_of([two_kinds(100, np.random.default_rng(0))], 0.0, np.random.default_rng(0))
    one, again, other = (fit_blend(told, 2, 5, Seeds(k)) for k in (0, 0, 1))
    assert all(np.array_equal(one[k], again[k]) for k in one)
    assert not np.array_equal(one["means"], other["means"])
