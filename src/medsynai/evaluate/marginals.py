"""One column at a time: Kolmogorov-Smirnov, Wasserstein, decimal places, and a table of columns."""

import math
from typing import Any

import numpy as np

from medsynai.evaluate.encode import Encoding, Floats
from medsynai.evaluate.fidelity import distances
from medsynai.evaluate.interval import Rows
from medsynai.evaluate.score import Family, Findings, blank
from medsynai.evaluate.sides import Sides, compare, take_sides, unassessed
from medsynai.evaluate.trial import Trial

CAP = 20_000
SMALL = 11
DECIMALS = 9
KEEPS = "Shuffling keeps single columns, so the shuffled anchor equals the holdout's here."

KS = blank(
    "ks",
    "Numbers: Kolmogorov-Smirnov distance",
    Family.FIDELITY,
    "low",
    "sup |F - G| of present values, mean over number columns (Massey 1951)",
    note=KEEPS,
)
WASSERSTEIN = blank(
    "wasserstein",
    "Numbers: Wasserstein distance, in units of the 5-95 % range of train",
    Family.FIDELITY,
    "low",
    "integral |F - G| dx / (q95 - q5 of train), mean over number columns (Vallender 1974)",
    note=KEEPS,
)
PRECISION = blank(
    "precision",
    "Numbers: pattern of decimal places, total variation distance",
    Family.FIDELITY,
    "low",
    "TVD of the number of decimals needed to write each value, mean over number columns",
    note=KEEPS,
)


def measure(trial: Trial) -> Findings:
    """KS, scaled Wasserstein and decimal places over number columns, and the table of columns.

    Raises:
        AssessmentError: too few rows, or no column.
    """
    tables = take_sides(trial, CAP)
    encoding = trial.encoding
    values = tables.map(encoding.values)
    numbers = [
        int(j) for j in np.flatnonzero(~encoding.is_level) if _present(encoding.train[:, j]).size
    ]
    own = tables.reference if tables.real is None else tables.real
    exhibit = {"columns": _columns(values, encoding, own.whose())}
    if not numbers:
        reason = "no number column with values"
        return Findings(tuple(unassessed(s, reason) for s in (KS, WASSERSTEIN, PRECISION)), exhibit)
    chosen = values.map(lambda v: v[:, numbers])
    decimals = chosen.map(decimal_places)
    spans = [span(encoding.train[:, j]) for j in numbers]

    def ks(a: Rows, b: Rows) -> float:
        return mean_over(kolmogorov(x, y) for x, y in zip(a.T, b.T, strict=True))

    def scaled(a: Rows, b: Rows) -> float:
        return mean_over(
            wasserstein(x, y) / s for x, y, s in zip(a.T, b.T, spans, strict=True) if s > 0
        )

    def places(a: Rows, b: Rows) -> float:
        sizes = np.full(a.shape[1], DECIMALS + 2)
        return float(distances(a, b, sizes, [(j,) for j in range(a.shape[1])]).mean())

    scores = (
        compare(KS, chosen, ks, trial.seeds),
        compare(WASSERSTEIN, chosen, scaled, trial.seeds, (0.0, math.inf)),
        compare(PRECISION, decimals, places, trial.seeds),
    )
    return Findings(scores, exhibit)


def mean_over(values: Any) -> float:
    """Mean of the finite values; NaN where there is none."""
    finite = [v for v in values if math.isfinite(v)]
    return float(np.mean(finite)) if finite else math.nan


def kolmogorov(a: Floats, b: Floats) -> float:
    """Largest distance between two distribution functions; NaN where one side has no value.

    >>> kolmogorov(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    1.0
    """
    a, b = np.sort(_present(a)), np.sort(_present(b))
    if len(a) == 0 or len(b) == 0:
        return math.nan
    at = np.concatenate([a, b])
    left = np.searchsorted(a, at, "right") / len(a)
    return float(np.abs(left - np.searchsorted(b, at, "right") / len(b)).max())


def wasserstein(a: Floats, b: Floats) -> float:
    """Area between two distribution functions, in the values' own unit; NaN without values.

    >>> wasserstein(np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    2.0
    """
    a, b = np.sort(_present(a)), np.sort(_present(b))
    if len(a) == 0 or len(b) == 0:
        return math.nan
    at = np.sort(np.concatenate([a, b]))
    left = np.searchsorted(a, at[:-1], "right") / len(a)
    right = np.searchsorted(b, at[:-1], "right") / len(b)
    return float(np.sum(np.abs(left - right) * np.diff(at)))


def span(values: Floats) -> float:
    """The 5-95 % range of the values, or their whole range where that is nothing."""
    present = _present(values)
    if len(present) == 0:
        return 0.0
    low, high = np.quantile(present, [0.05, 0.95])
    return float(high - low) or float(np.ptp(present))


def decimal_places(values: Floats) -> Rows:
    """How many decimals each value needs, 0 to 9 (9: nine or more); 10 for missing.

    >>> decimal_places(np.array([[1.0, 0.25, float("nan")]])).tolist()
    [[0, 2, 10]]
    """
    out = np.full(values.shape, DECIMALS, dtype=np.int64)
    finite = np.isfinite(values)
    scale = np.abs(np.where(finite, values, 0.0))
    for places in range(DECIMALS - 1, -1, -1):
        shifted = scale * 10.0**places
        out[np.abs(shifted - np.rint(shifted)) <= 1e-9 * np.maximum(shifted, 1.0)] = places
    out[~finite] = DECIMALS + 1
    return out


def _present(values: Floats) -> Floats:
    finite: Floats = values[np.isfinite(values)]
    return finite


def hidden_share(mask: Rows, whose: Rows) -> float | None:
    """The share of true cells; None where either side of the split has 1 to 10 patients."""
    small = any(0 < len(np.unique(whose[side])) < SMALL for side in (mask, ~mask))
    return None if small else round(int(mask.sum()) / len(mask), 4)


def _columns(values: Sides[Floats], encoding: Encoding, whose: Rows) -> list[dict[str, Any]]:
    """One row a column; real shares that rest on 1 to 10 patients are left out."""
    codes = values.map(encoding.codes_of)
    groups = [(j,) for j in range(len(encoding.names))]
    found = distances(codes.synthetic, codes.reference, encoding.sizes, groups)
    real = values.reference if values.real is None else values.real
    rows = []
    for j, column in enumerate(encoding.columns):
        a, b = values.synthetic[:, j], values.reference[:, j]
        number, width = not encoding.is_level[j], span(encoding.train[:, j])
        moved = wasserstein(a, b) / width if number and width > 0 else math.nan
        floor = (
            None
            if codes.real is None
            else distances(codes.real, codes.reference, encoding.sizes, [(j,)])[0]
        )
        rows.append(
            {
                "column": column.name,
                "kind": column.kind.value,
                "tvd": _rounded(float(found[j])),
                "tvd_holdout": None if floor is None else _rounded(float(floor)),
                "ks": _rounded(kolmogorov(a, b)) if number else None,
                "wasserstein": _rounded(moved),
                "missing_real": hidden_share(np.isnan(real[:, j]), whose),
                "missing_synthetic": _rounded(float(np.isnan(a).mean())),
            }
        )
    return rows


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
