"""The card: what a release is, how it was made, and what it is fit for, in plain Markdown.

Every sentence is bound to a field of the evidence; a field that is missing prints "not assessed".
"""

import re
from collections.abc import Iterable

from medsynai.evaluate.score import Family, Score
from medsynai.report.evidence import Evidence
from medsynai.report.reading import (
    NOT_ASSESSED,
    doubted,
    guarantee,
    headlines,
    held,
    kept,
)
from medsynai.report.rounding import count, figure, interval, share
from medsynai.report.words import DIRECTION, LIMITS, QUESTIONS, STATUS_WORDS, remark

# What a passing family of gates makes a release fit for. Privacy is no use: it is a condition.
USES = {
    Family.VALIDITY: "testing software and pipelines that read this table's form",
    Family.FIDELITY: "exploring columns and their relations, teaching, preparing an analysis",
    Family.UTILITY: "developing prediction models that are then confirmed on real patients",
    Family.FAIRNESS: "looking at the protected groups that are named in the report",
}

NEVER = (
    "decisions about a patient's care",
    "finding, contacting or counting real patients",
)


def card(evidence: Evidence) -> str:
    """The text of card.md; the same evidence gives the same bytes."""
    parts = [
        f"# {escaped(evidence.title)}",
        f"**{escaped(evidence.verdict.sentence)}**",
        _section("What this is", _what(evidence)),
        _section("How it was made", _making(evidence)),
        _section("Guarantee", [escaped(guarantee(evidence))]),
        _section("Fit for", _fit(evidence)),
        _section("Not fit for", _bullets((*NEVER, *doubted(evidence)))),
        _section("Figures", [_figures(evidence)]),
        _section("Gates", [_gates(evidence)]),
        _section("Protected groups", _groups(evidence)),
        _section("Source, licence, contact", _origin(evidence)),
        _section("Limits", _bullets(map(evidence.data.said, LIMITS))),
    ]
    return "\n\n".join(parts) + "\n"


def escaped(words: str) -> str:
    r"""Text that Markdown shows as it is written, on one line.

    >>> print(escaped("a|b <script>"))
    a\|b &lt;script>
    """
    flat = " ".join(words.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", flat)


def _section(heading: str, lines: Iterable[str]) -> str:
    return "\n\n".join([f"## {heading}", *lines])


def _bullets(items: Iterable[str]) -> list[str]:
    return ["\n".join(f"- {escaped(i)}" for i in items)]


def _what(evidence: Evidence) -> list[str]:
    data, model = evidence.data, evidence.model
    form = f"form {NOT_ASSESSED}" if model is None else model.form
    missing = NOT_ASSESSED if data.missing is None else share(data.missing)
    empty = f"; empty cells: {missing}" if evidence.schema.columns else ""
    unknown = f"{NOT_ASSESSED} (no column names them)"
    patients = unknown if data.patients is None else count(data.patients)
    return [
        escaped(f"{count(data.synthetic)} {evidence.made} ({form}) of {data.source}."),
        escaped(
            f"The real data have {count(data.rows)} {data.unit} and {count(data.columns)} "
            f"{data.across}; patients: {patients}{empty}."
        ),
    ]


def _making(evidence: Evidence) -> list[str]:
    model, data = evidence.model, evidence.data
    if model is None:
        return [f"Model: {NOT_ASSESSED}; the {data.unit} were judged as a file."]
    paper = model.paper or f"paper {NOT_ASSESSED}"
    lines = [f"Model: {model.title} ({model.name}); {paper}.", *filter(None, [model.about])]
    train = NOT_ASSESSED if data.train is None else count(data.train)
    unseen = NOT_ASSESSED if data.holdout is None else count(data.holdout)
    unit = data.unit
    lines.append(
        f"{unit.capitalize()} it was fitted on: {train}. "
        f"Real {unit} it never saw (holdout): {unseen}."
    )
    if model.chosen:
        lines.append(f"How it was chosen: {model.chosen}")
    if model.conditions:
        lines.append(
            f"Every synthetic {data.each} was asked to meet: {'; '.join(model.conditions)}."
        )
    if model.kept:
        lines.append(f"Raised risk: {', '.join(model.kept)} hold real patients' values, unchanged.")
    if model.mixed > 0:
        lines.append(f"Raised risk: {share(model.mixed)} of the {unit} are real patients' {unit}.")
    seed = evidence.plan.get("seed")
    repeats = "noise has no seed" if evidence.ledger.get("budget") else "plan.toml repeats the run"
    again = f"; {repeats}" if evidence.plan else ""
    lines.append(f"Seed: {NOT_ASSESSED if seed is None else seed}{again}.")
    return [escaped(line) for line in lines] + (_bullets(evidence.notes) if evidence.notes else [])


def _fit(evidence: Evidence) -> list[str]:
    """Uses whose gates all pass; those without a gate are said to be unassessed."""
    if not evidence.verdict.passed:
        return ["Nothing outside the place where it was made: the policy does not allow a release."]
    fit, unheld = [], []
    for family, use in USES.items():
        if not held(evidence, family):
            unheld.append(use)
        elif kept(evidence, family) is not None:
            fit.append(use)
    lines = _bullets(fit) if fit else ["No use is supported by a passing gate."]
    if unheld:
        lines += [f"Without a gate, so {NOT_ASSESSED} here:", *_bullets(unheld)]
    return lines


def _figures(evidence: Evidence) -> str:
    scores = headlines(evidence)
    if not scores:
        return NOT_ASSESSED.capitalize() + "."
    head = ("Question", "Measure", "Synthetic", "Interval", "Real holdout", "Shuffled", "Copy")
    rows = [
        (
            evidence.data.said(QUESTIONS[s.family]),
            f"{s.title} ({DIRECTION[s.better]})",
            NOT_ASSESSED if s.value is None else figure(s.value),
            interval(s.low, s.high),
            figure(s.holdout),
            figure(s.shuffled),
            figure(s.control),
        )
        for s in scores
    ]
    return _table(head, rows)


def _gates(evidence: Evidence) -> str:
    if not evidence.verdict.gates:
        return escaped(evidence.verdict.sentence)
    rows = [
        (g.title, STATUS_WORDS[g.status.value], figure(g.value), figure(g.limit), g.source)
        for g in evidence.verdict.gates
    ]
    return _table(("Gate", "Status", "Figure", "Limit", "Source of the limit"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(escaped(c) for c in r) for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _groups(evidence: Evidence) -> list[str]:
    """A row a group; groups and measures that have no figure at all are named once, with why."""
    grouped = [s for s in evidence.published if s.group]
    told = [s for s in grouped if s.value is not None]
    titles, groups = ({getattr(s, n): None for s in told} for n in ("title", "group"))
    why: dict[str, dict[str, None]] = {}
    for score in grouped:
        if score.group not in groups or score.title not in titles:
            subject = score.group if score.group not in groups else score.title
            why.setdefault(remark(score) or "no figure", {})[subject] = None
    silent = [f"{NOT_ASSESSED} ({reason}): {', '.join(them)}" for reason, them in why.items()]
    lines = [_group_table(told, list(titles), list(groups))] if told else []
    lines += _bullets(line[0].upper() + line[1:] for line in silent) if silent else []
    return lines or [f"Protected groups: {NOT_ASSESSED}."]


def _group_table(scores: list[Score], titles: list[str], groups: list[str]) -> str:
    found = {(s.group, s.title): s for s in scores}
    rows = [(g, *(_beside(found.get((g, t))) for t in titles)) for g in groups]
    table = _table(("Group", *map(escaped, titles)), rows)
    return f"In brackets: what as many real holdout rows score.\n\n{table}"


def _beside(score: Score | None) -> str:
    if score is None:
        return NOT_ASSESSED
    anchor = "" if score.holdout is None else f" ({figure(score.holdout)})"
    return figure(score.value) + anchor


def _origin(evidence: Evidence) -> list[str]:
    data = evidence.data
    facts = (("Source", data.credit), ("Licence", data.licence), ("Contact", data.contact))
    return _bullets(f"{name}: {value or NOT_ASSESSED}" for name, value in facts)
