"""How many codes a row has."""

from collections.abc import Callable

import numpy as np

from medsynai.data.codes import CodeMatrix
from medsynai.evaluate.codes.trial import CodeTrial, Numbers, Tally, compare, tally
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.seeds import Seeds

SMALLEST = 11  # real rows behind a bar that is shown

WIDTH = blank(
    "code_width",
    "Codes a row: Wasserstein distance",
    Family.FIDELITY,
    "low",
    "mean |F - G| summed over numbers of codes (Vallender 1974): codes too many or too few; "
    "record abundance of Yan et al. 2022",
)


def measure(trial: CodeTrial) -> Findings:
    """How far numbers of codes lie off, in codes; and a picture of both distributions.

    Raises:
        AssessmentError: fewer than 20 rows on a side.
    """
    sides = trial.sides
    most = max(int(m.widths.max(initial=0)) for m in (sides.reference, sides.synthetic))
    most = max(most, int(sides.shuffled.widths.max(initial=0)), 1)
    (score,) = compare(
        {WIDTH: _distance}, sides, _counts(most), trial.seeds.of("width"), {WIDTH.name: (0, np.inf)}
    )
    return Findings((score,), {"histograms": [_picture(sides.reference, sides.synthetic)]})


def _counts(most: int) -> Callable[[CodeMatrix, Seeds], Tally]:
    def counts(matrix: CodeMatrix, seeds: Seeds) -> Tally:
        widths = np.minimum(matrix.widths, most)
        return tally(matrix, np.eye(most + 1)[widths], seeds)

    return counts


def _distance(p: Numbers, q: Numbers, n: int, m: int) -> float:
    return float(np.abs(np.cumsum(p - q))[:-1].sum())


def _picture(real: CodeMatrix, synthetic: CodeMatrix) -> dict[str, object]:
    """Shares of rows by number of codes; a number of fewer than 11 real rows joins the next."""
    most = int(max(real.widths.max(initial=0), synthetic.widths.max(initial=0)))
    counts = np.bincount(real.widths, minlength=most + 1)
    edges = [0]
    for k in range(most + 1):
        if counts[edges[-1] : k + 1].sum() >= SMALLEST:
            edges.append(k + 1)
    if len(edges) > 1:
        edges[-1] = most + 1  # the last bar takes what is left above it
    else:
        edges.append(most + 1)
    shares = [
        np.histogram(m.widths, bins=[e - 0.5 for e in edges])[0] / len(m) for m in (real, synthetic)
    ]
    return {
        "column": "codes a row",
        "edges": [float(e) for e in edges],
        "real": [round(float(v), 4) for v in shares[0]],
        "synthetic": [round(float(v), 4) for v in shares[1]],
    }
