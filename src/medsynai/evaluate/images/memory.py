"""Does a synthetic image show a train patient? Near copies, shifted, mirrored, brighter or darker.

The share of synthetic images that lie nearer to a train image than the nearest twentieth of real
holdout images does: .05 if the generator copies no more than chance does. Equal-size shares of
"nearer to train than to holdout" have little power (a full copier scores .57), so they are not
used. Dar et al. 2025; Stein et al. 2023.
"""

from functools import partial
from itertools import product

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.nearness import Seen, cut, equal
from medsynai.evaluate.images.trial import LEAST, ImageTrial, Numbers
from medsynai.evaluate.score import Findings

CLOSE, SHIFT, BLOCK, CAP = 0.05, 2, 256, 2_000
ROUNDING = 1e-5  # less than that is no distance: images that differ by a gain alone are equal
NEAR_NOTE = "0.05 is what fresh real images score"
EXACT = Heading("copies_exact", "Synthetic images that equal a train image", "pixel by pixel")
NEAR = Heading(
    "image_near_copies",
    "Synthetic images nearer to a train image than 95 % of holdout images are",
    "one less the correlation of pixels, over shifts of two pixels and mirroring",
    CLOSE,
)
MEMBERSHIP = Heading(
    "membership_auc",
    "Membership: AUC of accusing by the nearest synthetic image",
    "Chen et al. 2020, GAN-Leaks, eq. 4, with the same distance; a patient by their nearest image",
    0.5,
)


def measure(trial: ImageTrial) -> Findings:
    """Exact copies, near copies and membership, each with a plain copy as positive control."""
    holdout = trial.holdout
    if holdout is None or min(len(trial.train), len(holdout), len(trial.synthetic)) < LEAST:
        reason = "needs a holdout" if holdout is None else f"needs at least {LEAST} images a side"
        return Findings(tuple(h.absent(reason) for h in (EXACT, NEAR, MEMBERSHIP)))
    rng = trial.seeds.of("memory").numpy()
    rounds = {
        "synthetic": cut(trial.synthetic, rng, CAP),
        "control": cut(trial.copied, rng, CAP),
        "shuffled": cut(trial.shuffled, rng, CAP),
    }
    seen = Seen(trial.train, holdout, rounds, partial(nearest, trial), CAP)
    same, near = seen.exact(lambda x: x.pixels, trial.synthetic), seen.near(rng, CLOSE)
    note = seen.doubt(near, trial.seeds.of("doubt").numpy(), CLOSE) or NEAR_NOTE
    scores = (
        EXACT.score(same, len(trial.synthetic), equal(same)),
        NEAR.score(near, len(rounds["synthetic"]), note),
        MEMBERSHIP.score(*seen.members(rng)),
    )
    return Findings(scores)


def likest(trial: ImageTrial, images: ImageSet, others: ImageSet) -> Numbers:
    """(images,) which of the others each is most like, as they lie."""
    alike = _normal(trial.look(images)) @ _normal(trial.look(others)).T
    found: Numbers = alike.argmax(1)
    return found


def nearest(trial: ImageTrial, images: ImageSet, others: ImageSet) -> Numbers:
    """(images,) one less the greatest correlation with any of the others, moved or mirrored."""
    mine, base = trial.look(images), _normal(trial.look(others))
    found = np.empty(len(mine))
    for begin in range(0, len(mine), BLOCK):
        part = mine[begin : begin + BLOCK]
        best = [(_normal(x) @ base.T).max(1) for x in _positions(part)]
        found[begin : begin + BLOCK] = 1 - np.max(best, axis=0)
    return np.where(found < ROUNDING, 0, found)


def _positions(pixels: Numbers) -> list[Numbers]:
    """Each image moved by up to two pixels along its last two axes, and mirrored."""
    steps = [s for s in product((-SHIFT, 0, SHIFT), repeat=2) if any(s)]
    moved = [np.roll(pixels, s, (-2, -1)) for s in steps]
    return [pixels, *moved, pixels[..., ::-1]]


def _normal(pixels: Numbers) -> Numbers:
    """(n, width) of mean 0 and length 1: gain and offset do not matter."""
    flat = pixels.reshape(len(pixels), -1)
    flat = flat - flat.mean(1, keepdims=True)
    found: Numbers = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    return found
