"""Which codes stand together in a row, and how much more often than by chance."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from medsynai.data.codes import CodeMatrix
from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.prevalence import r2
from medsynai.evaluate.codes.trial import (
    GROUPS,
    CodeTrial,
    Numbers,
    Statistic,
    Tally,
    compare,
    deal,
)
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

WIDEST = 1_000  # codes looked at, the commonest
ENOUGH = 50  # train rows of a pair whose share is looked at by itself
FEWEST = 5  # pairs needed
SHRUNK = 5.0  # rows added to a pair's observed and expected number
SHOWN = 15

R2 = blank(
    "code_pairs_r2",
    "Pairs of codes: R2 of their shares",
    Family.FIDELITY,
    "high",
    "1 - SSE / SST over all pairs of codes, zeros too (Theodorou et al. 2023, HALO)",
)
OFTEN = blank(
    "code_pairs_often",
    f"Pairs of {ENOUGH} train rows or more: R2 of their shares",
    Family.FIDELITY,
    "high",
    "as code_pairs_r2",
)
LIFT = blank(
    "code_lift",
    "Pairs of codes: error of log lift",
    Family.FIDELITY,
    "low",
    "mean |log lift - log lift'| over pairs expected or seen in 11 train rows or more; lift is a "
    "pair's rows over those expected if its codes were independent, 5 added to both",
)


def measure(trial: CodeTrial) -> Findings:
    """Pairs of codes; and the pairs whose lift differs most.

    Raises:
        AssessmentError: fewer than 20 rows on a side, or fewer than two codes.
    """
    looked = np.sort(np.argsort(-trial.frequency, kind="stable")[:WIDEST])
    if len(looked) < 2:
        raise AssessmentError("needs at least two codes")
    seen = _gram(trial.train.present[:, looked])
    n = len(trial.train)
    alone = np.diag(seen)
    expected = np.outer(alone, alone) / max(n, 1)
    upper = np.triu(np.ones_like(seen, dtype=bool), 1)
    scores: dict[Any, Statistic] = {
        R2: _over(upper),
        OFTEN: _over(upper & (seen >= ENOUGH)),
        LIFT: _lifting(upper & ((seen >= 11) | (expected >= 11))),
    }
    bounds = {LIFT.name: (0.0, np.inf), R2.name: (-np.inf, 1.0), OFTEN.name: (-np.inf, 1.0)}
    found = compare(scores, trial.sides, _grams(looked), trial.seeds.of("pairs"), bounds)
    return Findings(tuple(found), {"code_pairs": _worst(trial, looked, upper & (seen >= ENOUGH))})


def _gram(present: Any) -> Numbers:
    found: Numbers = sp.csr_array(present.T @ present).toarray()
    return found


def _grams(looked: Numbers) -> Callable[[CodeMatrix, Seeds], Tally]:
    def grams(matrix: CodeMatrix, seeds: Seeds) -> Tally:
        group, present = deal(matrix, seeds), matrix.present[:, looked]
        sums = np.stack([_gram(present[group == g]) for g in range(GROUPS)])
        return Tally(sums, np.bincount(group, minlength=GROUPS))

    return grams


def _over(chosen: Numbers) -> Statistic:
    def error(p: Numbers, q: Numbers, n: int, m: int) -> float:
        return r2(p[chosen], q[chosen], n, m) if chosen.sum() >= FEWEST else np.nan

    return error


def _lifting(chosen: Numbers) -> Statistic:
    def error(p: Numbers, q: Numbers, n: int, m: int) -> float:
        if chosen.sum() < FEWEST:
            return np.nan
        return float(np.abs(log_lift(p, n)[chosen] - log_lift(q, m)[chosen]).mean())

    return error


def log_lift(share: Numbers, rows: int) -> Numbers:
    """Log of a pair's rows over those expected by chance; shrunk towards 0 where both are few."""
    alone = np.diag(share)
    lift: Numbers = np.log((share * rows + SHRUNK) / (np.outer(alone, alone) * rows + SHRUNK))
    return lift


def _worst(trial: CodeTrial, looked: Numbers, often: Numbers) -> list[dict[str, object]]:
    """Pairs of many real rows whose share differs most; nothing of rare ones is shown."""
    sides = trial.sides
    real, made = (_gram(m.present[:, looked]) / len(m) for m in (sides.reference, sides.synthetic))
    shown = often & (real * len(sides.reference) >= ENOUGH)
    apart = np.where(shown, np.abs(np.log((made + 1e-9) / (real + 1e-9))), -1)
    order = np.argsort(-apart, axis=None, kind="stable")[:SHOWN]
    names = [trial.train.codes[i] for i in looked]
    return [
        {
            "code": names[i],
            "with": names[j],
            "real_share": round(float(real[i, j]), 5),
            "synthetic_share": round(float(made[i, j]), 5),
        }
        for i, j in zip(*np.unravel_index(order, apart.shape), strict=True)
        if apart[i, j] >= 0
    ]
