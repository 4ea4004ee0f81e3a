"""Pictures: synthetic images for the report, and real ones for the internal part alone."""

from typing import Any

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.data.pixels import PixelScale
from medsynai.evaluate.images.memory import likest
from medsynai.evaluate.images.trial import ImageTrial, Numbers
from medsynai.evaluate.score import Findings

EACH, ROWS = 12, 12


def measure(trial: ImageTrial) -> Findings:
    """Exhibit "images": a row of synthetic images of each class.

    Internal "pictures": the same of real ones, and synthetic images beside the train images that
    they are most like.
    """
    rng = trial.seeds.of("pictures").numpy()
    exhibit = {"channels": trial.train.channels, "rows": _by_class(trial, trial.synthetic, rng)}
    pick = rng.permutation(len(trial.synthetic))[: EACH * 2]
    mine = trial.synthetic.rows(pick)
    near = trial.train.rows(likest(trial, mine, trial.train))
    pairs = [p for pair in zip(_flat(trial, mine), _flat(trial, near), strict=True) for p in pair]
    lines = [{"label": "", "images": pairs[i : i + EACH]} for i in range(0, len(pairs), EACH)]
    internal = {
        "Real images by class": {**exhibit, "rows": _by_class(trial, trial.train, rng)},
        "Synthetic images by class": exhibit,
        "Synthetic images, each followed by the train image most like it": {
            **exhibit,
            "rows": lines,
        },
    }
    return Findings((), {"images": exhibit}, {"pictures": internal})


def _by_class(
    trial: ImageTrial, images: ImageSet, rng: np.random.Generator
) -> list[dict[str, Any]]:
    order = rng.permutation(len(images))
    rows = []
    for k, label in enumerate(images.classes[:ROWS]):
        mine = order[images.labels[order] == k][:EACH]
        if len(mine):
            rows.append({"label": label, "images": _flat(trial, images.rows(mine))})
    return rows


def _flat(trial: ImageTrial, images: ImageSet) -> list[Any]:
    return plain(trial.scale, images)


def plain(scale: PixelScale, images: ImageSet) -> list[Any]:
    """Each image as nested lists of 0 to 255, (height, width) or (height, width, 3).

    Of a volume the middle slice is shown.
    """
    pixels: Numbers = scale.forward(images.pixels)
    if pixels.ndim == 5:
        pixels = pixels[:, :, pixels.shape[2] // 2]
    grey = np.rint((pixels + 1) * 127.5).astype(int)
    shown = np.moveaxis(grey[:, :3], 1, -1) if grey.shape[1] >= 3 else grey[:, 0]
    found: list[Any] = shown.tolist()
    return found
