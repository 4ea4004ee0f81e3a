"""Distances to the closest records: shown because people ask, never evidence of privacy.

A table can pass every test on them and still give its train rows away to a membership attack
(Yao et al. 2025, The DCR Delusion; Ganev and De Cristofaro 2025).
"""

import numpy as np

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import Effort, Round, obstacle, rounds
from medsynai.evaluate.attacks.space import Space, nearest
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

CAPTION = "information only: not evidence of privacy (Yao et al. 2025, The DCR Delusion)"
DCR_SHARE = Heading(
    "dcr_share",
    "Synthetic rows nearer to train than to holdout",
    "Platzer and Reutterer 2021",
    better="info",
)
DCR = Heading(
    "dcr_median",
    "Median distance to the closest train row",
    "Zhao et al. 2021, CTAB-GAN",
    better="info",
)
NNDR = Heading(
    "nndr_median",
    "Median ratio of the closest to the second closest train row",
    "Zhao et al. 2021, CTAB-GAN",
    better="info",
)
_EFFORT = Effort(rows=3_000, released=3_000)


def measure(trial: Trial) -> Findings:
    """Share nearer to train, median distance and median ratio; every score is information only."""
    headings = (DCR_SHARE, DCR, NNDR)
    reason = obstacle(trial)
    if reason or trial.holdout is None:
        return Findings(tuple(h.absent(f"{reason}; {CAPTION}") for h in headings))
    found = {k: _figures(r) for k, r in rounds(trial, _EFFORT, _EFFORT).items()}
    n = min(len(trial.synthetic), _EFFORT.released)
    scores = []
    for heading in headings:
        scores.append(heading.score({k: v[heading.name] for k, v in found.items()}, n, CAPTION))
    return Findings(tuple(scores))


def _figures(round_: Round) -> dict[str, Interval]:
    tables = (round_.train, round_.holdout, round_.released)
    space = Space.of(*tables)
    train, holdout, released = (space.place(t) for t in tables)
    near = nearest(released, train, 2)[0].astype(float)
    other = nearest(released, holdout, 1)[0][:, 0]
    nearer = np.where(np.isclose(near[:, 0], other), 0.5, near[:, 0] < other)
    ratio = (near[:, 0] + 1e-9) / (near[:, -1] + 1e-9)
    return {
        DCR_SHARE.name: intervals.wilson(float(nearer.sum()), len(nearer)),
        DCR.name: intervals.median(near[:, 0]),
        NNDR.name: intervals.median(ratio),
    }
