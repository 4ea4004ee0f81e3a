"""Scores as tables: each figure with its interval, its anchors and a bar between them."""

from collections.abc import Callable, Iterable

from medsynai.evaluate.score import Family, Score
from medsynai.report.evidence import Evidence
from medsynai.report.markup import NOTHING, Child, Markup, paragraph, table, tag
from medsynai.report.plots import range_bar
from medsynai.report.rounding import count, figure, interval
from medsynai.report.words import SIGNS, STATUS_WORDS, ends, remark


def references(evidence: Evidence) -> dict[str, int]:
    """Every source named by a score or a gate, numbered from 1 in order of appearance."""
    named = [s.source for s in evidence.published] + [g.source for g in evidence.verdict.gates]
    return {source: i + 1 for i, source in enumerate(dict.fromkeys(n for n in named if n))}


def cite(source: str, numbers: dict[str, int]) -> Markup:
    """A small number that leads to the source's line."""
    if source not in numbers:
        return NOTHING
    number = numbers[source]
    return tag("sup", tag("a", f"{number}", href=f"#ref-{number}", aria_label=f"source {number}"))


def bar(score: Score) -> Markup:
    """The figure between its poor and its good anchor, or nothing where an anchor is missing."""
    anchors = ends(score)
    if anchors is None or score.value is None:
        return NOTHING
    values, names = anchors
    return range_bar(score.value, values, names, (score.low, score.high), score.title)


def board(scores: Iterable[Score], numbers: dict[str, int], caption: str) -> Markup:
    """A table of scores; nothing if there are none."""
    listed = tuple(scores)
    if not listed:
        return NOTHING
    grouped = any(s.group for s in listed)
    copied = any(s.family is Family.PRIVACY or s.control is not None for s in listed)
    barred = any(ends(s) is not None and s.value is not None for s in listed)
    columns: list[tuple[str, bool, Callable[[Score], Child]]] = [
        ("Measure", True, lambda s: _name(s, numbers)),
        ("Group", grouped, lambda s: s.group),
        ("Synthetic", True, _value),
        ("Interval", True, lambda s: None if s.value is None else interval(s.low, s.high)),
        ("Between the anchors", barred, bar),
        ("Real holdout", True, lambda s: figure(s.holdout)),
        ("Shuffled", True, lambda s: figure(s.shuffled)),
        ("Copy", copied, lambda s: figure(s.control)),
        ("Rows", True, lambda s: count(s.n or None)),
    ]
    kept = [(name, cell) for name, wanted, cell in columns if wanted]
    words = ("Measure", "Group", "Between the anchors")
    right = [i for i, (name, _) in enumerate(kept) if name not in words]
    rows = [[cell(s) for _, cell in kept] for s in listed]
    return table([name for name, _ in kept], rows, caption, right, kind="full")


def _name(score: Score, numbers: dict[str, int]) -> Markup:
    name = tag("span", score.title, cite(score.source, numbers), class_="title")
    return tag("span", name, tag("small", remark(score)))


def _value(score: Score) -> Markup:
    if score.value is None:
        return tag("span", "not assessed", class_="absent")
    return tag("b", figure(score.value))


def badge(status: str) -> Markup:
    """A status in colour, sign and word."""
    kind = status.replace(" ", "-")
    sign = tag("span", SIGNS[status], aria_hidden="true")
    return tag("span", sign, f" {STATUS_WORDS[status]}", class_=f"badge {kind}")


def gate_board(evidence: Evidence, numbers: dict[str, int]) -> Markup:
    """Every gate of the policy: figure, limit, status and why."""
    if not evidence.verdict.gates:
        return paragraph(evidence.verdict.sentence)
    rows: list[list[Child]] = []
    for gate in evidence.verdict.gates:
        name = tag("span", gate.title, cite(gate.source, numbers), class_="title")
        rows.append(
            [
                tag("span", name, tag("small", gate.reason) if gate.reason else None),
                badge(gate.status.value),
                figure(gate.value),
                interval(gate.low, gate.high),
                figure(gate.limit),
            ]
        )
    head = ("Gate", "Status", "Figure", "Interval", "Limit")
    return table(head, rows, "Gates of the release policy", (2, 3, 4), kind="full")
