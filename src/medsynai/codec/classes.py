"""Classes of labelled arrays: their shares, and as many of each as a draw is asked for."""

import numpy as np

from medsynai.errors import ConditionError, ModelError
from medsynai.generator import Condition

FEWEST = 8  # patients of a class: fewer would be learnt by heart
SHOWN = 5  # classes that a message names
LABEL = "label"  # what a condition calls a class


def shares_of(
    labels: np.ndarray, patients: np.ndarray, classes: tuple[str, ...], what: str
) -> tuple[float, ...]:
    """How often each class comes; 0 for one that does not.

    Args:
        labels: (n,) places in `classes`.
        patients: (n,) whose each is.
        classes: names.
        what: the arrays in the plural, for messages.

    Raises:
        ModelError: nothing to learn from, or a class of too few patients.
    """
    if not len(labels):
        raise ModelError(f"no {what} to learn from")
    pairs = np.unique(np.stack([labels, patients]), axis=1)
    people = np.bincount(pairs[0], minlength=len(classes))
    few = [f"{c} ({n})" for c, n in zip(classes, people, strict=True) if 0 < n < FEWEST]
    if few:
        more = f" and {len(few) - SHOWN} more" if len(few) > SHOWN else ""
        raise ModelError(
            f"class {', '.join(few[:SHOWN])}{more}: fewer than {FEWEST} train patients, who would "
            f"be learnt by heart; merge the class with another, or take its {what} out"
        )
    return tuple(float(s) for s in np.bincount(labels, minlength=len(classes)) / len(labels))


def draw_labels(
    classes: tuple[str, ...],
    shares: tuple[float, ...],
    n: int,
    condition: Condition,
    rng: np.random.Generator,
) -> np.ndarray:
    """(n,) classes, each as often as its share asks for (largest remainder), in random order.

    Raises:
        ConditionError: another column than `label`, or a class that there is not.
    """
    share = np.array(shares)
    for wanted in condition.wanted:
        if wanted.column != LABEL or wanted.levels is None:
            raise ConditionError(f"what is drawn can be asked for by {LABEL}=CLASS only")
        asked = np.isin(classes, wanted.levels)
        if not (share * asked).any():
            known = ", ".join(classes[:30])
            raise ConditionError(f"no such {LABEL} among what was learnt from; one of {known}")
        share = share * asked
    ends = np.cumsum(share / share.sum())
    return rng.permutation(np.searchsorted(ends, (np.arange(n) + rng.random()) / n, "right"))
