"""Every column's distribution, real beside synthetic; no real bin holds fewer than 11 rows."""

import math
from typing import Any

import numpy as np

from medsynai.data.schema import Column
from medsynai.errors import AssessmentError
from medsynai.evaluate.encode import Codes, Floats
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

SMALL = 11
BINS = 24
LEVELS = 15
OTHER, MISSING = "other", "missing"


def measure(trial: Trial) -> Findings:
    """The `histograms` exhibit: shares of the train rows and of the synthetic rows.

    Raises:
        AssessmentError: so few train rows that no bin may be shown.
    """
    encoding = trial.encoding
    if len(trial.train) < SMALL or len(trial.synthetic) == 0:
        raise AssessmentError(f"fewer than {SMALL} real rows: no bin may be shown")
    synthetic = encoding.values(trial.synthetic)
    shown = [
        _levels(column, encoding.levels[j], encoding.train[:, j], synthetic[:, j])
        if encoding.is_level[j]
        else _numbers(column, encoding.train[:, j], synthetic[:, j])
        for j, column in enumerate(encoding.columns)
    ]
    return Findings((), {"histograms": [s for s in shown if s]})


def _numbers(column: Column, real: Floats, synthetic: Floats) -> dict[str, Any] | None:
    present = real[np.isfinite(real)]
    if len(present) < SMALL:
        return None
    edges = merged_edges(present, nice_edges(present))
    counts, missing = _counts(real, edges), len(real) - len(present)
    note = ""
    if 0 < missing < SMALL:
        # Left out, the bins would sum to the other rows and give the small count away.
        counts[int(np.argmax(counts))] += missing
        missing, note = 0, "The few missing values are counted in the fullest bin."
    drawn = _counts(synthetic, edges)
    return {
        "column": column.name,
        "edges": [float(e) for e in edges],
        "real": _shares(counts, len(real)),
        "synthetic": _shares(drawn, len(synthetic)),
        "missing_real": round(missing / len(real), 4),
        "missing_synthetic": round(1 - drawn.sum() / len(synthetic), 4),
        "n_real": len(real),
        "note": note or "The outer bins also hold what lies beyond them.",
    }


def nice_edges(values: Floats) -> Floats:
    """About 24 bins with round edges over the 1-99 % range; no edge is a patient's own value.

    >>> nice_edges(np.arange(0.0, 101.0)).tolist()[:3]
    [0.0, 5.0, 10.0]
    """
    low, high = (float(q) for q in np.quantile(values, [0.01, 0.99]))
    if high - low <= max(1e-12 * max(abs(low), abs(high)), 1e-290):
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / BINS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step), math.floor(high / step) + 1
    # Twelve digits: 3 * 0.1 is 0.3 to a reader.
    return np.array([float(f"{k * step:.12g}") for k in range(first, last + 1)])


def merged_edges(values: Floats, edges: Floats) -> Floats:
    """The edges left when neighbouring bins are joined until each holds 11 values or more."""
    kept, held = [float(edges[0])], 0
    for edge, count in zip(edges[1:], _counts(values, edges), strict=True):
        held += int(count)
        if held >= SMALL:
            kept.append(float(edge))
            held = 0
    # What is left over at the upper end joins the last full bin.
    if len(kept) == 1:
        kept.append(float(edges[-1]))
    kept[-1] = float(edges[-1])
    return np.array(kept)


def _counts(values: Floats, edges: Floats) -> Codes:
    """Rows in each bin; the outer bins are open."""
    present = values[np.isfinite(values)]
    place = np.searchsorted(edges[1:-1], present, "right")
    return np.bincount(place, minlength=len(edges) - 1).astype(np.int64)


def _levels(
    column: Column, names: tuple[str, ...], real: Floats, synthetic: Floats
) -> dict[str, Any] | None:
    """Common levels by frequency; the rare ones, and a few missing values, in one bar."""
    size = len(names) + 1
    a, b = (_tally(v, size) for v in (real, synthetic))
    labels = [*names, MISSING]
    order = [int(i) for i in np.argsort(-a, kind="stable")]
    own = [i for i in order if a[i] >= SMALL][:LEVELS]
    rest = [i for i in order if i not in set(own)]
    while own and 0 < sum(int(a[i]) for i in rest) < SMALL:
        rest.append(own.pop())
    bars = [(labels[i], int(a[i]), int(b[i])) for i in own]
    held = [i for i in rest if a[i] or b[i]]
    if held:
        bars.append((_rest_label(held, size), int(a[held].sum()), int(b[held].sum())))
    return {
        "column": column.name,
        "levels": [name for name, _, _ in bars],
        "real": _shares(np.array([r for _, r, _ in bars]), len(real)),
        "synthetic": _shares(np.array([s for _, _, s in bars]), len(synthetic)),
        "n_real": len(real),
    }


def _rest_label(held: list[int], size: int) -> str:
    missing = size - 1 in held
    levels = len(held) - missing
    if not levels:
        return MISSING
    words = f"{OTHER} ({levels} level{'s' * (levels > 1)})"
    return f"{words} or {MISSING}" if missing else words


def _tally(codes: Floats, size: int) -> Codes:
    filled = np.where(np.isnan(codes), size - 1, codes).astype(np.int64)
    return np.bincount(filled, minlength=size).astype(np.int64)


def _shares(counts: Codes, rows: int) -> list[float]:
    return [round(float(c) / rows, 5) for c in counts]
