"""Copies: does the release hold more train patients' sets of codes than fresh real rows would?

Many patients have the same few codes, so copies by themselves say little. What counts is the
excess over the holdout's own share. Rows without any code are left out.
"""

import numpy as np

from medsynai.data.codes import CodeMatrix
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.codes.membership import obstacle
from medsynai.evaluate.codes.trial import CodeTrial, Numbers
from medsynai.evaluate.score import Findings

_SOURCE = "share of rows less the holdout's own share; Newcombe 1998, method 10"
EXACT = Heading("copies_exact", "Synthetic rows that equal a train row, in excess", _SOURCE)
UNIQUE = Heading(
    "copies_unique", "Synthetic rows that equal a train row of its own kind, in excess", _SOURCE
)


def measure(trial: CodeTrial) -> Findings:
    """Exact copies, and copies of rows that a single train row has; exhibit "copies"."""
    reason = obstacle(trial)
    if reason or trial.holdout is None:
        return Findings(tuple(h.absent(reason) for h in (EXACT, UNIQUE)))
    draw = trial.seeds.of("copies").numpy().integers(1, 2**63, len(trial.train.codes))
    train, counts = np.unique(_hashes(trial.train, draw), return_counts=True)
    known = {EXACT.name: train, UNIQUE.name: train[counts == 1]}
    sides = {
        "synthetic": trial.synthetic,
        "control": trial.copied,
        "shuffled": trial.shuffled,
        "fresh": trial.holdout,
    }
    shares = {name: _shares(_hashes(matrix, draw), known) for name, matrix in sides.items()}
    fresh, scores = shares.pop("fresh"), []
    for heading in (EXACT, UNIQUE):
        excess = {k: intervals.difference(v[heading.name], fresh[heading.name])
                  for k, v in shares.items()}  # fmt: skip
        excess["holdout"] = Interval(0.0, 0.0, 0.0)
        said = [shares["synthetic"][heading.name].value, fresh[heading.name].value]
        note = f"{said[0]:.2%} of synthetic rows, {said[1]:.2%} of holdout rows"
        scores.append(heading.score(excess, len(trial.synthetic), note))
    table = {
        h.name: {k: round(v[h.name].value, 5) for k, v in (shares | {"holdout": fresh}).items()}
        for h in (EXACT, UNIQUE)
    }
    return Findings(tuple(scores), {"copies": {"rows": len(trial.synthetic), "shares": table}})


def _hashes(matrix: CodeMatrix, draw: Numbers) -> Numbers:
    """(rows with codes,) a 64-bit number for each row's codes and how often each stands there."""
    words = draw.astype(np.uint64)[matrix.counts.indices] * matrix.counts.data.astype(np.uint64)
    ends = matrix.counts.indptr[:-1][matrix.widths > 0]
    found: Numbers = np.add.reduceat(words, ends) if len(ends) else np.zeros(0, np.uint64)
    return found


def _shares(hashes: Numbers, known: dict[str, Numbers]) -> dict[str, Interval]:
    return {
        name: intervals.wilson(int(np.isin(hashes, those).sum()), len(hashes))
        for name, those in known.items()
    }
