"""Each code predicted from the others: models fitted on synthetic rows, tested on real ones.

All codes at once: the ridge regression of every code on the others follows from one inverse. With
A = X'X + lambda I of centred rows, the coefficients for code j are -inv(A)[:, j] / inv(A)[j, j].
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.trial import CodeTrial, Numbers, deal, some
from medsynai.evaluate.interval import jackknifed, midranks
from medsynai.evaluate.score import Family, Findings, Score, blank

WIDEST, MOST, CAP = 1_500, 60, 10_000  # codes looked at, codes predicted, rows tested on
TRAINED, TESTED, FEWEST = 30, 10, 3  # rows with a code to fit and to test; codes needed
RIDGE, GROUPS = 3.0, 20
_SOURCE = "dimension-wise prediction (Choi et al. 2017, medGAN), by ridge regression"

AUROC = blank(
    "code_auroc", "Codes predicted from the others: mean AUROC", Family.UTILITY, "high", _SOURCE
)
F1 = blank(
    "code_f1",
    "Codes predicted from the others: mean F1",
    Family.UTILITY,
    "high",
    f"as many rows are called as have the code; {_SOURCE}",
)
GAP = blank(
    "code_auroc_gap",
    "Codes predicted from the others: AUROC lost against real train rows",
    Family.UTILITY,
    "low",
    f"mean of TRTR - TSTR over codes; {_SOURCE}",
)


@dataclass(frozen=True)
class _Linear:
    """A ridge regression of each of some codes on all others."""

    weights: Numbers  # (looked, asked)
    means: Numbers  # (looked,)
    asked: Numbers

    @staticmethod
    def fit(present: sp.csr_array, asked: Numbers) -> "_Linear":
        n, means = present.shape[0], np.asarray(present.mean(axis=0)).ravel()
        gram = sp.csr_array(present.T @ present).toarray().astype(np.float64)
        gram -= n * np.outer(means, means)
        gram[np.diag_indices_from(gram)] += RIDGE
        inverse = np.linalg.inv(gram)
        weights = -inverse[:, asked] / np.diag(inverse)[asked]
        weights[asked, np.arange(len(asked))] = 0  # a code does not predict itself
        return _Linear(weights, means, asked)

    def predict(self, present: sp.csr_array) -> Numbers:
        """(rows, asked) predicted chance of each code, up to its mean."""
        centre = self.means @ self.weights
        found: Numbers = present @ self.weights - centre + self.means[self.asked]
        return found


def measure(trial: CodeTrial) -> Findings:
    """Mean AUROC and F1 over up to 60 codes, beside what real train rows reach.

    Raises:
        AssessmentError: no holdout, or too few codes that are frequent enough.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real rows that the generator never saw")
    sides, seeds = trial.sides, trial.seeds.of("prediction")
    test = some(trial.holdout, CAP, seeds.of("test"))
    looked = np.sort(np.argsort(-trial.frequency, kind="stable")[:WIDEST])
    seen, there = (
        np.bincount(m.counts.indices, minlength=len(m.codes)) for m in (trial.train, test)
    )
    often = (seen[looked] >= TRAINED) & (there[looked] >= TESTED)
    able = np.flatnonzero(often & (len(test) - there[looked] >= TESTED))
    asked = able[np.argsort(-seen[looked][able], kind="stable")[:MOST]]
    if len(asked) < FEWEST:
        raise AssessmentError(
            f"fewer than {FEWEST} codes have {TRAINED} train and {TESTED} holdout rows"
        )
    truth = test.present[:, looked[asked]].toarray() > 0
    shown = test.present[:, looked]
    candidates = {"synthetic": sides.synthetic, "real": sides.real, "shuffled": sides.shuffled}
    guess = {
        k: _Linear.fit(m.present[:, looked], asked).predict(shown)
        for k, m in candidates.items()
        if m is not None
    }
    group = deal(test, seeds.of("groups"))
    return Findings(tuple(_scored(score, truth, guess, group) for score in (AUROC, F1, GAP)))


def _scored(score: Score, truth: Numbers, guess: dict[str, Numbers], group: Numbers) -> Score:
    def figure(kept: Numbers, name: str) -> float:
        t, g = truth[kept], guess[name][kept]
        if score is F1:
            return _mean(f1(t, g))
        if score is AUROC:
            return _mean(aucs(t, g))
        return _mean(aucs(t, guess["real"][kept]) - aucs(t, g))

    whole = np.ones(len(truth), dtype=bool)
    value = figure(whole, "synthetic")
    left = np.array([figure(group != g, "synthetic") for g in range(GROUPS)])
    low, high = jackknifed(value, left, (-1.0, 1.0) if score is GAP else (0.0, 1.0))
    return replace(
        score,
        value=value,
        low=low,
        high=high,
        n=len(truth),
        holdout=figure(whole, "real"),
        shuffled=figure(whole, "shuffled"),
        note=f"{truth.shape[1]} codes.",
    )


def _mean(found: Numbers) -> float:
    known = found[np.isfinite(found)]
    return float(known.mean()) if len(known) else np.nan


def aucs(truth: Numbers, score: Numbers) -> Numbers:
    """(codes,) the AUROC of each column; NaN where a code is in no row or in all."""
    ranks = np.apply_along_axis(midranks, 0, score)
    ones = truth.sum(axis=0)
    zeros = len(truth) - ones
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Numbers = ((ranks * truth).sum(axis=0) - ones * (ones + 1) / 2) / (ones * zeros)
    return np.where((ones > 0) & (zeros > 0), found, np.nan)


def f1(truth: Numbers, score: Numbers) -> Numbers:
    """(codes,) the F1 of calling as many rows as have the code: then precision equals recall."""
    ranks = np.argsort(np.argsort(-score, axis=0, kind="stable"), axis=0)
    ones = truth.sum(axis=0)
    hits = (truth & (ranks < ones)).sum(axis=0)
    return np.where(ones > 0, hits / np.maximum(ones, 1), np.nan)
