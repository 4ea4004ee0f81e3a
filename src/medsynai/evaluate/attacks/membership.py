"""Membership: can an outsider tell whose rows the synthetic data were made from?

Three attacks, the strongest of which is the headline (no single one wins everywhere):

- distance: a row is accused if a synthetic row lies near (Chen et al. 2020, GAN-Leaks);
- density: ... if synthetic rows lie nearer than real rows do (van Breugel et al. 2023, DOMIAS),
  the densities by a Laplace kernel over the nearest rows;
- learned: a classifier on all such distances, fitted on other rows whose membership the attacker
  happens to know, so the rows that it is judged on were never shown to it.

The reference rows of the last two are the half of the holdout that the row is not in.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import Effort, Round, obstacle, rounds
from medsynai.evaluate.attacks.space import Points, Space, nearest
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial
from medsynai.seeds import Seeds

Numbers = np.ndarray[Any, np.dtype[Any]]

NEIGHBOURS = 10
WORST = 0.10  # share of rows that count as outlying
ATTACKS = {
    "distance": "Chen et al. 2020, GAN-Leaks",
    "density": "van Breugel et al. 2023, DOMIAS",
    "learned": "Shokri et al. 2017, attack model; features as in the MIDST 2025 ensembles",
}
_CARLINI = "Carlini et al. 2022; strongest of three attacks, Bonferroni"
HEADLINES = (
    Heading("membership_auc", "Membership: AUC of the strongest attack", _CARLINI, 0.5),
    Heading("membership_tpr_1", "Membership: rows found at 1 % false alarms", _CARLINI, 0.01),
    Heading("membership_tpr_10", "Membership: rows found at 10 % false alarms", _CARLINI, 0.10),
    Heading(
        "membership_advantage",
        "Membership: share found less share falsely accused",
        "Yeom et al. 2018; cross-fitted cut; strongest of three attacks, Bonferroni",
    ),
    Heading(
        "membership_worst_auc",
        "Membership: AUC for the tenth of rows that lie furthest out",
        "Meeus et al. 2023 (Achilles' heels); strongest of three attacks, Bonferroni",
        0.5,
    ),
    Heading(
        "membership_worst_tpr_10",
        "Membership: outlying rows found at 10 % false alarms among outlying holdout rows",
        "Meeus et al. 2023 (Achilles' heels); strongest of three attacks, Bonferroni",
        0.10,
    ),
)
EACH = tuple(
    Heading(f"membership_{name}_auc", f"Membership: AUC of the {name} attack", source, 0.5)
    for name, source in ATTACKS.items()
)


@dataclass(frozen=True)
class Accusations:
    """What each attack thinks of each row: the higher, the more it looks like a train row.

    Attributes:
        inside: (train rows,) by attack.
        outside: (holdout rows,) by attack.
        far_inside, far_outside: masks of the outlying rows, by one cut for both.
    """

    inside: dict[str, Numbers]
    outside: dict[str, Numbers]
    far_inside: Numbers
    far_outside: Numbers


def measure(trial: Trial, effort: Effort | None = None) -> Findings:
    """Membership scores of the release, with exhibit "membership" (rates only).

    Args:
        trial: rows under judgement; without a holdout every score is "not assessed".
        effort: how many rows to look at.
    """
    headings = HEADLINES + EACH
    reason = obstacle(trial)
    if reason:
        return Findings(tuple(h.absent(reason) for h in headings))
    played = rounds(trial, effort or Effort())
    accused = {
        name: accuse(round_, trial.seeds.of("membership", name)) for name, round_ in played.items()
    }
    found = {name: _intervals(a) for name, a in accused.items()}
    n, few = len(played["synthetic"].train), int(accused["synthetic"].far_inside.sum())
    scores = tuple(
        h.score({name: f[h.name] for name, f in found.items()}, few if "worst" in h.name else n)
        for h in headings
    )
    return Findings(scores, {"membership": _exhibit(accused["synthetic"], found["synthetic"])})


def accuse(round_: Round, seeds: Seeds) -> Accusations:
    """Run the three attacks on one round."""
    tables = (round_.train, round_.holdout, round_.released)
    space = Space.of(*tables)
    inside, outside, released = (space.place(t) for t in tables)
    near = [_Near.of(p, released, outside, p is outside) for p in (inside, outside)]
    scale = _scale(near[1].real[:, 0])
    traits = [_traits(x, scale) for x in near]
    learned = _learn(traits[0], traits[1], seeds)
    scores = [
        {"distance": -x.released[:, 0], "density": _density(x, scale), "learned": guess}
        for x, guess in zip(near, learned, strict=True)
    ]
    # how far out a row lies is read from the same reference rows on both sides
    out = [x.real.mean(axis=1) for x in near]
    cut = np.quantile(np.concatenate(out), 1 - WORST)
    return Accusations(scores[0], scores[1], out[0] >= cut, out[1] >= cut)


@dataclass(frozen=True)
class _Near:
    """Distances of rows to released rows and to reference rows, nearest first."""

    released: Numbers  # (rows, k)
    real: Numbers  # (rows, k')
    parts: Numbers  # (rows, 4): to the nearest: numbers' sum and largest, codes unlike, equal

    @staticmethod
    def of(points: Points, released: Points, holdout: Points, is_holdout: bool) -> "_Near":
        d, at = nearest(points, released, NEIGHBOURS)
        return _Near(d, _real(points, holdout, is_holdout), _parts(points, released, at))


def _real(points: Points, holdout: Points, is_holdout: bool) -> Numbers:
    """Distances to the half of the holdout that the row is not in; train rows take turns."""
    even = np.arange(len(holdout)) % 2 == 0
    k = min(NEIGHBOURS, int((~even).sum()))
    mine = even if is_holdout else np.arange(len(points)) % 2 == 0
    found = np.empty((len(points), k), np.float32)
    found[mine] = nearest(points.rows(mine), holdout.rows(~even), k)[0]
    found[~mine] = nearest(points.rows(~mine), holdout.rows(even), k)[0]
    return found


def _parts(points: Points, released: Points, at: Numbers) -> Numbers:
    """How the nearest released row differs, numbers and codes apart."""
    first = released.rows(at[:, 0])
    gaps = np.abs(points.numbers - first.numbers)
    return np.column_stack(
        [
            gaps.sum(axis=0),
            gaps.max(axis=0, initial=0),
            (points.codes != first.codes).sum(axis=0),
            (gaps == 0).sum(axis=0),  # numbers repeated to the last digit
        ]
    )


def _scale(distances: Numbers) -> float:
    """The kernel's width: the usual distance of a real row to its nearest real row."""
    positive = distances[distances > 0]
    return float(np.median(positive)) if len(positive) else 1.0


def _density(near: _Near, scale: float) -> Numbers:
    """Log density of released rows less that of real rows; a Laplace kernel over the nearest."""
    from scipy.special import logsumexp

    ratio: Numbers = logsumexp(-near.released / scale, axis=1) - logsumexp(
        -near.real / scale, axis=1
    )
    return ratio


def _traits(near: _Near, scale: float) -> Numbers:
    """(rows, features) for the learned attack."""
    d, r = np.log1p(near.released / scale), np.log1p(near.real / scale)
    tiny = 1e-3 * scale
    ratios = (near.released[:, :1] + tiny) / (near.released[:, 1:] + tiny)
    calibrated = np.log((near.released[:, 0] + tiny) / (near.real[:, 0] + tiny))
    wide = np.log((near.released.mean(axis=1) + tiny) / (near.real.mean(axis=1) + tiny))
    return np.column_stack([d, r, ratios, calibrated, wide, _density(near, scale), near.parts])


def _learn(inside: Numbers, outside: Numbers, seeds: Seeds) -> tuple[Numbers, Numbers]:
    """Each row's odds of membership from models fitted on the other folds."""
    traits = np.concatenate([inside, outside])
    labels = np.repeat([1, 0], [len(inside), len(outside)])
    folds = np.concatenate([np.arange(len(inside)) % 5, np.arange(len(outside)) % 5])
    guess = np.empty(len(labels))
    for fold in range(5):
        held = folds == fold
        guess[held] = _fit_and_score(traits[~held], labels[~held], traits[held], seeds)
    return guess[: len(inside)], guess[len(inside) :]


def _fit_and_score(traits: Numbers, labels: Numbers, held: Numbers, seeds: Seeds) -> Numbers:
    """Mean of a logistic model and boosted trees: the one for few rows, the other for many."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = [
        make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300)),
        HistGradientBoostingClassifier(
            max_iter=60,
            max_leaf_nodes=8,
            min_samples_leaf=max(20, len(labels) // 100),
            early_stopping=False,
            random_state=seeds.integer(),
        ),
    ]
    odds = [m.fit(traits, labels).predict_proba(held)[:, 1] for m in models]
    mean: Numbers = np.mean(odds, axis=0)
    return mean


def _intervals(a: Accusations) -> dict[str, Interval]:
    """Every heading's interval on one round."""
    z = intervals.quantile_of(0.95, len(ATTACKS))
    pairs = [(a.inside[k], a.outside[k]) for k in ATTACKS]
    far = [(i[a.far_inside], o[a.far_outside]) for i, o in pairs]
    found = {
        "membership_auc": [intervals.auc(i, o, z) for i, o in pairs],
        "membership_tpr_1": [intervals.tpr_at(i, o, 0.01, z) for i, o in pairs],
        "membership_tpr_10": [intervals.tpr_at(i, o, 0.10, z) for i, o in pairs],
        "membership_advantage": [intervals.advantage(i, o, z) for i, o in pairs],
        "membership_worst_auc": [intervals.auc(i, o, z) for i, o in far],
        "membership_worst_tpr_10": [intervals.tpr_at(i, o, 0.10, z) for i, o in far],
    }
    each = {f"membership_{k}_auc": intervals.auc(a.inside[k], a.outside[k]) for k in ATTACKS}
    return {k: intervals.largest(v) for k, v in found.items()} | each


def _exhibit(a: Accusations, found: dict[str, Interval]) -> dict[str, Any]:
    """Rates only: ROC heights on a fixed grid, and how many rows stand at each end."""
    grid = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0]
    best = max(ATTACKS, key=lambda k: found[f"membership_{k}_auc"].value)
    roc = {
        k: [round(intervals.tpr_at(a.inside[k], a.outside[k], f).value, 4) for f in grid]
        for k in ATTACKS
    }
    return {
        "strongest": best,
        "false_alarms": grid,
        "found": roc,
        "train_rows": len(a.far_inside),
        "holdout_rows": len(a.far_outside),
        "outlying_train_rows": int(a.far_inside.sum()),
        "outlying_holdout_rows": int(a.far_outside.sum()),
    }
