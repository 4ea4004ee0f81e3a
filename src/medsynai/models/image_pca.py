"""Principal components with a shrunken Gaussian a class: the baseline that a network must beat.

Turk and Pentland 1991, Eigenfaces for recognition; Ledoit and Wolf 2004, A well-conditioned
estimator for large-dimensional covariance matrices.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from medsynai.codec.framing import Labelled, frame_of
from medsynai.generator import SEEDS, check_settings
from medsynai.models.eigenimages import Eigenimages
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import read_model
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class ImagePca:
    """Settings; all public.

    Attributes:
        components: principal components at most.
        per_component: train images that stand behind a component at least.
    """

    components: int = 200
    per_component: int = 4
    name: ClassVar[str] = "pca"

    def __post_init__(self) -> None:
        check_settings(self.name, self, {"components": 1, "per_component": 1})

    def fit(
        self, images: Labelled, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> Eigenimages:
        """Learn from train images; see `medsynai.generator.ImageGenerator.fit`.

        Raises:
            ModelError: no images, or a class of too few patients.
        """
        from sklearn.covariance import ledoit_wolf
        from sklearn.decomposition import PCA

        note = "components of the pixels, a mean and a covariance a class; without noise"
        (ledger or Ledger()).charge(Release("fit the principal components", note=note))
        frame = frame_of(images)
        rows = frame.encode(images)
        most = max(1, min(self.components, len(rows) // self.per_component, rows.shape[1]))
        found = PCA(most, svd_solver="randomized", random_state=seeds.of("pca").integer())
        scores = found.fit_transform(rows)
        left = rows - found.inverse_transform(scores)
        means, roots = [], []
        for k, share in enumerate(frame.share):
            mine = scores[images.labels == k] if share else np.zeros((1, most))
            covariance = ledoit_wolf(mine)[0] if share else np.zeros((most, most))
            means.append(mine.mean(0))
            values, vectors = np.linalg.eigh(covariance)
            roots.append(vectors * np.sqrt(np.maximum(values, 0)))
        arrays = {
            "middle": found.mean_,
            "axes": found.components_,
            "means": np.stack(means),
            "roots": np.stack(roots),
            "rest": left.std(0),
        }
        return Eigenimages(self, frame, {k: v.astype(np.float32) for k, v in arrays.items()})


load = partial(read_model, model="pca", settings=ImagePca, build=Eigenimages.build)
