"""Every column's distribution, real beside synthetic; no real bin holds fewer than 11 patients."""

import math
from typing import Any

import numpy as np

from medsynai.data.levels import patients_of_levels
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
    encoding, whose = trial.encoding, trial.train.whose()
    if people(whose) < SMALL or len(trial.synthetic) == 0:
        raise AssessmentError(f"fewer than {SMALL} real patients: no bin may be shown")
    synthetic = encoding.values(trial.synthetic)
    shown = [
        _levels(column, encoding.levels[j], (encoding.train[:, j], whose), synthetic[:, j])
        if encoding.is_level[j]
        else _numbers(column, encoding.train[:, j], synthetic[:, j], whose)
        for j, column in enumerate(encoding.columns)
    ]
    return Findings((), {"histograms": [s for s in shown if s]})


def people(whose: Codes) -> int:
    """How many patients these rows are of."""
    return len(np.unique(whose))


def _numbers(
    column: Column, real: Floats, synthetic: Floats, whose: Codes
) -> dict[str, Any] | None:
    there = np.isfinite(real)
    present = real[there]
    if people(whose[there]) < SMALL:
        return None
    edges = merged_edges(present, nice_edges(present), whose[there])
    counts, missing = _counts(real, edges), len(real) - len(present)
    note = ""
    if 0 < people(whose[~there]) < SMALL:
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


def merged_edges(values: Floats, edges: Floats, whose: Codes) -> Floats:
    """The edges left when neighbouring bins are joined until each holds 11 patients or more."""
    place = np.searchsorted(edges[1:-1], values, "right")
    kept, begun = [float(edges[0])], 0
    for bin_, edge in enumerate(edges[1:]):
        if people(whose[(place >= begun) & (place <= bin_)]) >= SMALL:
            kept.append(float(edge))
            begun = bin_ + 1
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
    column: Column, names: tuple[str, ...], own: tuple[Floats, Codes], synthetic: Floats
) -> dict[str, Any] | None:
    """Common levels by frequency; the rare ones, and a few missing values, in one bar."""
    size, (real, whose) = len(names) + 1, own
    a, b = (np.bincount(_filled(v, size), minlength=size) for v in (real, synthetic))
    code = _filled(real, size)
    have = patients_of_levels(code, whose, size)
    labels = [*names, MISSING]
    order = [int(i) for i in np.argsort(-a, kind="stable")]
    alone = [i for i in order if have[i] >= SMALL][:LEVELS]
    rest = [i for i in order if i not in set(alone)]
    while alone and 0 < people(whose[np.isin(code, rest)]) < SMALL:
        rest.append(alone.pop())
    bars = [(labels[i], int(a[i]), int(b[i])) for i in alone]
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


def _filled(codes: Floats, size: int) -> Codes:
    """Codes with the last one for missing."""
    return np.where(np.isnan(codes), size - 1, codes).astype(np.int64)


def _shares(counts: Codes, rows: int) -> list[float]:
    return [round(float(c) / rows, 5) for c in counts]
