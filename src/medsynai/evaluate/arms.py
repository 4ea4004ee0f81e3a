"""Does adding synthetic records to real ones help a model? Arms, paired differences, a verdict.

The question is Frid-Adar et al. 2018's (GAN-based synthetic medical image augmentation), asked with
the control that it lacked: real records duplicated to the same number, so that longer training is
not taken for better data. Differences are paired by seed, and corrected for how many are looked at
(Holm 1979). Whoever leaves the duplicated arm out is told nothing of a gain.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from medsynai.evaluate import metrics
from medsynai.evaluate.encode import Floats

FEWEST = 5  # seeds of a verdict
LEVEL = 0.05
MAIN = "auroc"


class Arm(StrEnum):
    """What a model is trained on."""

    REAL = "real"
    DUPLICATED = "real, duplicated"
    CLASSIC = "real + classic"
    MIXED = "real + synthetic"
    SYNTHETIC = "synthetic only"
    PRETRAINED = "synthetic, then real"
    REPEATED = "real, rarer class repeated"
    EVENED = "real + rarer class drawn"


# What is compared with what: gains against real rows alone and, count for count, duplicated ones.
PAIRS = (
    (Arm.MIXED, Arm.REAL),
    (Arm.MIXED, Arm.DUPLICATED),
    (Arm.MIXED, Arm.CLASSIC),
    (Arm.PRETRAINED, Arm.REAL),
    (Arm.PRETRAINED, Arm.DUPLICATED),
    (Arm.SYNTHETIC, Arm.REAL),
    (Arm.DUPLICATED, Arm.REAL),
    (Arm.CLASSIC, Arm.DUPLICATED),
    (Arm.EVENED, Arm.REAL),
    (Arm.EVENED, Arm.REPEATED),
)


@dataclass(frozen=True)
class Outcome:
    """One model of one arm, tried on records that neither it nor its generator saw.

    Attributes:
        size: records of a class that were at hand; None for all of them.
        seed: of the draw of patients, the generator and the model.
        ratio: records added, as a multiple of the real ones; 0 for the real arm.
        fitted: records that the model was trained on.
        chosen: whether the ratio is the one that validation patients chose.
        validated: AUROC on those; nan where it was not asked.
        figures: on the holdout, by name; see `figures_of`.
    """

    size: int | None
    seed: int
    arm: Arm
    ratio: float
    fitted: int
    chosen: bool
    validated: float
    figures: dict[str, float] = field(default_factory=dict)


def figures_of(stack: Floats, classes: Sequence[str]) -> dict[str, float]:
    """Figures of a prediction: AUROC, balanced accuracy, Brier score, and both rates by class.

    Args:
        stack: (records, 1 + classes) truth and probabilities; see `metrics`.
        classes: their names.
    """
    truth, called = stack[:, 0].astype(int), stack[:, 1:].argmax(1)
    found = {}
    for k, name in enumerate(classes):
        there = truth == k
        found[f"sensitivity of {name}"] = _share(called[there] == k)
        found[f"specificity of {name}"] = _share(called[~there] != k)
    balanced = [v for n, v in found.items() if n.startswith("sensitivity") and math.isfinite(v)]
    return {
        MAIN: metrics.auroc(stack),
        "balanced accuracy": float(np.mean(balanced)),
        "brier": metrics.brier(stack),
        **found,
    }


def _share(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else math.nan


@dataclass(frozen=True)
class Difference:
    """How much better one arm is than another, paired by seed.

    Attributes:
        value: mean difference of the AUROC.
        low, high: 95 % interval over seeds (Student's t); None of a single seed.
        p: two-sided, corrected for all differences of the study; None of a single seed.
        seeds: how many there were.
    """

    size: int | None
    arm: Arm
    against: Arm
    value: float
    low: float | None
    high: float | None
    p: float | None
    seeds: int

    @property
    def above(self) -> bool:
        """Whether the arm is better, beyond chance."""
        return self.p is not None and self.p < LEVEL and self.value > 0

    @property
    def below(self) -> bool:
        """Whether it is worse, beyond chance."""
        return self.p is not None and self.p < LEVEL and self.value < 0


def differences(outcomes: Iterable[Outcome]) -> list[Difference]:
    """Every pair of `PAIRS` at every size, at the chosen ratio, with p corrected by Holm's method.

    Intervals and p are about the draw of the train patients and of everything random; the holdout
    is the same for all.
    """
    known: dict[tuple[int | None, Arm], dict[int, float]] = {}
    for one in outcomes:
        if one.chosen and math.isfinite(one.figures[MAIN]):
            known.setdefault((one.size, one.arm), {})[one.seed] = one.figures[MAIN]
    sizes = list(dict.fromkeys(size for size, _ in known))
    found = [
        _paired(size, arm, against, known[size, arm], known[size, against])
        for size in sizes
        for arm, against in PAIRS
        if (size, arm) in known and (size, against) in known
    ]
    return _corrected([d for d in found if d is not None])


def _paired(
    size: int | None, arm: Arm, against: Arm, a: dict[int, float], b: dict[int, float]
) -> Difference | None:
    seeds = sorted(a.keys() & b.keys())
    gaps, n = np.array([a[s] - b[s] for s in seeds]), len(seeds)
    if n == 0:
        return None
    value = float(gaps.mean())
    if n == 1:
        return Difference(size, arm, against, value, None, None, None, n)
    error = float(gaps.std(ddof=1)) / math.sqrt(n)
    half = float(student.ppf(0.975, n - 1)) * error
    p = float(2 * student.sf(abs(value) / error, n - 1)) if error > 0 else float(value == 0)
    return Difference(size, arm, against, value, value - half, value + half, p, n)


def _corrected(found: list[Difference]) -> list[Difference]:
    tried = [d.p for d in found if d.p is not None]
    held = iter(multipletests(tried, method="holm")[1] if tried else ())
    return [
        d if d.p is None else Difference(**{**d.__dict__, "p": float(next(held))}) for d in found
    ]


def verdict(size: int | None, found: Sequence[Difference], arm: Arm = Arm.MIXED) -> str:
    """One sentence on an arm at a size: gain, no gain shown, harm, or not decided and why.

    A gain is a gain over real rows alone *and* over as many duplicated real rows.

    >>> verdict(None, [])
    'real + synthetic: not decided, for the arm of duplicated real records is missing.'
    """
    mine = {d.against: d for d in found if d.size == size and d.arm is arm}
    control = Arm.REPEATED if arm is Arm.EVENED else Arm.DUPLICATED
    if control not in mine or Arm.REAL not in mine:
        return f"{arm}: not decided, for the arm of duplicated real records is missing."
    same, alone = mine[control], mine[Arm.REAL]
    if min(same.seeds, alone.seeds) < FEWEST:
        return f"{arm}: not decided, for there are fewer than {FEWEST} seeds ({same.seeds})."
    against = f"{same.value:+.3f} AUROC against as many duplicated real records"
    if same.above and alone.above:
        return f"{arm}: a gain, {against} and {alone.value:+.3f} against the real ones alone."
    if same.below:
        return f"{arm}: harm, {against}."
    if alone.above:
        return f"{arm}: no gain beyond that of duplicating real records ({against})."
    return f"{arm}: no gain shown ({against})."
