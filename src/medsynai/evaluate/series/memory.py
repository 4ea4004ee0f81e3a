"""Does a synthetic series show a train patient? Exact and near copies, moved in time, membership.

A series is compared with every train series as it lies and moved by up to two steps, each channel
in spreads of the train series: how far apart two recordings are, not how alike their shapes are.
"""

from functools import partial

import numpy as np

from medsynai.data.series import SeriesSet
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.nearness import Seen, cut, equal
from medsynai.evaluate.images.trial import LEAST, Numbers
from medsynai.evaluate.score import Findings
from medsynai.evaluate.series.trial import NO_HOLDOUT, SeriesTrial

CLOSE, SHIFT, BLOCK, CAP = 0.05, 2, 512, 2_000
EXACT = Heading("copies_exact", "Synthetic series that equal a train series", "number by number")
NEAR = Heading(
    "series_near_copies",
    "Synthetic series nearer to a train series than 95 % of holdout series are",
    "root mean squared distance in spreads of each channel, over shifts of two steps",
    CLOSE,
)
MEMBERSHIP = Heading(
    "membership_auc",
    "Membership: AUC of accusing by the nearest synthetic series",
    "Chen et al. 2020, GAN-Leaks, eq. 4, with the same distance; a patient by their nearest series",
    0.5,
)


def measure(trial: SeriesTrial) -> Findings:
    """Exact copies, near copies and membership, each with a plain copy as positive control."""
    holdout = trial.holdout
    if holdout is None or min(len(trial.train), len(holdout), len(trial.synthetic)) < LEAST:
        reason = NO_HOLDOUT if holdout is None else f"needs at least {LEAST} series a side"
        return Findings(tuple(h.absent(reason) for h in (EXACT, NEAR, MEMBERSHIP)))
    rng = trial.seeds.of("memory").numpy()
    released = {"synthetic": trial.synthetic, "control": trial.copied, "shuffled": trial.shuffled}
    rounds = {k: cut(x, rng, CAP) for k, x in released.items()}
    spread = np.maximum(trial.look(trial.train).std((0, 1)), 1e-9)
    seen = Seen(trial.train, holdout, rounds, partial(nearest, trial, spread), CAP)
    n = len(rounds["synthetic"])
    same, near = seen.exact(lambda x: x.values, trial.synthetic), seen.near(rng, CLOSE)
    note = seen.doubt(near, trial.seeds.of("doubt").numpy(), CLOSE)
    scores = (
        EXACT.score(same, len(trial.synthetic), equal(same)),
        NEAR.score(near, n, note or "0.05 is what fresh real series score"),
        MEMBERSHIP.score(*seen.members(rng)),
    )
    return Findings(scores)


def nearest(trial: SeriesTrial, spread: Numbers, items: SeriesSet, others: SeriesSet) -> Numbers:
    """(items,) the least distance to any of the others, moved by up to two steps."""
    base = (trial.look(others) / spread).reshape(len(others), -1)
    mine = trial.look(items) / spread
    square = (base**2).sum(1)
    found = np.empty(len(mine))
    for begin in range(0, len(mine), BLOCK):
        part = mine[begin : begin + BLOCK]
        best = [_least(moved(part, k), base, square) for k in range(-SHIFT, SHIFT + 1)]
        found[begin : begin + BLOCK] = np.min(best, axis=0)
    return np.sqrt(found / base.shape[1])


def moved(x: Numbers, k: int) -> Numbers:
    """(n, steps, channels) later by k steps; the end that is free holds its last value."""
    place = np.clip(np.arange(x.shape[1]) - k, 0, x.shape[1] - 1)
    return x[:, place]


def _least(x: Numbers, base: Numbers, square: Numbers) -> Numbers:
    flat = x.reshape(len(x), -1)
    found: Numbers = np.maximum((flat**2).sum(1) + (square - 2 * flat @ base.T).min(1), 0)
    return found
