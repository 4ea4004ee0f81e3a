"""Principal components with a shrunken Gaussian a class: the baseline that a network must beat.

Turk and Pentland 1991, Eigenfaces for recognition; Ledoit and Wolf 2004, A well-conditioned
estimator for large-dimensional covariance matrices.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from medsynai import store
from medsynai.codec.image import Frame
from medsynai.data.images import ImageSet
from medsynai.data.schema import Schema
from medsynai.generator import FREE, SEEDS, Condition, check_draw, check_settings
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import Saved, read_model, write_model
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
        self, images: ImageSet, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> "FittedPca":
        """Learn from train images; see `medsynai.generator.ImageGenerator.fit`.

        Raises:
            ModelError: no images, or a class of too few patients.
        """
        from sklearn.covariance import ledoit_wolf
        from sklearn.decomposition import PCA

        note = "components of the pixels, a mean and a covariance a class; without noise"
        (ledger or Ledger()).charge(Release("fit the principal components", note=note))
        frame = Frame.of(images)
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
        return FittedPca(self, frame, {k: v.astype(np.float32) for k, v in arrays.items()})


@dataclass(frozen=True)
class FittedPca:
    """Means and covariances of the components; never an image."""

    settings: ImagePca
    frame: Frame
    arrays: store.Arrays

    @property
    def classes(self) -> tuple[str, ...]:
        """What may be asked for."""
        return self.frame.classes

    def sample(self, n: int, seeds: Seeds = SEEDS, condition: Condition = FREE) -> ImageSet:
        """Draw exactly `n` images; see `medsynai.generator.FittedImages.sample`.

        Raises:
            PlanError: n below 1.
            ConditionError: a condition on anything but a known label.
        """
        check_draw(n)
        a, rng = self.arrays, seeds.of("pixels").numpy()
        labels = self.frame.draw_labels(n, condition, seeds.of("labels").numpy())
        scores = np.empty((n, len(a["axes"])), np.float32)
        for k in np.unique(labels):
            mine = labels == k
            normal = rng.standard_normal((int(mine.sum()), scores.shape[1]))
            scores[mine] = a["means"][k] + normal @ a["roots"][k].T
        rest = rng.standard_normal((n, self.frame.width)) * a["rest"]
        return self.frame.decode(a["middle"] + scores @ a["axes"] + rest, labels)

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        facts = {"frame": store.to_plain(self.frame)}
        saved = Saved(self.settings.name, self.settings, Schema(()), facts, self.arrays)
        write_model(folder, saved)

    @staticmethod
    def build(whole: Saved) -> "FittedPca":
        """The inverse of `save`."""
        frame = store.from_plain(Frame, whole.facts["frame"], "frame")
        if whole.arrays["axes"].shape[1] != frame.width:
            raise ValueError("the components are not of these images")
        return FittedPca(whole.settings, frame, whole.arrays)


load = partial(read_model, model="pca", settings=ImagePca, build=FittedPca.build)
