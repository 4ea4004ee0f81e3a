"""Can a classifier tell synthetic rows of codes from real ones that nobody learnt from?

Boosting reads a summary of each row: how many codes, how rare they are, how often their pairs stand
together among train rows, the commonest codes one by one, and all codes on a few axes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from medsynai.data.codes import CodeMatrix
from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.pairs import log_lift
from medsynai.evaluate.codes.trial import CodeTrial, Numbers, deal, some
from medsynai.evaluate.interval import auc, auc_interval
from medsynai.evaluate.learners import BOOSTING, classify
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

Told = Callable[[CodeMatrix, "Summary", str], tuple[Numbers, Numbers]]
CAP, LEAST, FOLDS = 8_000, 40, 3
ALONE, AXES, WIDEST = 40, 16, 600

C2ST = blank(
    "c2st",
    "Telling synthetic from unseen real rows: AUC of gradient boosting",
    Family.DETECTION,
    "low",
    "classifier two-sample test, AUC over folds (Lopez-Paz and Oquab 2017); 0.5 is perfect",
    note="On a summary of each row's codes.",
)


def measure(trial: CodeTrial) -> Findings:
    """The C2ST of synthetic rows, of train rows that taught no summary, and of shuffled ones.

    Raises:
        AssessmentError: no holdout, or fewer than 40 rows on a side.
    """
    if trial.holdout is None:
        raise AssessmentError("needs a holdout: real rows that the generator never saw")
    sides, seeds = trial.sides, trial.seeds.of("detection")
    n = min(len(sides.reference), len(sides.synthetic), CAP)
    if n < LEAST:
        raise AssessmentError(f"needs at least {LEAST} holdout and {LEAST} synthetic rows")

    def told(candidate: CodeMatrix, summary: Summary, name: str) -> tuple[Numbers, Numbers]:
        rows = (some(sides.reference, n, seeds.of("reference")), some(candidate, n, seeds.of(name)))
        reference, seen = map(summary.read, rows)
        return tell(seen, reference, seeds)

    axes = trial.seeds.of("axes")
    summary = Summary.of(trial.train, axes)
    synthetic = told(sides.synthetic, summary, "synthetic")
    low, high = auc_interval(*synthetic)
    score = replace(
        C2ST,
        value=auc(*synthetic),
        low=low,
        high=high,
        n=n,
        holdout=_anchor(trial.train, told, (seeds.of("halves"), axes)),
        shuffled=auc(*told(sides.shuffled, summary, "shuffled")),
    )
    return Findings((score,))


def _anchor(train: CodeMatrix, told: Told, seeds: tuple[Seeds, Seeds]) -> float | None:
    """The AUC of half of the train patients, by a summary that the other half taught.

    Taught by themselves, axes and pairs fit them as they fit nobody else: on wide, few rows real
    patients then seem to be told from real ones. None where halves are too small.
    """
    halves, axes = seeds
    half = deal(train, halves, 2)
    learnt, candidate = (train.rows(np.flatnonzero(half == side)) for side in (0, 1))
    if min(len(learnt), len(candidate)) < LEAST:
        return None
    return auc(*told(candidate, Summary.of(learnt, axes), "real"))


@dataclass(frozen=True)
class Summary:
    """What of a row the classifier reads; learnt from train rows.

    Attributes:
        rarity: (codes,) minus log of each code's share.
        looked: the commonest codes, whose pairs are looked at.
        lift: (looked, looked) log lift of each pair, 0 on the diagonal.
        axes: (codes, k) singular vectors of the train rows.
    """

    rarity: Numbers
    looked: Numbers
    lift: Numbers
    axes: Numbers

    @staticmethod
    def of(learnt: CodeMatrix, seeds: Seeds) -> "Summary":
        """Learn it; pairs of few train rows hardly count, as lifts are shrunk."""
        present, n = learnt.present, len(learnt)
        rows = np.bincount(learnt.counts.indices, minlength=present.shape[1])
        looked = np.argsort(-rows, kind="stable")[:WIDEST]
        some_codes = present[:, looked]
        lift = log_lift(sp.csr_array(some_codes.T @ some_codes).toarray() / n, n)
        np.fill_diagonal(lift, 0)
        return Summary(-np.log((rows + 0.5) / (n + 1)), looked, lift, _axes(present, seeds))

    def read(self, matrix: CodeMatrix) -> Numbers:
        """(rows, features)."""
        present, widths = matrix.present, matrix.widths
        some_codes = present[:, self.looked]
        pairs = np.asarray((some_codes @ self.lift) * some_codes.toarray()).sum(axis=1)
        least = np.zeros(len(matrix))
        each = self.rarity[present.indices]
        filled = widths > 0
        ends = present.indptr[:-1][filled]
        most = np.zeros(len(matrix))
        if len(each):
            most[filled] = np.maximum.reduceat(each, ends)
            least[filled] = np.minimum.reduceat(each, ends)
        weight = present @ self.rarity
        first = present[:, self.looked[:ALONE]].toarray()
        totals = matrix.counts.sum(axis=1)
        return np.column_stack(
            [widths, totals, weight, most, least, pairs, first, present @ self.axes]
        )


def _axes(present: Any, seeds: Seeds) -> Numbers:
    from scipy.sparse.linalg import svds

    k = min(AXES, min(present.shape) - 1)
    if k < 1 or not present.nnz:
        return np.zeros((present.shape[1], 0))
    start = seeds.numpy().random(min(present.shape))
    scale = sp.diags_array(1 / np.sqrt(np.maximum(np.asarray(present.sum(axis=0)).ravel(), 1)))
    axes: Numbers = svds(present.astype(np.float64) @ scale, k, v0=start)[2].T
    return axes


def tell(candidate: Numbers, reference: Numbers, seeds: Seeds) -> tuple[Numbers, Numbers]:
    """Truth (1: real) and out-of-fold score of the rows of both."""
    from sklearn.model_selection import StratifiedKFold

    seed = seeds.integer()
    n = min(len(candidate), len(reference))
    x = np.vstack([reference[:n], candidate[:n]])
    truth = np.r_[np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)]
    score, levels = np.full(len(x), 0.5), np.zeros(x.shape[1], dtype=bool)
    for fit, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, truth):
        told = classify(BOOSTING, levels, x[fit], truth[fit], 2, seed)  # a part without numbers too
        score[test] = told(x[test])[:, 1]
    return truth, score
