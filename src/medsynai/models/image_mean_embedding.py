"""DP-MERF: one noisy mean of random features a class, and a mixture fitted to what it says.

Harder, Adamczewski and Park 2021, DP-MERF: Differentially private mean embeddings.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from medsynai.codec.embedding import Waves, embedded, frequencies
from medsynai.codec.image import frame_and_noise
from medsynai.data.images import ImageSet
from medsynai.generator import SEEDS, check_settings
from medsynai.learn.embedding import Told, fit_blend
from medsynai.models.eigenimages import Eigenimages
from medsynai.privacy.ledger import Ledger
from medsynai.privacy.moments import Weighed
from medsynai.saved import read_model
from medsynai.seeds import Seeds

PURPOSES = ("count the classes and average their random features",)


@dataclass(frozen=True)
class ImageMeanEmbedding:
    """Settings; all public.

    Attributes:
        waves: cosines of lowest frequency, of each channel, that an image is told by.
        features: frequencies of these waves; each gives a cosine and a sine.
        length: of the kernel, in usual spreads of a wave; half and twice of it as well.
        parts: normal distributions that classes share.
        steps: of the fit to what was released.
    """

    waves: int = 64
    features: int = 2000
    length: float = 4.0
    parts: int = 16
    steps: int = 300
    name: ClassVar[str] = "image-mean-embedding"

    def __post_init__(self) -> None:
        least = dict.fromkeys(("waves", "features", "parts", "steps"), 1)
        check_settings(self.name, self, least | {"length": 1e-3})

    def fit(
        self, images: ImageSet, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> Eigenimages:
        """Learn from train images; under a budget by one noisy release, else without noise.

        **Guarantee:** that of the ledger's budget, for adding or removing a patient. Names of the
        classes, size and stored type of the images count as public.

        Raises:
            PlanError: a budget, and images of more than 8 bits: their range tells of patients.
            ModelError: no budget, and no images or a class of too few patients.
        """
        frame, noise = frame_and_noise(images, ledger or Ledger(), PURPOSES)
        waves = Waves.of(images.channels, images.space, self.waves)
        at = frequencies(len(waves.axes), self.features, self.length, seeds.of("at").numpy())
        seen = Weighed(waves.told(frame.encode(images)), images.labels, images.patients, noise)
        counts, sums = seen.sums(len(images.classes), 1.0, lambda told: embedded(told, at))
        blend = fit_blend(Told(counts, sums, seen.spread, at), self.parts, self.steps, seeds)
        flat = dict.fromkeys(("middle", "rest"), np.zeros(frame.width))
        arrays = {"axes": waves.axes, **waves.unscaled(blend), **flat}
        frame = replace(frame, share=tuple(float(s) for s in counts / counts.sum()))
        return Eigenimages(self, frame, {k: v.astype(np.float32) for k, v in arrays.items()})


load = partial(
    read_model, model=ImageMeanEmbedding.name, settings=ImageMeanEmbedding, build=Eigenimages.build
)
