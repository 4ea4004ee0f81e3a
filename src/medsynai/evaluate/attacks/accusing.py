"""The three membership attacks on one round: what each of them thinks of each row.

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

from medsynai.evaluate.attacks.lineup import Round
from medsynai.evaluate.attacks.parts import NEIGHBOURS, real_distances
from medsynai.evaluate.attacks.space import Points, Space, nearest
from medsynai.seeds import Seeds

Numbers = np.ndarray[Any, np.dtype[Any]]

ATTACKS = {
    "distance": "Chen et al. 2020, GAN-Leaks",
    "density": "van Breugel et al. 2023, DOMIAS",
    "learned": "Shokri et al. 2017, attack model; features as in the MIDST 2025 ensembles",
}


@dataclass(frozen=True)
class Accusations:
    """What each attack thinks of each row: the higher, the more it looks like a train row.

    Attributes:
        inside: (train rows,) by attack.
        outside: (holdout rows,) by attack.
        apart_inside, apart_outside: (rows,) how far out a row lies among the reference rows.
    """

    inside: dict[str, Numbers]
    outside: dict[str, Numbers]
    apart_inside: Numbers
    apart_outside: Numbers


def accuse(round_: Round, seeds: Seeds) -> Accusations:
    """Run the three attacks on one round."""
    tables = (round_.train, round_.holdout, round_.released)
    space = Space.of(*tables)
    inside, outside, released = (space.place(t) for t in tables)
    near = [_Near.of(p, released, outside, p is outside) for p in (inside, outside)]
    scale = _scale(near[1].real[:, 0])
    scores = [{"distance": -x.released[:, 0], "density": _density(x, scale)} for x in near]
    learned = _learn(_traits(near[0], scale), _traits(near[1], scale), seeds)
    for side, guess in zip(scores, learned, strict=True):
        side["learned"] = guess
    # how far out a row lies is read from the same reference rows on both sides
    out = [x.real.mean(axis=1) for x in near]
    return Accusations(scores[0], scores[1], out[0], out[1])


@dataclass(frozen=True)
class _Near:
    """Distances of rows to released rows and to reference rows, nearest first."""

    released: Numbers  # (rows, k)
    real: Numbers  # (rows, k')
    parts: Numbers  # (rows, 4): to the nearest: numbers' sum and largest, codes unlike, equal

    @staticmethod
    def of(points: Points, released: Points, holdout: Points, is_holdout: bool) -> "_Near":
        d, at = nearest(points, released, NEIGHBOURS)
        return _Near(d, real_distances(points, holdout, is_holdout), _parts(points, released, at))


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
        guess[held] = fit_and_score(traits[~held], labels[~held], traits[held], seeds)
    return guess[: len(inside)], guess[len(inside) :]


def fit_and_score(traits: Numbers, labels: Numbers, held: Numbers, seeds: Seeds) -> Numbers:
    """Odds by the mean of a logistic model, for few rows, and of boosted trees, for many."""
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
