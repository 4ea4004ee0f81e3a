"""What epsilon buys, in words and as a curve: the best that any attack can do."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from medsynai import store
from medsynai.report.evidence import Evidence
from medsynai.report.markup import NOTHING, Child, Markup, joined, paragraph, table, tag
from medsynai.report.rounding import count, figure, plain, share
from medsynai.report.svg import Scale, frame, line, path, rect, text

MARKED = (0.01, 0.1)  # shares of false alarms that are named in words
ANCHOR, HEADING = "guarantee", "What the guarantee buys"


def buys(evidence: Evidence, said: int = 0) -> Markup:
    """The chapter, without the first `said` sentences; nothing where there is no budget."""
    if "best_attack" not in evidence.ledger:
        return NOTHING
    curve = evidence.ledger["best_attack"]["curve"]
    words = [paragraph(line) for line in promised(evidence)[said:]]
    drawn = tag("div", _picture(curve["fpr"], curve["tpr"]), class_="wide")
    note = paragraph(
        "Share of patients in the data that the best attack finds, by the share of others that it "
        "falsely accuses. No attack lies above the curve; guessing lies on the straight line.",
        kind="note",
    )
    return tag("section", tag("h2", HEADING), *words, drawn, note, id_=ANCHOR)


def promised(evidence: Evidence) -> tuple[str, ...]:
    """The guarantee in plain words, each number from the ledger."""
    ledger = evidence.ledger
    least = ledger["best_attack"]
    one, ten = (least[f"tpr_at_fpr_{f}"] for f in ("0.01", "0.1"))
    unit = ledger["unit"]
    lines = [
        _whose(evidence),
        "Take somebody who knows the whole record of a patient, and all other patients, and asks "
        "whether this one was in the data. If they falsely accuse 1 of 100 people who were not, "
        f"they find at most {_of_hundred(one)} of 100 who were; at 10 of 100 false alarms, at most "
        f"{_of_hundred(ten)}. That holds for every attack, known or not yet found."
        + ("" if unit == "patient" else f" Whoever has several {unit}s may be found more often."),
    ]
    runs = ledger.get("all_runs")
    if runs is not None:
        whole, allowed = runs["spent"], _pair(runs["budget"])[0]
        entries = "entry" if runs["earlier"] == 1 else "entries"
        before = (
            f"has {count(runs['earlier'])} earlier {entries}, which these shares and the curve "
            "count"
        )
        said = before if runs["earlier"] else "begins with this release"
        lines.append(
            f"The ledger of these data {said}. All of it together costs epsilon {figure(whole)} of "
            f"the {allowed:g} that were set for all runs."
        )
    lines.append(
        "What is true of many patients is learnt, of this one too: that is the use of the data. "
        "The guarantee is about what their own taking part adds."
    )
    return tuple(lines)


def _whose(evidence: Evidence) -> str:
    """What holds for whom: with a bought contract, of all that its ledger paid for."""
    ledger = evidence.ledger
    epsilon, delta = _pair(ledger["promised"])
    alone, beside = _pair(ledger["budget"]), ""
    if alone != (epsilon, delta):
        beside = (
            "of this release and all that its ledger paid for before it, as the contract was "
            f"bought (this run alone: {alone[0]:g}, {alone[1]:g}), "
        )
    whose = evidence.data.said("for one patient, with all rows of theirs that count")
    if ledger["unit"] != "patient":
        unit = ledger["unit"]
        where = "column of the contract" if unit == "row" else "file or label"
        whose = (
            f"for one {unit}: no {where} names the patient, so it is for one patient "
            f"only if nobody has a second {unit}"
        )
    return (
        f"({epsilon:g}, {delta:g})-differential privacy {beside}{whose}. Whatever is published "
        "here, its chance with a patient in the data and without them differs by a factor of "
        f"{_factor(epsilon)} at most, but for a chance of {delta:g}."
    )


def _factor(epsilon: float) -> str:
    """E to the epsilon, to three digits, never rounded down.

    >>> _factor(1.0), _factor(2.0), _factor(10.0)
    ('2.72', '7.39', '22100')
    """
    factor = math.exp(epsilon)
    grain = 10.0 ** (math.floor(math.log10(factor)) - 2)
    return f"{math.ceil(factor / grain - 1e-9) * grain:.6g}"


def _pair(budget: object) -> tuple[float, float]:
    """Epsilon and delta of a budget."""
    plain_budget = store.to_plain(budget)
    return plain_budget["epsilon"], plain_budget["delta"]


def _of_hundred(part: float) -> str:
    """A share as a number of 100 people, never rounded down.

    >>> _of_hundred(0.0268), _of_hundred(1.0)
    ('2.7', '100')
    """
    return f"{math.ceil(part * 1000 - 1e-9) / 10:g}"


def _picture(fpr: Any, tpr: Any) -> Markup:
    width, left, top, floor = 460.0, 46.0, 14.0, 250.0
    across, up = Scale(0, 1, left, width - 8), Scale(0, 1, floor, top)
    drawn: list[Child] = []
    for level in (0.0, 0.25, 0.5, 0.75, 1.0):
        words = share(level).replace(".0", "")
        drawn.append(line(left, up(level), width - 8, up(level), "grid"))
        drawn.append(text(left - 5, up(level) + 3, words, "tiny", "end"))
        ends = {0.0: None, 1.0: "end"}
        drawn.append(text(across(level), floor + 14, words, "tiny", ends.get(level, "middle")))
    drawn.append(line(across(0), up(0), across(1), up(1), "anchor"))
    points = [(0.0, 0.0), *zip(fpr, tpr, strict=True), (1.0, 1.0)]
    drawn.append(path([(across(a), up(b)) for a, b in points], "synthetic-line"))
    for a, b in points:
        if a in MARKED:
            drawn.append(rect(across(a) - 3, up(b) - 3, 6, 6, "syn"))
            words = f"at {_of_hundred(a)} % false alarms: {_of_hundred(b)} % found"
            drawn.append(text(across(0.5), up(0.05 + a), words, "tiny"))
    drawn.append(text(across(0.62), up(0.55), "guessing", "tiny"))
    drawn.append(text(width - 8, floor + 28, "false alarms", "tiny", "end"))
    drawn.append(text(left + 4, top + 8, "patients found", "tiny"))
    told = [f"{_of_hundred(a)} % false alarms: {_of_hundred(b)} %" for a, b in points[1:-1:6]]
    detail = "; ".join(told)
    return frame(width, floor + 34, "The best that any attack can do", detail, *drawn)


def bill(evidence: Evidence) -> Markup:
    """What was paid for what: every entry with its mechanism and noise."""
    entries = [store.to_plain(e) for e in evidence.ledger.get("entries") or ()]
    if not entries:
        return paragraph("The ledger has no entries.", kind="absent")
    keys = ["purpose", "mechanism", "unit", "note"]
    rows = [[plain(entry.get(k)) for k in keys] for entry in entries]
    head = ["Release", "Mechanism", "Unit", "Note"]
    spent, said = evidence.ledger.get("spent"), None
    if spent:
        head.insert(2, "Noise")
        for row, entry in zip(rows, entries, strict=True):
            row.insert(2, _price(entry.get("spends") or ()))
        said = paragraph(
            f"Epsilon {figure(spent['pld'])} by the first accountant (privacy-loss distributions), "
            f"{figure(spent['renyi'])} by the second (Renyi).",
            kind="note",
        )
    return joined([table(head, rows, "What left the real rows"), said])


def _price(spends: Iterable[Mapping[str, Any]]) -> str:
    """Equal spends as one.

    >>> _price([{"noise": 40.1, "rate": 1.0, "steps": 1, "delta": 0.0}] * 16)
    '16 times noise 40.1'
    """
    counts: dict[str, int] = {}
    for spend in spends:
        said = f"noise {spend['noise']:.4g}"
        said += f", rate {spend['rate']:.3g}" if spend["rate"] < 1 else ""
        said += f", delta {spend['delta']:g}" if spend["delta"] else ""
        counts[said] = counts.get(said, 0) + spend["steps"]
    return "; ".join(f"{n} times {said}" if n > 1 else said for said, n in counts.items())
