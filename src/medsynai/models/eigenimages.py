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
    """Means and covariances of the components; never an image."""

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
        for k in np.unique(labels):
            mine = labels == k
            normal = rng.standard_normal((int(mine.sum()), scores.shape[1]))
            scores[mine] = a["means"][k] + normal @ a["roots"][k].T
        rest = rng.standard_normal((n, self.frame.width)) * a["rest"]
        return self.frame.decode(a["middle"] + scores @ a["axes"] + rest, labels)

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
