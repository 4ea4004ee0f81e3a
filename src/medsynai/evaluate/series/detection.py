"""Can a judge tell synthetic series from real ones that nobody learnt from?

Two judges: the recurrent network of the TimeGAN protocol, and boosting on summaries, which sees
levels, memory and spectrum at once and is the sharper one.
"""

from dataclasses import replace

import numpy as np
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from medsynai.data.series import SeriesSet
from medsynai.evaluate.images.trial import Numbers
from medsynai.evaluate.interval import auc, auc_interval, wilson
from medsynai.evaluate.learners import BOOSTING, classify
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.series.sequence_net import ask, rounds_for, train_sequence
from medsynai.evaluate.series.summaries import summaries
from medsynai.evaluate.series.trial import SeriesTrial
from medsynai.seeds import Seeds

SHARE, FOLDS = 0.8, 3  # of the series to learn from; folds of the boosting
DISCRIMINATIVE = blank(
    "discriminative_score",
    "Telling synthetic from unseen real series: |accuracy - 0.5| of a recurrent network",
    Family.DETECTION,
    "low",
    "Yoon et al. 2019, TimeGAN, section 5: trained on 80 % of both, tried on 20 %; 0 is perfect",
    note="Units of the network: half the channels, 4 at least. Classes are matched.",
)
C2ST = blank(
    "c2st",
    "Telling synthetic from unseen real series: AUC of boosting on summaries",
    Family.DETECTION,
    "low",
    "classifier two-sample test (Lopez-Paz and Oquab 2017), three folds; 0.5 is perfect",
    note="Levels, spread, quantiles, autocorrelation, spectrum. Classes are matched.",
)


def measure(trial: SeriesTrial) -> Findings:
    """The discriminative score, and the C2ST on summaries.

    Raises:
        AssessmentError: no holdout, or too few series.
    """
    sides = trial.sides
    seeds = trial.seeds.of("detection")
    named = {k: discriminate(trial, sides.reference, x, seeds) for k, x in sides.candidates.items()}
    hits, tried = named["synthetic"]
    low, high = wilson(hits, tried)
    assert low is not None and high is not None
    away = (abs(low - 0.5), abs(high - 0.5))
    recurrent = replace(
        DISCRIMINATIVE,
        value=_off(named["synthetic"]),
        low=0.0 if low <= 0.5 <= high else min(away),
        high=max(away),
        n=len(sides.reference),
        holdout=_off(named["real"]),
        shuffled=_off(named["shuffled"]),
    )
    told = {k: boosted(trial, sides.reference, x, seeds) for k, x in sides.candidates.items()}
    low, high = auc_interval(*told["synthetic"])
    told_apart = replace(
        C2ST,
        value=auc(*told["synthetic"]),
        low=low,
        high=high,
        n=len(sides.reference),
        holdout=auc(*told["real"]),
        shuffled=auc(*told["shuffled"]),
    )
    return Findings((recurrent, told_apart))


def _off(found: tuple[int, int]) -> float:
    return abs(found[0] / found[1] - 0.5)


def discriminate(
    trial: SeriesTrial, reference: SeriesSet, candidate: SeriesSet, seeds: Seeds
) -> tuple[int, int]:
    """How many of how many series the network sorted rightly: as many of both sides."""
    a, b = trial.look(reference), trial.look(candidate)
    cut = round(SHARE * len(a))
    x = np.concatenate([a[:cut], b[:cut]])
    y = np.r_[np.ones(cut), np.zeros(cut)]
    net = train_sequence(x, y, 1, _last, rounds_for(x), seeds.of("recurrent"))
    said = [ask(net, s[cut:])[:, -1, 0] > 0 for s in (a, b)]
    return int(said[0].sum() + (~said[1]).sum()), 2 * (len(a) - cut)


def _last(outs: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of what is said after the last step."""
    return binary_cross_entropy_with_logits(outs[:, -1, 0], truth)


def boosted(
    trial: SeriesTrial, reference: SeriesSet, candidate: SeriesSet, seeds: Seeds
) -> tuple[Numbers, Numbers]:
    """Truth (1: real) and the score of boosting that did not see the series."""
    sides = (reference, candidate)
    x = np.concatenate([summaries(trial.look(s)) for s in sides])
    x = np.column_stack([x, np.concatenate([s.labels for s in sides])])
    truth = np.r_[np.ones(len(reference), np.int64), np.zeros(len(candidate), np.int64)]
    rng, fold = seeds.of("folds").numpy(), np.empty(len(x), np.int64)
    for side in (0, 1):
        mine = np.flatnonzero(truth == side)
        fold[mine] = rng.permutation(len(mine)) % FOLDS
    levels, score = np.zeros(x.shape[1], bool), np.empty(len(x))
    for k in range(FOLDS):
        seed = seeds.of("boosting", k).integer() % 2**31
        told = classify(BOOSTING, levels, x[fold != k], truth[fold != k], 2, seed)
        score[fold == k] = told(x[fold == k])[:, 1]
    return truth, score
