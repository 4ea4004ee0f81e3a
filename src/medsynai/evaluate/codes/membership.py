"""Membership: can an outsider tell whose codes the synthetic rows were made from?

Distances between sets of codes, where a code weighs the more the rarer it is: 1 - shared weight /
joint weight. One row a patient is attacked, as the unit is the patient.

- distance: a patient is accused if a synthetic row lies near (Chen et al. 2020, GAN-Leaks);
- density: ... if synthetic rows lie nearer than real rows of others do (van Breugel et al. 2023,
  DOMIAS), the reference being the half of the holdout that the patient is not in;
- rarest: ... if a synthetic row holds the two rarest codes of the patient together.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynai.data.codes import CodeMatrix
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.codes.trial import CodeTrial, Numbers, some
from medsynai.evaluate.score import Findings
from medsynai.seeds import Seeds

AIMED, ANCHOR, HELD = 2_000, 1_000, 50_000  # patients attacked; in anchors; rows of a release
NEIGHBOURS, BLOCK, WORST, LEAST = 5, 250, 0.10, 20
OUTSIDE = 100  # holdout patients, below which 1 % of them cannot be falsely accused
ATTACKS = ("distance", "density", "rarest")
_CARLINI = "Carlini et al. 2022; strongest of three attacks on sets of codes, Bonferroni"
HEADLINES = (
    Heading("membership_auc", "Membership: AUC of the strongest attack", _CARLINI, 0.5),
    Heading("membership_tpr_1", "Membership: rows found at 1 % false alarms", _CARLINI, 0.01),
    Heading(
        "membership_worst_auc",
        "Membership: AUC for the tenth of rows with the rarest codes",
        "Meeus et al. 2023 (Achilles' heels); strongest of three attacks, Bonferroni",
        0.5,
    ),
)


@dataclass(frozen=True)
class _Round:
    """An attack's aim and what the attacker holds; see `attacks/lineup.py`."""

    train: CodeMatrix
    holdout: CodeMatrix
    released: CodeMatrix


def measure(trial: CodeTrial) -> Findings:
    """Membership of patients; without a holdout every score is "not assessed"."""
    reason = obstacle(trial)
    if reason or trial.holdout is None:
        return Findings(tuple(h.absent(reason) for h in HEADLINES))
    weight = -np.log((trial.frequency + 1) / (len(np.unique(trial.train.patients)) + 2))
    found: dict[str, dict[str, Interval]] = {}
    n, few = 0, len(np.unique(trial.holdout.patients)) < OUTSIDE
    for name, round_ in _rounds(trial, trial.holdout).items():
        accused = _accuse(round_, weight.astype(np.float32))
        found[name] = _intervals(*accused)
        n = len(round_.train) if name == "synthetic" else n
    scores = (h.score({k: f[h.name] for k, f in found.items()}, n) for h in HEADLINES)
    absent = HEADLINES[1].absent(f"1 % of fewer than {OUTSIDE} holdout patients is nobody", n)
    return Findings(tuple(absent if few and s.name == absent.name else s for s in scores))


def obstacle(trial: CodeTrial) -> str:
    """Why an attack cannot be run, or ""."""
    if trial.holdout is None:
        return "needs a holdout"
    if min(len(trial.train), len(trial.holdout), len(trial.synthetic)) < LEAST:
        return f"needs at least {LEAST} train, holdout and synthetic rows"
    return ""


def _rounds(trial: CodeTrial, holdout: CodeMatrix) -> dict[str, _Round]:
    seeds = trial.seeds.of("membership")
    train, holdout = (_one_each(m, seeds.of(k)) for k, m in (("in", trial.train), ("out", holdout)))
    half = len(holdout) // 2
    fresh, other = holdout.rows(np.arange(half)), holdout.rows(np.arange(half, len(holdout)))

    def round_(released: CodeMatrix, outside: CodeMatrix, most: int, name: str) -> _Round:
        n = min(len(train), len(outside), most)
        held = some(released, HELD, seeds.of(name))
        return _Round(train.rows(np.arange(n)), outside.rows(np.arange(n)), held)

    return {
        "synthetic": round_(trial.synthetic, holdout, AIMED, "synthetic"),
        "control": round_(trial.copied, holdout, ANCHOR, "control"),
        "shuffled": round_(trial.shuffled, holdout, ANCHOR, "shuffled"),
        "holdout": round_(fresh, other, ANCHOR, "holdout"),
    }


def _one_each(matrix: CodeMatrix, seeds: Seeds) -> CodeMatrix:
    """One row of each patient, in random order."""
    order = seeds.numpy().permutation(len(matrix))
    _, first = np.unique(matrix.patients[order], return_index=True)
    return matrix.rows(order[np.sort(first)])


Scores = dict[str, Numbers]


def _accuse(round_: _Round, weight: Numbers) -> tuple[Scores, Scores, Numbers, Numbers]:
    """What each attack thinks of train and of holdout patients, and who of them has rare codes."""
    sides = (round_.train, round_.holdout)
    even = np.arange(len(round_.holdout)) % 2 == 0
    halves = (round_.holdout.rows(~even), round_.holdout.rows(even))
    scores = []
    for side in sides:
        near, rare = nearest(side, round_.released, weight)
        mine = np.arange(len(side)) % 2 == 0
        real = np.empty(len(side))
        for half, which in zip(halves, (mine, ~mine), strict=True):
            real[which] = nearest(side.rows(which), half, weight)[0].mean(axis=1)
        density = np.log(real + 0.05) - np.log(near.mean(axis=1) + 0.05)
        scores.append({"distance": -near[:, 0], "density": density, "rarest": rare})
    out = [side.present @ weight / np.maximum(side.widths, 1) for side in sides]
    cut = np.quantile(np.concatenate(out), 1 - WORST)
    return scores[0], scores[1], out[0] >= cut, out[1] >= cut


def nearest(rows: CodeMatrix, released: CodeMatrix, weight: Numbers) -> tuple[Numbers, Numbers]:
    """Distances to the nearest released rows, and whether one holds a row's two rarest codes.

    Args:
        rows: whom to look for.
        released: what is looked through.
        weight: (codes,) the rarer, the heavier.

    Returns:
        (rows, k) distances 0 to 1, nearest first; (rows,) the weight of the two rarest codes where
        they stand together in a released row, else 0.
    """
    held = released.present
    columns = held.T.tocsr()
    total = held @ weight
    k = min(NEIGHBOURS, len(released))
    near, rare = np.ones((len(rows), k)), np.zeros(len(rows))
    for start in range(0, len(rows), BLOCK):
        part = rows.present[start : start + BLOCK]
        weighed = part.multiply(weight[None, :]).tocsr()
        shared = (weighed @ columns).toarray()
        joint = (part @ weight)[:, None] + total[None, :] - shared
        similar = np.where(joint > 0, shared / np.maximum(joint, 1e-9), 1.0)
        best = -np.partition(-similar, k - 1, axis=1)[:, :k]
        near[start : start + BLOCK] = 1 - -np.sort(-best, axis=1)
        two = _rarest(part, weight)
        both = ((two @ columns).toarray() >= 2).any(axis=1)
        rare[start : start + BLOCK] = both * (two @ weight)
    return near, rare


def _rarest(present: Any, weight: Numbers) -> Any:
    """(rows, codes) ones at the two rarest codes of each row."""
    import scipy.sparse as sp

    rows = np.repeat(np.arange(present.shape[0]), np.diff(present.indptr))
    order = np.lexsort((-weight[present.indices], rows))
    rank = np.arange(len(rows)) - np.repeat(present.indptr[:-1], np.diff(present.indptr))
    kept = order[rank < 2]
    ones = np.ones(len(kept), np.float32)
    return sp.csr_array((ones, (rows[kept], present.indices[kept])), shape=present.shape)


def _intervals(inside: Scores, outside: Scores, far_in: Numbers, far_out: Numbers) -> Any:
    z = intervals.quantile_of(0.95, len(ATTACKS))
    pairs = [(inside[k], outside[k]) for k in ATTACKS]
    far = [(i[far_in], o[far_out]) for i, o in pairs]
    found: dict[str, list[Interval]] = {
        "membership_auc": [intervals.auc(i, o, z) for i, o in pairs],
        "membership_tpr_1": [intervals.tpr_at(i, o, 0.01, z) for i, o in pairs],
        "membership_worst_auc": [intervals.auc(i, o, z) for i, o in far],
    }
    return {k: intervals.largest(v) for k, v in found.items()}
