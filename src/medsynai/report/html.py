"""The report: one offline HTML file, style and pictures inline; no script, no outside request."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from medsynai.evaluate.score import Score
from medsynai.report import chapters
from medsynai.report.evidence import Evidence
from medsynai.report.guarantee import ANCHOR as GUARANTEE
from medsynai.report.guarantee import buys
from medsynai.report.markup import NOTHING, Child, Markup, bullets, joined, paragraph, tag
from medsynai.report.reading import doubted, headlines, trusted
from medsynai.report.rounding import count, figure, interval, share
from medsynai.report.scoreboard import bar, references
from medsynai.report.training import ANCHOR, training
from medsynai.report.words import DIRECTION, QUESTIONS, SIGNS, remark

WORDS = {
    "pass": "Passes the release policy",
    "warn": "Passes the release policy, with warnings",
    "fail": "Does not pass the release policy",
    "inconclusive": "Does not pass the release policy: an attack is inconclusive",
    "not assessed": "Does not pass the release policy: something is not assessed",
}

EVIDENCE = "Evidence for a synthetic data release"
UNPAID = "Internal, not for release: scores on real rows, which no budget covers"

CONTENTS = (
    ("gates", "Gates"),
    ("validity", "Validity"),
    ("utility", "Utility"),
    ("fidelity", "Fidelity"),
    ("detection", "Detection"),
    ("privacy", "Privacy"),
    ("fairness", "Subgroups"),
    ("guarantee", "Guarantee"),
    ("training", "Training"),
    ("methods", "Methods"),
    ("provenance", "Provenance"),
    ("limits", "Limits"),
    ("sources", "Sources"),
)

SOMETIMES = {GUARANTEE: buys, ANCHOR: training}  # chapters that not every report has


@cache
def style() -> str:
    """The style sheet."""
    return files("medsynai.report").joinpath("style.css").read_text(encoding="utf-8")


def policy(css: str, pictures: bool = False) -> str:
    """A content security policy: this style sheet, images that are parts of the page if it has any.

    >>> policy("p{}")[:39]
    "default-src 'none'; style-src 'sha256-g"
    """
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    shown = " img-src data:;" if pictures else ""
    own = f"style-src 'sha256-{digest}';{shown}"
    return f"default-src 'none'; {own} base-uri 'none'; form-action 'none'"


def render(evidence: Evidence) -> str:
    """The whole report as the text of one HTML file; the same evidence gives the same bytes."""
    numbers = references(evidence)
    return page(
        evidence.title,
        _first_screen(evidence),
        tag(
            "main",
            chapters.gates(evidence, numbers),
            *(chapters.family(evidence, kind, numbers) for kind in chapters.ORDER),
            buys(evidence),
            training(evidence),
            chapters.further(evidence),
            chapters.methods(evidence),
            chapters.provenance(evidence),
            chapters.limits(evidence),
            chapters.sources(numbers),
        ),
        tag("footer", paragraph(colophon(evidence))),
    )


def page(title: str, *body: Child) -> str:
    """A whole page with our style, and a policy that allows nothing else."""
    inner = tag("body", *body)
    whole = tag("html", _head(title, "data:image/png" in inner.text), inner, lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"


def _head(title: str, pictures: bool) -> Markup:
    css = style()
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(css, pictures)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title}: evidence"),
        tag("style", Markup(css)),
    )


def _first_screen(evidence: Evidence) -> Markup:
    verdict = evidence.verdict.status.value
    colour = verdict if evidence.verdict.passed else "fail"
    sign = tag("span", SIGNS[verdict], aria_hidden="true")
    word = tag("span", sign, f" {WORDS[verdict]}", class_="word")
    return tag(
        "header",
        paragraph(UNPAID if evidence.ledger.get("budget") else EVIDENCE, kind="kicker"),
        tag("h1", evidence.title),
        paragraph(facts(evidence), kind="facts"),
        tag("div", paragraph(word, evidence.verdict.sentence), class_=f"verdict {colour}"),
        tag(
            "div",
            *(_headline(s, evidence.data.said(QUESTIONS[s.family])) for s in headlines(evidence)),
            class_="headlines",
        ),
        tag(
            "div",
            tag("div", tag("h2", "What to trust"), _lines(trusted(evidence))),
            tag("div", tag("h2", "What not to trust"), _lines(doubted(evidence))),
            class_="two",
        ),
        tag(
            "nav",
            bullets(
                tag("a", words, href=f"#{to}")
                for to, words in CONTENTS
                if to not in SOMETIMES or SOMETIMES[to](evidence) is not NOTHING
            ),
            aria_label="Contents",
        ),
    )


def _lines(lines: tuple[str, ...]) -> Markup:
    none = paragraph("Nothing on the strength of this report's gates.", kind="absent")
    return bullets(lines) if lines else none


def facts(evidence: Evidence) -> str:
    """What the data are, in one line."""
    data = evidence.data
    said = [f"{count(data.synthetic)} {evidence.made}, made from {data.source}"]
    said.append(f"{count(data.rows)} real {data.unit}, {count(data.columns)} {data.across}")
    if data.patients is not None and data.patients != data.rows:
        said.append(f"{count(data.patients)} patients")
    if data.missing is not None:
        said.append(f"{share(data.missing)} of cells empty")
    if evidence.model is not None:
        said.append(evidence.model.form)
    return "; ".join(said) + "."


def _headline(score: Score, asked: str) -> Markup:
    """Five lines, so that those of neighbours stand level: question, figure, name, bar, anchors."""
    question = paragraph(asked, kind="question")
    if score.value is None:
        absent = paragraph("not assessed", kind="figure absent")
        lines = (absent, tag("small", score.title), tag("small", remark(score)), tag("small"))
        return tag("div", question, *lines)
    known = score.low is not None or score.high is not None
    spread = f"; interval {interval(score.low, score.high)}" if known else ""
    anchors = (
        ("real holdout", score.holdout),
        ("shuffled", score.shuffled),
        ("copy", score.control),
    )
    said = ", ".join(f"{name} {figure(v)}" for name, v in anchors if v is not None)
    return tag(
        "div",
        question,
        paragraph(figure(score.value), kind="figure"),
        tag("small", f"{score.title}{spread}"),
        tag("div", bar(score)),
        tag("small", f"{DIRECTION[score.better]}{f'. Anchors: {said}' if said else ''}"),
    )


def colophon(evidence: Evidence) -> Markup:
    """What wrote the page, and that it asks for nothing."""
    version = evidence.versions.get("medsynai")
    named = "scores.json" if evidence.scores else "ledger.json"
    made = f"Written by MedSynAI {version}" if version else "Written by MedSynAI"
    return joined(
        [
            f"{made}. The same figures are in {named}. No script runs in this page, "
            "and it asks nothing of the network."
        ]
    )
