"""The baseline that stands beside every release of images, and what is said of it in words."""

import numpy as np

from medsynai.codec.classes import LABEL
from medsynai.data.images import ImageSet
from medsynai.evaluate.images.baseline import NAME, WORDS
from medsynai.evaluate.panel import Scorecard
from medsynai.generator import Condition, Wanted
from medsynai.models.catalog import load_image_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

MODEL = "pca"


def drawn_beside(
    train: ImageSet, made: ImageSet, held: ImageSet, ledger: Ledger, seeds: Seeds
) -> ImageSet:
    """What the baseline draws: of each class as many as were made, or as the holdout has.

    Args:
        train: what the model was fitted to.
        made: the images that will be judged.
        held: beside which they are judged.
        ledger: charged for the fit.
        seeds: all randomness.
    """
    fitted = load_image_model(MODEL, None).fit(train, ledger, seeds.of("fit"))
    parts = [
        fitted.sample(int(n), seeds.of("draw", k), Condition((Wanted(LABEL, (name,)),)))
        for k, (name, n) in enumerate(
            zip(train.classes, np.minimum(made.counts, held.counts), strict=True)
        )
        if n
    ]
    pixels = np.concatenate([p.pixels for p in parts]) if parts else train.pixels[:0]
    labels = np.concatenate([p.labels for p in parts]) if parts else train.labels[:0]
    return ImageSet(pixels, labels, train.classes, np.arange(len(labels)), "synthetic")


def said(name: str, found: Scorecard) -> tuple[str, ...]:
    """Whether the model beats the baseline, figure by figure; nothing where that was not asked.

    Args:
        name: of the model.
        found: the scores.
    """
    if NAME in found.skipped:
        return (f"{name} was not compared with the baseline {MODEL}: {found.skipped[NAME]}.",)
    figures = {row["figure"]: row for row in found.exhibits.get(NAME, ())}
    won: list[str] = []
    even: list[str] = []  # ahead by what chance may give
    lost: list[str] = []
    for key, words in WORDS.items():
        gain = found.score(f"beyond_pca_{key}")
        if gain is None or gain.value is None:
            continue
        row = figures[words]
        told = f"{words} ({row['synthetic']:.3f} against {row[MODEL]:.3f})"
        sure = gain.low is None or gain.low > 0
        (lost if gain.value <= 0 else won if sure else even).append(told)
    notes = []
    if lost:
        notes.append(
            f"{name} does not beat the baseline {MODEL}, which is fitted in seconds, on "
            f"{' nor on '.join(lost)}."
        )
    if even:
        notes.append(
            f"{name} is ahead of the baseline {MODEL} by no more than chance may give on "
            f"{' and on '.join(even)}."
        )
    if won:
        notes.append(f"{name} beats the baseline {MODEL} on {' and on '.join(won)}.")
    return tuple(notes)
