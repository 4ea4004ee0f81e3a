"""Fitted principal components of images or series, and how they are drawn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.codec.framing import AnyFrame, from_facts, to_facts
from medsynai.data.schema import Schema
from medsynai.generator import FREE, SEEDS, Condition, check_draw
from medsynai.saved import Saved, write_model
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Eigenimages:
    """Means and covariances of the components; never an image.

    Attributes:
        settings, frame: of the model that was fitted, and of its images.
        arrays: `axes` (d, width) of the scores, and what is beside them: `middle`, `rest` (width,);
            `means` (classes, d) of the scores. Where `shares` (classes, parts) are, each class has
            so many normal distributions, and `means` are (classes * parts, d). `roots` of their
            covariances, (m, d, r), come round again.
    """

    settings: Any
    frame: AnyFrame
    arrays: store.Arrays

    @property
    def classes(self) -> tuple[str, ...]:
        """What may be asked for."""
        return self.frame.classes

    def sample(self, n: int, seeds: Seeds = SEEDS, condition: Condition = FREE) -> Any:
        """Draw exactly `n` images; see `medsynai.generator.FittedImages.sample`.

        Raises:
            PlanError: n below 1.
            ConditionError: a condition on anything but a known label.
        """
        check_draw(n)
        a, rng = self.arrays, seeds.of("pixels").numpy()
        labels = self.frame.draw_labels(n, condition, seeds.of("labels").numpy())
        scores = np.empty((n, len(a["axes"])), np.float32)
        parts = self._parts(labels, rng)
        for k in np.unique(parts):
            mine, root = parts == k, a["roots"][k % len(a["roots"])]
            normal = rng.standard_normal((int(mine.sum()), root.shape[1]))
            scores[mine] = a["means"][k] + normal @ root.T
        rest = rng.standard_normal((n, self.frame.width)) * a["rest"]
        return self.frame.decode(a["middle"] + scores @ a["axes"] + rest, labels)

    def _parts(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n,) rows of `means` that images of these classes come from."""
        if "shares" not in self.arrays:
            return labels
        ends = np.cumsum(self.arrays["shares"], axis=1)[labels]
        place = (rng.random((len(labels), 1)) * ends[:, -1:] > ends[:, :-1]).sum(axis=1)
        found: np.ndarray = labels * ends.shape[1] + place
        return found

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        facts = to_facts(self.frame)
        saved = Saved(self.settings.name, self.settings, Schema(()), facts, self.arrays)
        write_model(folder, saved)

    @staticmethod
    def build(whole: Saved) -> "Eigenimages":
        """The inverse of `save`."""
        frame = from_facts(dict(whole.facts))
        if whole.arrays["axes"].shape[1] != frame.width:
            raise ValueError("the components are not of these images")
        return Eigenimages(whole.settings, frame, whole.arrays)
