"""The bench page's section on what the measures of cohorts say of copies and of real patients."""

from pathlib import Path
from typing import Any

from targets import short

Row = dict[str, Any]
ANCHORED = Path(__file__).resolve().parent / "results" / "cohort_anchors"
SIDES = ("copy", "real", "bootstrap", "marginals")
CHANCE = {"membership_tpr_1": 0.01, "copied_run": 0.0, "nnaa_loss": 0.0}  # .5 of the others
# Of one variable at a time, or of how many events there are: marginals keep these as they are.
KEPT = {
    *("code_r2", "code_missed", "code_logodds_common", "code_logodds_mid", "code_logodds_rare"),
    *("events_w1", "gap_tvd", "value_tvd"),
}
ABOUT = """## What copies score

By `python bench/cohort_anchors.py`: a third of the patients trains, a third is the holdout. Each
cell: an exact copy of the train part, other real patients, a bootstrap of train patients, and
marginals alone (`shuffle`). A copy wins fidelity and utility; the attacks are what catches it.
An attack finds what lies beyond chance by its 95 % interval, and so one in twenty real samples.

"""


def anchored(rows: list[Row]) -> str:
    """A row a measure, a column a set."""
    names = list(dict.fromkeys(n for r in rows for n in r["scores"]))
    heads = [f"{r['set']}, {r['patients']:,} train patients" for r in rows]
    lines = [ABOUT, f"| family | measure | better | {' | '.join(heads)} |\n"]
    lines.append(f"|---|---|---|{'---|' * len(rows)}\n")
    for name in names:
        found = [r["scores"].get(name) for r in rows]
        one = next(f for f in found if f)
        if all(f is None or _value(f, "real") is None for f in found):
            continue
        cells = " | ".join("-" if f is None else _cell(f) for f in found)
        lines.append(f"| {one['family']} | `{name}` | {one['better']} | {cells} |\n")
    lines.append("\n")
    for row in rows:
        wrong = [f"`{n}`" for n, s in row["scores"].items() if misranked(n, s)]
        said = ", ".join(wrong) or "none"
        lines.append(
            f"- {row['set']}: real patients no better than marginals, copies not found, or real"
            f" patients found: {said}.\n"
        )
    return "".join(lines) + "\n"


def misranked(name: str, score: Row) -> bool:
    """A measure that puts marginals above real patients, or an attack that lets copies pass.

    An attack must find both copies beyond its interval, and nobody in other real patients.
    """
    if _value(score, "real") is None:
        return False
    if score["family"] == "privacy":
        chance = CHANCE.get(name, 0.5)
        copies = all(score[side][1] > chance for side in ("copy", "bootstrap"))
        return not copies or score["real"][1] > chance
    if score["family"] == "validity" or name in KEPT or _value(score, "marginals") is None:
        return False
    gain = score["real"][0] - score["marginals"][0]
    return gain <= 0 if score["better"] == "high" else gain >= 0


def _value(score: Row, side: str) -> float | None:
    found: list[float | None] = score.get(side, [None])
    return found[0]


def _cell(score: Row) -> str:
    values = [_value(score, side) for side in SIDES]
    return ", ".join("-" if v is None else _said(v) for v in values)


def _said(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 2 else short(value)
