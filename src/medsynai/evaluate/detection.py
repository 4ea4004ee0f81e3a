"""Can a classifier tell synthetic rows from real ones that nobody learnt from?"""

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate.encode import Codes, Encoding, Floats
from medsynai.evaluate.fidelity import distances
from medsynai.evaluate.interval import Rows, auc, auc_interval
from medsynai.evaluate.learners import BOOSTING, LINEAR, Learner, useful
from medsynai.evaluate.marginals import DECIMALS, decimal_places
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.sides import Sides, take_sides
from medsynai.evaluate.trial import Trial

CAP = 20_000
# The second opinions need fewer rows: their cost counts three times.
CAP_OTHERS = 5_000
FOLDS, SHOWN, LEAST = 5, 10, 50
SPLITS = 5  # random halves that say how far apart chance puts two samples
# Anchors of many rows are told by two of the five folds: trained alike, tested on 2 rows in 5.
ANCHOR_FOLDS, FEW = 2, 5_000

C2ST = blank(
    "c2st",
    "Telling synthetic from unseen real rows: AUC of gradient boosting",
    Family.DETECTION,
    "low",
    "classifier two-sample test, AUC over 5 folds (Lopez-Paz and Oquab 2017); 0.5 is perfect",
)
BINNED = blank(
    "c2st_codes",
    "The same, blind to how finely numbers are written",
    Family.DETECTION,
    "low",
    "as c2st, on decile and level codes of the train rows",
)
LOGISTIC = blank(
    "c2st_logistic",
    "The same, by logistic regression",
    Family.DETECTION,
    "low",
    "as c2st, logistic regression on normal scores and level indicators (Snoke et al. 2018)",
    note="Shuffling keeps single columns, which are most of what this classifier sees.",
)


@dataclass(frozen=True)
class _Question:
    """One way of asking: which rows are read in which form by which model."""

    learner: Learner
    levels: Rows
    seed: int

    def ask(self, candidate: Floats, reference: Floats, folds: int = FOLDS) -> tuple[Rows, Rows]:
        """Truth (1: real) and out-of-fold score of an equal number of rows from both.

        With fewer than all `folds`, of the rows that these test.
        """
        from sklearn.model_selection import StratifiedKFold

        n = min(len(candidate), len(reference))
        rng = np.random.default_rng(self.seed)
        x = np.vstack([_sampled(reference, n, rng), _sampled(candidate, n, rng)])
        truth = np.r_[np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)]
        score, tested = np.full(len(x), 0.5), np.zeros(len(x), dtype=bool)
        dealt = StratifiedKFold(FOLDS, shuffle=True, random_state=self.seed).split(x, truth)
        for fit, test in islice(dealt, folds):
            tested[test] = True
            kept = useful(x[fit])
            if kept.any():
                model = self.learner.classifier(self.levels[kept], self.seed)
                model.fit(x[fit][:, kept], truth[fit])
                score[test] = model.predict_proba(x[test][:, kept])[:, 1]
        return truth[tested], score[tested]

    def anchor(self, candidate: Floats, reference: Floats) -> float:
        """The AUC alone, of rows that the score is compared with."""
        many = min(len(candidate), len(reference)) > FEW
        return auc(*self.ask(candidate, reference, ANCHOR_FOLDS if many else FOLDS))


def _sampled(rows: Floats, n: int, rng: np.random.Generator) -> Floats:
    return rows if len(rows) == n else rows[np.sort(rng.choice(len(rows), n, replace=False))]


def measure(trial: Trial) -> Findings:
    """C2ST three ways, and the columns that give synthetic rows away.

    Raises:
        AssessmentError: no holdout, or fewer than 50 rows on a side.
    """
    tables = take_sides(trial, CAP, needs_holdout=True)
    if min(len(tables.reference), len(tables.synthetic)) < LEAST:
        raise AssessmentError(f"needs at least {LEAST} holdout and {LEAST} synthetic rows")
    encoding, seed = trial.encoding, trial.seeds.of("detection").integer()
    features = tables.map(encoding.features)
    ask = _Question(BOOSTING, encoding.is_level, seed)
    scores = [_answer(C2ST, features, ask)]
    smaller = take_sides(trial, CAP_OTHERS, needs_holdout=True)
    codes = smaller.map(lambda t: encoding.codes(t).astype(np.float64))
    blind = np.zeros(len(encoding.names), dtype=bool)
    scores.append(_answer(BINNED, codes, _Question(BOOSTING, blind, seed)))
    flat = smaller.map(encoding.flat)
    width = np.zeros(flat.reference.shape[1], dtype=bool)
    scores.append(_answer(LOGISTIC, flat, _Question(LINEAR, width, seed)))
    return Findings(tuple(scores), {"giveaways": giveaways(features, ask, encoding, tables)})


def tell(trial: Trial, learner: Learner = BOOSTING) -> float:
    """The C2ST AUC alone, without anchors, interval and giveaways.

    Raises:
        AssessmentError: no holdout, or fewer than 50 rows on a side.
    """
    tables = take_sides(trial, CAP, needs_holdout=True)
    if min(len(tables.reference), len(tables.synthetic)) < LEAST:
        raise AssessmentError(f"needs at least {LEAST} holdout and {LEAST} synthetic rows")
    features = trial.encoding.features
    seed = trial.seeds.of("detection").integer()
    question = _Question(learner, trial.encoding.is_level, seed)
    return auc(*question.ask(features(tables.synthetic), features(tables.reference)))


def _answer(score: Score, sides: Sides[Floats], question: _Question) -> Score:
    truth, found = question.ask(sides.synthetic, sides.reference)
    low, high = auc_interval(truth, found)
    return replace(
        score,
        value=auc(truth, found),
        low=low,
        high=high,
        n=len(truth) // 2,
        holdout=None if sides.real is None else question.anchor(sides.real, sides.reference),
        shuffled=question.anchor(sides.shuffled, sides.reference),
    )


def giveaways(
    features: Sides[Floats], question: _Question, encoding: Encoding, tables: Sides[Table]
) -> list[dict[str, Any]]:
    """The ten columns that the discriminator leans on, by permutation importance, in words.

    Source: Breiman 2001 (permutation importance), as loss of AUC on rows kept from the fit.
    """
    rng = np.random.default_rng(question.seed + 1)
    n = min(len(features.reference), len(features.synthetic), 5_000)
    x = np.vstack([_sampled(features.reference, n, rng), _sampled(features.synthetic, n, rng)])
    truth = np.r_[np.ones(n), np.zeros(n)]
    fit = rng.random(len(x)) < 0.6
    kept = np.flatnonzero(useful(x[fit]))
    if len(kept) == 0:
        return []
    model = question.learner.classifier(question.levels[kept], question.seed)
    model.fit(x[fit][:, kept], truth[fit])
    test, said = x[~fit][:, kept], truth[~fit]
    whole = auc(said, model.predict_proba(test)[:, 1])
    lost = []
    for place, j in enumerate(kept):
        spoilt = test.copy()
        spoilt[:, place] = rng.permutation(spoilt[:, place])
        lost.append((whole - auc(said, model.predict_proba(spoilt)[:, 1]), int(j)))
    lost.sort(key=lambda pair: (-pair[0], pair[1]))
    values = tables.map(encoding.values)
    return [
        {
            "column": encoding.names[j],
            "importance": round(loss, 4),
            "words": _words(j, values, encoding),
        }
        for loss, j in lost[:SHOWN]
        if loss > 0.001
    ]


def _words(j: int, values: Sides[Floats], encoding: Encoding) -> str:
    """Why this column gives rows away: what of it alone differs more than in real rows."""
    real = values.reference if values.real is None else values.real
    sides = (values.synthetic[:, [j]], real[:, [j]])
    noise = 1.0 / np.sqrt(min(len(s) for s in sides))
    gaps = [abs(float(np.isnan(sides[0]).mean() - np.isnan(sides[1]).mean()))]
    clues = ["it is missing more or less often than in real rows"]
    if not encoding.is_level[j]:
        places = [decimal_places(s) for s in sides]
        sizes = np.array([DECIMALS + 2])
        gaps.append(float(distances(places[0], places[1], sizes, [(0,)])[0]) - gaps[0])
        clues.append("its numbers are written with other decimal places")
    alone = [encoding.codes_of(_column(s, j, encoding))[:, [j]] for s in sides]
    gaps.append(beyond_chance(alone[0][:, 0], alone[1][:, 0], int(encoding.sizes[j])))
    clues.append("its values are spread differently")
    found = [clue for clue, gap in zip(clues, gaps, strict=True) if gap > 2 * noise + 0.01]
    if found:
        return "; ".join(found)
    return "alone it looks right: it does not fit the other columns, or repeats exact values"


def beyond_chance(a: Codes, b: Codes, size: int) -> float:
    """How much farther apart two samples of codes lie than halves of their mixture do on average.

    The distance of two samples of one source is not 0: with hundreds of levels it is large, as most
    levels have few rows.

    Args:
        a: codes of the one sample, below `size`.
        b: codes of the other.
        size: how many codes there are.
    """
    both, rng = np.concatenate([a, b])[:, None], np.random.default_rng(0)
    cut = len(a)

    def apart(rows: Codes) -> float:
        return float(distances(rows[:cut], rows[cut:], np.array([size]), [(0,)])[0])

    chance = np.mean([apart(rng.permutation(both)) for _ in range(SPLITS)])
    return apart(both) - float(chance)


def _column(cells: Floats, j: int, encoding: Encoding) -> Floats:
    whole = np.full((len(cells), len(encoding.names)), np.nan)
    whole[:, j] = cells[:, 0]
    return whole
