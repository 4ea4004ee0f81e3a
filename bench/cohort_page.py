"""The bench page's section on cohorts, and the targets of its figures."""

from typing import Any

from targets import short

# set -> figure -> title, side of the target, target.
TARGETS: dict[str, dict[str, tuple[str, str, float]]] = {
    "physionet2012": {
        "fit_s": ("fit, CPU s", "<=", 200.0),
        "draw_s": ("draw 2,000 stays, CPU s", "<=", 10.0),
        "tstr_outcome": ("mortality, trained on synthetic", ">=", 0.825),
        "stay_c2st": ("C2ST, summaries", "<=", 0.78),
        "stay_c2st_counts": ("C2ST, counts", "<=", 0.66),
        "value_tvd": ("values, TVD", "<=", 0.045),
        "change_tvd": ("changes, TVD", "<=", 0.08),
        "interval_tvd": ("intervals, TVD", "<=", 0.12),
        "events_w1": ("events a stay, W1", "<=", 7.0),
        "stay_correlation": ("correlation of means, MAE", "<=", 0.046),
        "membership_course_auc": ("membership by courses", "<=", 0.53),
        "cohort_violations": ("broken rules in 1,000", "<=", 0.0),
        "cohort_orphans": ("keys that lead nowhere", "<=", 0.0),
    },
    "pbcseq": {
        "km_area_ratio": ("survival curves, v. two real halves", "<=", 1.5),
        "hazard_signs": ("Cox signs", ">=", 1.0),
        "cohort_violations": ("broken rules in 1,000", "<=", 0.0),
        "cohort_orphans": ("keys that lead nowhere", "<=", 0.0),
    },
    "diabetes130-codes": {
        "code_pairs_often": ("pairs of codes seen in 50 patients, R2", ">=", 0.95),
        "code_logodds_rare": ("rare codes, log-odds error", "<=", 3.0),
        "cohort_violations": ("broken rules in 1,000", "<=", 0.0),
        "cohort_orphans": ("keys that lead nowhere", "<=", 0.0),
    },
}
# figure -> title: no target was set for them.
BESIDE = {
    "tstr_next_value": "next value, trained on synthetic, R2",
    "tstr_next_visit": "what comes at the next step, trained on synthetic, AUC",
    "course_autocorrelation": "autocorrelations within a patient, error",
    "course_cross_correlation": "correlations of two variables within a patient, error",
}
ABOUT = """## Cohorts

By `python bench/cohorts.py fit --set S --model M` and then `judge`: half of the patients to train,
judged by our own measures of cohorts against the other half. One core, CPU seconds; medians over
fits. In brackets what as many real patients score, and shuffled events. The targets of
PhysioNet-2012 were set by a prototype whose deciles, intervals and correlations were counted a
little otherwise: read them beside the brackets.

"""
Row = dict[str, Any]


def cohorts(rows: list[Row]) -> str:
    """Every set with its models, figure by figure."""
    lines = [ABOUT]
    for name, targets in TARGETS.items():
        mine = [r for r in rows if r["set"] == name]
        models = list(dict.fromkeys(r["model"] for r in mine))
        if not mine:
            continue
        first = mine[0]
        lines.append(
            f"{name}: {first['patients']:,} train patients, {first['events']:,} events\n\n"
            f"| figure | target | {' | '.join(_titled(m, mine) for m in models)} |\n"
            f"|---|---|{'---|' * len(models)}\n"
        )
        for figure, (title, side, limit) in targets.items():
            cells = [
                _cell([r for r in mine if r["model"] == m], figure, side, limit) for m in models
            ]
            lines.append(f"| {title} | {side} {limit:g} | {' | '.join(cells)} |\n")
        for figure, title in BESIDE.items():
            cells = [_cell([r for r in mine if r["model"] == m], figure) for m in models]
            if any(cell != "-" for cell in cells):
                lines.append(f"| {title} | - | {' | '.join(cells)} |\n")
        lines.append("\n")
    return "".join(lines)


def _titled(model: str, rows: list[Row]) -> str:
    seeds = sum(r["model"] == model for r in rows)
    return f"**{model}** ({seeds} fit{'s' * (seeds > 1)})"


def _cell(rows: list[Row], figure: str, side: str = "", limit: float = 0.0) -> str:
    found = [(r["figures"].get(figure) or {}) for r in rows]
    value = _median([f.get("value") for f in found])
    if value is None:
        return "-"
    anchors = [_median([f.get(k) for f in found]) for k in ("holdout", "shuffled")]
    told = ", ".join("-" if a is None else _said(a) for a in anchors)
    beside = f" ({told})" if any(a is not None for a in anchors) else ""
    if not side:
        return f"{_said(value)}{beside}"
    met = value <= limit if side == "<=" else value >= limit
    return f"{_said(value)}{beside} {'met' if met else '**missed**'}"


def _said(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 2 else short(value)


def _median(values: list[float | None]) -> float | None:
    known = sorted(v for v in values if v is not None)
    if not known:
        return None
    half = len(known) // 2
    return known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2


def sizes(figures: dict[str, Any]) -> str:
    """All stays by the command, and patients drawn in shards from a saved net of events."""
    lines = []
    if whole := figures.get("stays"):
        note = f", {whole['note']}" if "note" in whole else ""
        lines.append(
            "\n`medsynai synthesize` of PhysioNet-2012's set A whole (3,996 stays, 1.73 million"
            f" events), one core: fit {whole['stages']['train']:.0f} s (target 480), drawing"
            f" {whole['stages']['draw']:.0f} s, all of it {whole['wall_s']:.0f} s and"
            f" {whole['cpu_s']:.0f} CPU s, peak {whole['peak_mb']:,} MB (target 3,000){note}.\n"
        )
    if drawn := figures.get("patients"):
        lines.append(
            "\n`medsynai sample` of a net of events with about 20 events a patient:\n\n"
            "| patients | events | wall s, busy machine | CPU s | peak memory |\n"
            "|---|---|---|---|---|\n"
        )
        lines += [
            f"| {s['rows']:,} | {s['events']:,} | {s['wall_s']:.0f} | {s['cpu_s']:.0f} |"
            f" {s['peak_mb']:,} MB |\n"
            for s in drawn
        ]
    return "".join(lines)
