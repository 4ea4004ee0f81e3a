"""What every measure of images is given: the same images, baselines and ways of looking."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.data.pixels import PixelScale
from medsynai.errors import AssessmentError
from medsynai.seeds import Seeds

LEAST = 40  # images on every side
Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class ImageTrial:
    """Real and synthetic images of one size, type and list of classes.

    Attributes:
        train: the real images that the generator saw.
        holdout: real images of other patients; None if nobody has any.
        synthetic: the images to judge.
        baseline: what principal components draw, of each class as many as `synthetic` has or the
            holdout, whichever is less; None where nothing was fitted here.
    """

    train: ImageSet
    holdout: ImageSet | None
    synthetic: ImageSet
    seeds: Seeds
    baseline: ImageSet | None = None

    @cached_property
    def scale(self) -> PixelScale:
        """What is white and what is black, by the train images."""
        return PixelScale.of(self.train.pixels)

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What takes time to make and several measures use, by name."""
        return {}

    def look(self, images: ImageSet) -> Numbers:
        """(n, channels, *space) in [-1, 1], as stored numbers have it: no float gives any away."""
        return self.scale.forward(images.pixels)

    @cached_property
    def halves(self) -> tuple[ImageSet, ImageSet]:
        """Train images to learn a way of looking from, and those of other patients.

        The second half is the anchor: images that a lens was made of look other than fresh ones do.
        """
        _, patients = np.unique(self.train.patients, return_inverse=True)
        people = self.seeds.of("halves").numpy().permutation(int(patients.max(initial=0)) + 1)
        second = people[patients] % 2 == 1
        return self.train.rows(~second), self.train.rows(second)

    @cached_property
    def shuffled(self) -> ImageSet:
        """Baseline: each pixel dealt anew among the train images of its class."""
        rng, train = self.seeds.of("shuffled").numpy(), self.train
        pixels = train.pixels.copy()
        for k in np.unique(train.labels):
            mine = np.flatnonzero(train.labels == k)
            pixels[mine] = rng.permuted(train.pixels[mine], axis=0)
        return replace(train, pixels=pixels, patients=np.arange(len(train)), origin="synthetic")

    @cached_property
    def copied(self) -> ImageSet:
        """Positive control: train images drawn with replacement."""
        pick = self.seeds.of("copied").numpy().integers(0, len(self.train), len(self.train))
        part = self.train.rows(pick)
        return replace(part, patients=np.arange(len(part)), origin="synthetic")

    @cached_property
    def sides(self) -> "ImageSides":
        """Who stands against whom, in equal numbers and, class by class, in the holdout's shares.

        Raises:
            AssessmentError: no holdout, or fewer than 40 images on a side.
        """
        if self.holdout is None:
            raise AssessmentError("needs a holdout: real images that the generator never saw")
        candidates = (self.halves[1], self.synthetic, self.shuffled)
        n = self._matched(candidates)
        if n.sum() < LEAST:
            raise AssessmentError(f"needs at least {LEAST} images of its classes on every side")
        seeds = self.seeds.of("sides")
        reference = some(self.holdout, n, seeds.of("reference"))
        named = zip(("real", "synthetic", "shuffled"), candidates, strict=True)
        return ImageSides(reference, **{k: some(x, n, seeds.of(k)) for k, x in named})

    def _matched(self, candidates: tuple[ImageSet, ...]) -> Numbers:
        """(classes,) images that every side can give, in the holdout's shares."""
        assert self.holdout is not None
        return matched(self.holdout.counts, [c.counts for c in candidates])


@dataclass(frozen=True)
class ImageSides:
    """Candidates and the reference that each is compared with; `real` are of the second half."""

    reference: ImageSet
    real: ImageSet
    synthetic: ImageSet
    shuffled: ImageSet

    @property
    def candidates(self) -> dict[str, ImageSet]:
        """By name."""
        return {"synthetic": self.synthetic, "real": self.real, "shuffled": self.shuffled}


def matched(wanted: Numbers, able: list[Numbers]) -> Numbers:
    """(classes,) rows that every side can give, in the shares that are wanted.

    >>> matched(np.array([4, 2]), [np.array([8, 8]), np.array([3, 1])])
    array([2, 1])
    """
    there = wanted > 0
    if not there.any():
        return np.zeros_like(wanted)
    least = np.min(able, axis=0)
    part = min(1.0, float(np.min(least[there] / wanted[there])))
    return np.floor(part * wanted).astype(int)


def some(images: ImageSet, counts: Numbers, seeds: Seeds) -> ImageSet:
    """So many images of each class, drawn at random."""
    rng = seeds.numpy()
    order = rng.permutation(len(images))
    picks = [order[images.labels[order] == k][:n] for k, n in enumerate(counts)]
    return images.rows(np.concatenate(picks))
