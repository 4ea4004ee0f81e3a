"""Membership: can an outsider tell whose rows the synthetic data were made from?

Three attacks (`accusing`); the strongest is the headline, as no single one wins everywhere. Shown
for all rows, for the tenth that lies furthest out, and for the worst-off named group.
"""

from math import isfinite
from typing import Any

import numpy as np

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.accusing import ATTACKS, Accusations, accuse
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import Effort, Round, obstacle, rounds
from medsynai.evaluate.attacks.parts import NO_GROUPS, furthest, named
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

_CARLINI = "Carlini et al. 2022; strongest of three attacks, Bonferroni"
HEADLINES = (
    Heading("membership_auc", "Membership: AUC of the strongest attack", _CARLINI, 0.5),
    Heading("membership_tpr_1", "Membership: rows found at 1 % false alarms", _CARLINI, 0.01),
    Heading("membership_tpr_10", "Membership: rows found at 10 % false alarms", _CARLINI, 0.10),
    Heading(
        "membership_advantage",
        "Membership: share found less share falsely accused",
        "Yeom et al. 2018; cross-fitted cut; strongest of three attacks, Bonferroni",
    ),
    Heading(
        "membership_f1_excess",
        "Membership: F1 beyond that of accusing everybody",
        "El Emam, Mosquera and Fang 2022; strongest of three attacks, Bonferroni",
    ),
    Heading(
        "membership_worst_auc",
        "Membership: AUC for the tenth of rows that lie furthest out",
        "Meeus et al. 2023 (Achilles' heels); strongest of three attacks, Bonferroni",
        0.5,
    ),
    Heading(
        "membership_worst_tpr_10",
        "Membership: outlying rows found at 10 % false alarms among outlying holdout rows",
        "Meeus et al. 2023 (Achilles' heels); strongest of three attacks, Bonferroni",
        0.10,
    ),
)
GROUP = Heading(
    "membership_group_auc",
    "Membership: AUC within the worst-off named group",
    "Carlini et al. 2022; strongest of three attacks, Bonferroni over attacks and groups",
    0.5,
)
EACH = tuple(
    Heading(f"membership_{name}_auc", f"Membership: AUC of the {name} attack", source, 0.5)
    for name, source in ATTACKS.items()
)


def measure(trial: Trial, effort: Effort | None = None) -> Findings:
    """Membership scores of the release, with exhibit "membership" (rates only).

    Args:
        trial: rows under judgement; without a holdout every score is "not assessed".
        effort: how many rows to look at.
    """
    headings = HEADLINES + EACH
    reason = obstacle(trial)
    if reason or trial.holdout is None:
        return Findings(tuple(h.absent(reason) for h in (*headings, GROUP)))
    played = rounds(trial, effort or Effort())
    accused = {
        name: accuse(round_, trial.seeds.of("membership", name)) for name, round_ in played.items()
    }
    members = len(trial.train) / (len(trial.train) + len(trial.holdout))
    found = {name: _intervals(a, members) for name, a in accused.items()}
    own, round_ = accused["synthetic"], played["synthetic"]
    n, few = len(round_.train), int(furthest(own.apart_inside, own.apart_outside).inside.sum())
    scores = [
        h.score({name: f[h.name] for name, f in found.items()}, few if "worst" in h.name else n)
        for h in headings
    ]
    groups = {name: _groups(trial, r, accused[name]) for name, r in played.items()}
    lines = groups["synthetic"]
    if lines:
        most = {name: _most(g) for name, g in groups.items()}
        rows = min(line["train rows"] for line in lines)
        scores.append(GROUP.score(most, rows, f"the worst of {len(lines)} groups"))
    else:
        scores.append(GROUP.absent(NO_GROUPS))
    exhibit = {"membership": _exhibit(own, found["synthetic"])}
    return Findings(tuple(scores), exhibit, {"membership": lines} if lines else {})


def _groups(trial: Trial, round_: Round, a: Accusations) -> list[dict[str, Any]]:
    """A line for each named group: the strongest attack within it."""
    parts = named(trial, round_)
    z = intervals.quantile_of(0.95, len(ATTACKS) * max(1, len(parts)))
    lines = []
    for part in parts:
        each = [
            intervals.auc(a.inside[k][part.inside], a.outside[k][part.outside], z) for k in ATTACKS
        ]
        best = intervals.largest(each)
        if isfinite(best.value):
            rows = int(part.inside.sum())
            line = {"group": part.name, "train rows": rows, "figure": best.value}
            lines.append(line | {"low": best.low, "high": best.high})
    return lines


def _most(lines: list[dict[str, Any]]) -> Interval:
    return intervals.largest([Interval(x["figure"], x["low"], x["high"]) for x in lines])


def _intervals(a: Accusations, members: float) -> dict[str, Interval]:
    """Every heading's interval on one round."""
    z = intervals.quantile_of(0.95, len(ATTACKS))
    pairs = [(a.inside[k], a.outside[k]) for k in ATTACKS]
    tenth = furthest(a.apart_inside, a.apart_outside)
    far = [(i[tenth.inside], o[tenth.outside]) for i, o in pairs]
    found = {
        "membership_auc": [intervals.auc(i, o, z) for i, o in pairs],
        "membership_tpr_1": [intervals.tpr_at(i, o, 0.01, z) for i, o in pairs],
        "membership_tpr_10": [intervals.tpr_at(i, o, 0.10, z) for i, o in pairs],
        "membership_advantage": [intervals.advantage(i, o, z) for i, o in pairs],
        "membership_f1_excess": [intervals.f1_excess(i, o, members, z) for i, o in pairs],
        "membership_worst_auc": [intervals.auc(i, o, z) for i, o in far],
        "membership_worst_tpr_10": [intervals.tpr_at(i, o, 0.10, z) for i, o in far],
    }
    each = {f"membership_{k}_auc": intervals.auc(a.inside[k], a.outside[k]) for k in ATTACKS}
    return {k: intervals.largest(v) for k, v in found.items()} | each


def _exhibit(a: Accusations, found: dict[str, Interval]) -> dict[str, Any]:
    """Rates only: ROC heights on a fixed grid, and how many rows stand at each end."""
    grid = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0]
    tenth = furthest(a.apart_inside, a.apart_outside)
    best = max(ATTACKS, key=lambda k: found[f"membership_{k}_auc"].value)
    roc = {
        k: [round(intervals.tpr_at(a.inside[k], a.outside[k], f).value, 4) for f in grid]
        for k in ATTACKS
    }
    return {
        "strongest": best,
        "false_alarms": grid,
        "found": roc,
        "train_rows": len(a.apart_inside),
        "holdout_rows": len(a.apart_outside),
        "outlying_train_rows": int(tenth.inside.sum()),
        "outlying_holdout_rows": int(tenth.outside.sum()),
    }
