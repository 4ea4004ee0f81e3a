"""The documents of a private release: page and card without any figure computed on real rows."""

from collections.abc import Iterable

from medsynai.report import chapters
from medsynai.report.card import NEVER, escaped
from medsynai.report.evidence import Evidence
from medsynai.report.guarantee import bill, buys, promised
from medsynai.report.html import colophon, page
from medsynai.report.markup import Markup, bullets, definitions, joined, paragraph, table, tag
from medsynai.report.rounding import count, plain
from medsynai.report.words import LIMITS

NO_SCORES = (
    "How faithful and how useful the rows are was measured on real rows, which the budget does not "
    "cover. So no such figure stands here; the owner of the data has them in internal/, which must "
    "not leave. They are outside of the guarantee unless they are paid for, which no command does: "
    "to publish one is a decision to go beyond the guarantee."
)
COVERED = (
    "Covered by the guarantee: the synthetic rows, the model folder, and every document beside "
    "them. Whoever draws more rows from the model, or works with the rows, spends nothing."
)
UNCOVERED = (
    "the contract (schema.toml), but for what was bought: what it declares must be public, and its "
    "writer must not have looked it up in these data",
    "how long the run took, how much memory, and that the source could be read at all",
    "what else is published of the same data, unless the same ledger is carried along",
)


def promise_page(evidence: Evidence) -> str:
    """The text of report.html; the same evidence gives the same bytes."""
    said = evidence.data.said
    top = tag(
        "header",
        paragraph("Synthetic data under differential privacy", kind="kicker"),
        tag("h1", evidence.title),
        paragraph(_facts(evidence), kind="facts"),
        tag("div", paragraph(promised(evidence)[0]), class_="verdict"),
    )
    methods = tag(
        "section",
        tag("h2", said("How the rows were made")),
        *map(paragraph, _making(evidence)),
        bullets(evidence.notes),
        chapters.model_table(evidence),
        id_="methods",
    )
    main = tag(
        "main",
        buys(evidence, said=1),
        tag("section", tag("h2", "Scores"), paragraph(said(NO_SCORES)), id_="scores"),
        tag(
            "section", tag("h2", "What is covered, what is not"), *_covered(evidence), id_="covered"
        ),
        methods,
        tag("section", tag("h2", "The contract"), _contract(evidence), id_="contract"),
        tag("section", tag("h2", "What was paid for"), bill(evidence), id_="ledger"),
        tag("section", tag("h2", "Files and versions"), *_papers(evidence), id_="files"),
        tag("section", tag("h2", "Limits"), bullets(LIMITS), id_="limits"),
    )
    return page(evidence.title, top, main, tag("footer", paragraph(colophon(evidence))))


def _facts(evidence: Evidence) -> str:
    data = evidence.data
    form = evidence.model.form if evidence.model else "fully synthetic"
    asked = evidence.plan.get("rows") is not None
    rows = "is not told" if asked else "is told by that of the synthetic ones, bought with noise"
    return data.said(
        f"{count(data.synthetic)} synthetic rows, {count(data.columns)} {data.across} of the "
        f"contract; {form}. How many real rows there were {rows}."
    )


def _papers(evidence: Evidence) -> list[Markup]:
    return [
        chapters.named("Versions", "Software", "Version", evidence.versions),
        chapters.named("Files of this release", "File", "SHA-256", evidence.hashes, hashed=True),
    ]


def _covered(evidence: Evidence) -> list[Markup]:
    return [paragraph(evidence.data.said(COVERED)), paragraph("Not covered:"), bullets(UNCOVERED)]


def _making(evidence: Evidence) -> list[str]:
    model = evidence.model
    if model is None:
        return []
    lines = [f"Model: {model.title} ({model.name}). {model.about}"]
    lines += [f"Paper: {model.paper}."] if model.paper else []
    lines += [f"How it was chosen: {model.chosen}"] if model.chosen else []
    if model.conditions:
        lines.append(f"Every synthetic row was asked to meet: {'; '.join(model.conditions)}.")
    mended = sum(evidence.repairs.values())
    lines += [f"Rules of the contract mended {count(mended)} rows."] if evidence.repairs else []
    return [evidence.data.said(line) for line in lines]


def _contract(evidence: Evidence) -> Markup:
    """What was known beforehand of each column, and from where; or of records without columns."""
    if evidence.contract:
        return definitions(list(evidence.contract.items()))
    rows = []
    for c in evidence.schema.columns:
        known = ""
        if c.kind.is_level:
            known = f"{len(c.categories or ())} categories"
        elif c.minimum is not None and c.maximum is not None and c.kind.is_number:
            known = f"{c.minimum:g} to {c.maximum:g}"
        rows.append((c.name, c.kind.value, known, plain(c.missing), c.origin.value))
    head = ("Column", "Kind", "Values", "May be missing", "Known from")
    rules = [f"Rule: {r}" for r in evidence.schema.rules]
    most = f"Rows of one patient that count: {evidence.schema.max_rows}."
    return joined([paragraph(most), table(head, rows, "Public columns"), bullets(rules)])


def promise_card(evidence: Evidence) -> str:
    """The text of card.md; the same evidence gives the same bytes."""
    data = evidence.data
    origin = (("Source", data.credit), ("Licence", data.licence), ("Contact", data.contact))
    seed = f"Seed of the split and of drawing: {evidence.plan.get('seed')}; noise has none."
    parts = [
        f"# {escaped(evidence.title)}",
        _section("What this is", [f"{_facts(evidence)} Source: {data.source}."]),
        _section("Guarantee", promised(evidence)),
        _section("What is covered", [data.said(COVERED)], UNCOVERED, "Not covered:"),
        _section("Scores", [data.said(NO_SCORES)]),
        _section("How it was made", [*_making(evidence), seed], evidence.notes),
        _section("Not fit for", [], NEVER),
        _section(
            "Source, licence, contact", [], [f"{n}: {v or 'not assessed'}" for n, v in origin]
        ),
        _section("Limits", [], LIMITS),
    ]
    return "\n\n".join(parts) + "\n"


def _section(
    heading: str, lines: Iterable[str], items: Iterable[str] = (), before: str = ""
) -> str:
    listed = "\n".join(f"- {escaped(i)}" for i in items)
    told = [escaped(line) for line in (*lines, before) if line]
    return "\n\n".join([f"## {heading}", *told, *([listed] if listed else [])])
