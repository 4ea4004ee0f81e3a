"""Noisy moments: class means and one covariance of an image's coarse waves, each released once.

Dwork, Talwar, Thakurta and Zhang 2014, Analyze Gauss: optimal bounds for privacy-preserving
principal component analysis; class means as the central images of Gong et al. 2025, DPImageBench.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from medsynai.codec.image import frame_and_noise
from medsynai.codec.waves import cosines
from medsynai.data.images import ImageSet
from medsynai.generator import SEEDS, check_settings
from medsynai.models.eigenimages import Eigenimages
from medsynai.privacy.ledger import Ledger
from medsynai.privacy.moments import Weighed
from medsynai.saved import read_model
from medsynai.seeds import Seeds

PURPOSES = ("count the classes and average their images", "measure how images of a class differ")


@dataclass(frozen=True)
class ImageMoments:
    """Settings; all public.

    Attributes:
        waves: cosines of lowest frequency, of each channel, that an image is told by.
        reach, spread: the most that an image counts for in its class's mean, and its distance from
            there in the covariance: root mean squares of pixels, black -1 and white 1.
    """

    waves: int = 64
    reach: float = 0.6
    spread: float = 0.25
    name: ClassVar[str] = "image-moments"

    def __post_init__(self) -> None:
        check_settings(self.name, self, {"waves": 1, "reach": 0, "spread": 0})

    def fit(
        self, images: ImageSet, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> Eigenimages:
        """Learn from train images; under a budget by two noisy releases, else without noise.

        **Guarantee:** that of the ledger's budget, for adding or removing a patient. Names of the
        classes, size and stored type of the images count as public.

        Raises:
            PlanError: a budget, and images of more than 8 bits: their range tells of patients.
            ModelError: no budget, and no images or a class of too few patients.
        """
        frame, noise = frame_and_noise(images, ledger or Ledger(), PURPOSES)
        axes = cosines(images.channels, images.space, self.waves)
        far, wide = (x * math.sqrt(axes.shape[1]) for x in (self.reach, self.spread))
        seen = Weighed(frame.encode(images) @ axes.T, images.labels, images.patients, noise)
        counts, means = seen.means(len(images.classes), far)
        root = seen.root(means, wide, counts.sum())
        flat = np.zeros(frame.width)
        arrays = {"middle": flat, "axes": axes, "means": means, "rest": flat}
        arrays["roots"] = np.stack([root] * len(means))
        frame = replace(frame, share=tuple(float(s) for s in counts / counts.sum()))
        return Eigenimages(self, frame, {k: v.astype(np.float32) for k, v in arrays.items()})


load = partial(read_model, model="image-moments", settings=ImageMoments, build=Eigenimages.build)
