"""What a prediction is worth: classification and regression figures on plain arrays.

A stack holds the truth in column 0 and the prediction in the others: class codes and one
probability a class, or a number and its prediction. The rows of a stack can be dealt into groups.
"""

import math
from collections.abc import Callable

import numpy as np

from medsynai.evaluate.encode import Floats
from medsynai.evaluate.interval import Rows, auc

Metric = Callable[[Floats], float]


def _each_class(stack: Floats, figure: Callable[[Rows, Rows], float]) -> float:
    """The figure of class 1 where there are two, else the mean over classes, one against rest."""
    truth, width = stack[:, 0].astype(np.int64), stack.shape[1] - 1
    if width == 2:
        return figure(truth == 1, stack[:, 2])
    found = [figure(truth == k, stack[:, k + 1]) for k in range(width)]
    finite = [v for v in found if math.isfinite(v)]
    return float(np.mean(finite)) if finite else math.nan


def auroc(stack: Floats) -> float:
    """Area under the ROC curve, one class against the rest."""
    return _each_class(stack, auc)


def average_precision(stack: Floats) -> float:
    """Area under the precision-recall steps; of two classes, the rarer one's.

    >>> average_precision(np.array([[0, .9, .1], [1, .2, .8], [0, .3, .7]]))
    1.0
    """
    truth = stack[:, 0]
    if stack.shape[1] == 3 and truth.mean() > 0.5:
        return _precision_area(truth == 0, stack[:, 1])
    return _each_class(stack, _precision_area)


def _precision_area(truth: Rows, score: Rows) -> float:
    hits = int(truth.sum())
    if hits == 0:
        return math.nan
    order = np.argsort(-score, kind="stable")
    found, ordered = np.cumsum(truth[order]), score[order]
    last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    recall = found[last] / hits
    return float(np.sum(np.diff(np.r_[0.0, recall]) * found[last] / (last + 1)))


def accuracy(stack: Floats) -> float:
    """Share of rows whose likeliest class is the true one."""
    return float(np.mean(_likeliest(stack) == stack[:, 0]))


def precision(stack: Floats) -> float:
    """Share of the rows called a class that are of it; NaN where none is called so."""
    return _by_call(stack, lambda hit, called, there: hit / called if called else math.nan)


def recall(stack: Floats) -> float:
    """Share of a class's rows that are called so."""
    return _by_call(stack, lambda hit, called, there: hit / there if there else math.nan)


def f1(stack: Floats) -> float:
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
    return _by_call(
        stack,
        lambda hit, called, there: 2 * hit / (called + there) if called + there else math.nan,
    )


def _likeliest(stack: Floats) -> Rows:
    return np.asarray(stack[:, 1:].argmax(axis=1))


def _by_call(stack: Floats, figure: Callable[[int, int, int], float]) -> float:
    called, truth = _likeliest(stack), stack[:, 0].astype(np.int64)
    classes = (1,) if stack.shape[1] == 3 else range(stack.shape[1] - 1)
    found = [
        figure(int(((called == k) & (truth == k)).sum()), int((called == k).sum()), int(n))
        for k in classes
        if (n := (truth == k).sum()) or len(classes) == 1
    ]
    finite = [v for v in found if math.isfinite(v)]
    return float(np.mean(finite)) if finite else math.nan


def brier(stack: Floats) -> float:
    """Mean squared error of the probabilities, halved over classes (Brier 1950).

    >>> brier(np.array([[1.0, 0.5, 0.5]]))
    0.25
    """
    truth = np.eye(stack.shape[1] - 1)[stack[:, 0].astype(np.int64)]
    return float(0.5 * ((stack[:, 1:] - truth) ** 2).sum(axis=1).mean())


def calibration_slope(stack: Floats) -> float:
    """Slope of the truth on the log-odds of the prediction; 1 is ideal (Cox 1958)."""
    return _each_class(stack, _slope)


def _slope(truth: Rows, score: Rows) -> float:
    from medsynai.evaluate.coefficients import fit_logistic

    if truth.sum() < 5 or (~truth).sum() < 5:
        return math.nan
    clipped = np.clip(score, 1e-4, 1 - 1e-4)
    odds = np.log(clipped / (1 - clipped))
    if np.ptp(odds) < 1e-9:
        return math.nan
    slope, _ = fit_logistic(np.column_stack([np.ones(len(odds)), odds]), truth.astype(float))
    return float(slope[1])


def r2(stack: Floats) -> float:
    """Share of variance explained on the test rows; 0 for their mean, below for worse."""
    truth = stack[:, 0]
    spread = float(((truth - truth.mean()) ** 2).sum())
    return 1 - float(((truth - stack[:, 1]) ** 2).sum()) / spread if spread > 0 else math.nan


def mae(stack: Floats) -> float:
    """Mean absolute error, in the target's own unit."""
    return float(np.abs(stack[:, 0] - stack[:, 1]).mean())
