"""A finished release of images in memory, and the folder it becomes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.imagefiles import SINGLE, write_images
from medsynai.data.images import ImageSet, ImageSource
from medsynai.evaluate.policy import Verdict
from medsynai.evaluate.score import Score
from medsynai.flow import folder as names
from medsynai.flow.images.maker import ImageMaker
from medsynai.flow.images.pictures import write_pictures
from medsynai.flow.internal import write_internal
from medsynai.flow.plan import Plan
from medsynai.flow.release import write_papers
from medsynai.report.evidence import Evidence
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class ImageRelease:
    """Synthetic images with their evidence; see `medsynai.flow.release.Release`.

    Attributes:
        images: what is released.
        source: the form of the real files, which they are written in.
        maker: draws more; None where the images are real.
        internal: for the owner of the real data alone; its pictures show real patients' images.
    """

    images: ImageSet
    source: ImageSource
    plan: Plan
    evidence: Evidence
    maker: ImageMaker | None
    internal: dict[str, Any] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """A row an image: its number and its label."""
        labels = np.array(self.images.classes, dtype=object)[self.images.labels]
        return pd.DataFrame({"image": np.arange(1, len(labels) + 1), "label": labels})

    @property
    def scores(self) -> tuple[Score, ...]:
        """Every score, in the panel's order."""
        return self.evidence.scores

    @property
    def verdict(self) -> Verdict:
        """What the policy says of the scores."""
        verdict: Verdict = self.evidence.verdict
        return verdict

    def save(self, folder: Path | str, overwrite: bool = False) -> Path:
        """Write the release folder, whole or not at all; returns its path.

        Raises:
            FolderError: the folder exists (and is not to be overwritten), or cannot be written.
        """
        target = Path(folder)
        with names.staged(target, overwrite) as place:
            file = place / (names.SYNTHETIC + SINGLE.get(self.source.layout, ""))
            seeds = Seeds(self.plan.seed).of("files", self.plan.draw)
            write_images(self.images, self.source, file, seeds)
            write_papers(place, self.plan, self.evidence, self.maker)
            rest = {k: v for k, v in self.internal.items() if k != "pictures"}
            write_internal(place / names.INTERNAL, rest)
            write_pictures(place / names.INTERNAL, self.internal.get("pictures"))
        return target
