"""The report's chapters after the first screen, one function each."""

from medsynai.evaluate.score import Family
from medsynai.report.evidence import Evidence
from medsynai.report.exhibits import draw
from medsynai.report.guarantee import bill
from medsynai.report.markup import (
    NOTHING,
    Child,
    Markup,
    bullets,
    definitions,
    joined,
    paragraph,
    table,
    tag,
)
from medsynai.report.reading import guarantee
from medsynai.report.rounding import count, plain, seconds, share
from medsynai.report.scoreboard import board, gate_board
from medsynai.report.training import OF_TRAINING
from medsynai.report.words import CHAPTERS, DISTANCE_CAPTION, GLOSSARY, LIMITS

# Which chapter an exhibit belongs to, and its heading there; others go to the last chapter.
PLACES: dict[str, tuple[Family, str]] = {
    "histograms": (Family.FIDELITY, "Columns, those that differ most first"),
    "correlation": (Family.FIDELITY, "Relations between columns"),
    "pca": (Family.FIDELITY, "Rows on a plane: principal components"),
    "baseline": (Family.FIDELITY, "Beside the baseline, principal components"),
    "images": (Family.FIDELITY, "Some of each class, all synthetic"),
    "courses": (Family.FIDELITY, "How they run over time"),
    "timelines": (Family.FIDELITY, "Some synthetic patients, event by event"),
    "between": (Family.FIDELITY, "From one draw to another, class by class"),
    "tsne": (Family.FIDELITY, "Rows on a plane: t-SNE"),
    "prevalence": (Family.FIDELITY, "Every code: its share of rows"),
    "code_pairs": (Family.FIDELITY, "Pairs of codes that differ most"),
    "giveaways": (Family.DETECTION, "What gives synthetic rows away"),
    "utility_rows": (Family.UTILITY, "Every model, trained on synthetic and on real rows"),
    "draws": (Family.UTILITY, "How many rows to draw for training"),
    "coefficients": (Family.UTILITY, "Regression coefficients"),
    "km": (Family.UTILITY, "Survival curves"),
    "global_utility": (Family.UTILITY, "Each column predicted from the others"),
    "breaches": (Family.VALIDITY, "Columns with unlawful cells"),
    "hazard_ratios": (Family.UTILITY, "Hazard ratios"),
    "groups": (Family.FAIRNESS, "Groups side by side"),
    "columns": (Family.FIDELITY, "Every column"),
    "pairs_worst": (Family.FIDELITY, "Pairs of columns that differ most"),
    "membership": (Family.PRIVACY, "Membership, attack by attack"),
    "copies": (Family.PRIVACY, "Copies of real rows"),
    "singling_out": (Family.PRIVACY, "Singling out"),
    "linkability": (Family.PRIVACY, "Linkability"),
    "attribute_inference": (Family.PRIVACY, "Attribute inference"),
    "attribution": (Family.PRIVACY, "Correct attribution, secret by secret"),
}

# The panel's measure that makes an exhibit, where their names differ.
MEASURES = {"correlation": "association", "giveaways": "detection"}

EXPECTED = ("histograms", "correlation", "pca", "giveaways")

ORDER = (
    Family.VALIDITY,
    Family.UTILITY,
    Family.FIDELITY,
    Family.DETECTION,
    Family.PRIVACY,
    Family.FAIRNESS,
)


def section(anchor: str, heading: str, *children: Child) -> Markup:
    """A chapter with an anchor that the contents lead to."""
    return tag("section", tag("h2", heading), *children, id_=anchor)


def gates(evidence: Evidence, numbers: dict[str, int]) -> Markup:
    """The policy's gates."""
    return section(
        "gates",
        "Gates: what the policy asked",
        paragraph(
            "Limits come from the policy file of this release, each with its source; they are not "
            "built into the software. A gate without a figure is not a pass."
        ),
        gate_board(evidence, numbers),
    )


def family(evidence: Evidence, kind: Family, numbers: dict[str, int]) -> Markup:
    """One family of scores: words, table, exhibits."""
    heading, intro = map(evidence.data.said, CHAPTERS[kind])
    grouped = kind is Family.FAIRNESS
    scores = evidence.of(kind)
    evident = [s for s in scores if not s.information]
    shown = [s for s in scores if s.information]
    parts: list[Child] = [paragraph(intro)]
    if not scores and not (grouped and evidence.of(kind, groups=True)):
        parts.append(paragraph("Not assessed: the panel gave no score here.", kind="absent"))
    parts.append(board(evident, numbers, f"{heading.partition(':')[0]}: scores"))
    if shown:
        caption = DISTANCE_CAPTION if kind is Family.PRIVACY else "For information only."
        parts.append(tag("h3", "For information"))
        parts.append(paragraph(caption, kind="caution"))
        parts.append(board(shown, numbers, "For information, not evidence"))
    parts += [_exhibit(evidence, name) for name, (home, _) in PLACES.items() if home is kind]
    if grouped:
        parts.append(_single_groups(evidence, numbers))
    return section(kind.value, heading, *parts)


def _single_groups(evidence: Evidence, numbers: dict[str, int]) -> Markup:
    """Every score of a single group, whichever measure made it."""
    scores = [s for k in (Family.FAIRNESS, *ORDER[:-1]) for s in evidence.of(k, groups=True)]
    if not scores:
        return NOTHING
    heading = tag("h3", "Group by group")
    return joined([heading, board(scores, numbers, "Scores of single groups")])


def _exhibit(evidence: Evidence, name: str) -> Markup:
    heading = tag("h3", PLACES[name][1])
    if evidence.shown.exhibits.get(name):
        return joined([heading, draw(name, evidence.shown.exhibits[name], PLACES[name][1])])
    if name in evidence.shown.withheld:
        return joined([heading, paragraph(evidence.shown.withheld[name], kind="absent")])
    reason = evidence.absent.get(MEASURES.get(name, name), "")
    if reason or (name in EXPECTED and evidence.schema.columns):
        words = f"Not assessed: {reason or 'the panel made no such exhibit'}."
        return joined([heading, paragraph(words, kind="absent")])
    return NOTHING


def further(evidence: Evidence) -> Markup:
    """Exhibits that have no place of their own, as tables; and what was withheld."""
    names = [n for n in evidence.shown.exhibits if n not in (*PLACES, *OF_TRAINING)]
    drawn: list[Child] = [draw(n, evidence.shown.exhibits[n]) for n in names]
    held = [f"{n}: {why}." for n, why in evidence.shown.withheld.items()]
    if held:
        drawn += [tag("h3", "Withheld"), bullets(held)]
    return section("further", "Further tables", *drawn) if drawn else NOTHING


def methods(evidence: Evidence) -> Markup:
    """How the rows were made and judged, and what the words mean."""
    model = evidence.model
    parts: list[Child] = [tag("h3", f"How the {evidence.data.unit} were made")]
    if model is None:
        parts.append(
            paragraph(
                f"Not assessed: the synthetic {evidence.data.unit} were judged as a file; who "
                "made it and how is not known here.",
                kind="absent",
            )
        )
    else:
        parts += [paragraph(line) for line in _making(evidence)]
    parts += [tag("h3", "How they were judged"), *(paragraph(line) for line in _judging(evidence))]
    if evidence.notes:
        parts += [tag("h3", "Identifiers, dates and other handling"), bullets(evidence.notes)]
    said = evidence.data.said
    parts += [tag("h3", "Words"), definitions((said(a), said(b)) for a, b in GLOSSARY)]
    return section("methods", "Methods in plain words", *parts)


def _making(evidence: Evidence) -> list[str]:
    model, data = evidence.model, evidence.data
    if model is None:
        return []
    lines = [f"The release is {model.form}. The model is {model.title} ({model.name})."]
    if model.paper:
        lines[0] += f" Paper: {model.paper}."
    lines += [model.about] if model.about else []
    if data.train is not None:
        lines.append(
            f"It was fitted on {count(data.train)} real {data.unit} and never saw the "
            f"{count(data.holdout)} {data.unit} of the holdout, which were set aside first."
        )
    lines += [f"How it was chosen: {model.chosen}"] if model.chosen else []
    if model.conditions:
        lines.append(
            f"Every synthetic {data.each} was asked to meet: {'; '.join(model.conditions)}."
        )
    mended = sum(evidence.repairs.values())
    if evidence.repairs:
        lines.append(f"Rules were checked on the synthetic rows; {count(mended)} were mended.")
    return lines


def _judging(evidence: Evidence) -> list[str]:
    data, unit = evidence.data, evidence.data.unit
    held = (
        f"Real {unit} that the generator never saw ({count(data.holdout)}) are the reference."
        if data.holdout
        else f"No holdout was given: figures that need real {unit} which the generator never "
        "saw are not assessed."
    )
    return [
        held,
        f"Each figure stands beside two anchors: what an equal number of real held-out {unit} "
        f"scores in the synthetic {unit}' place, and what the train {unit} score after each of the "
        f"{data.across} is shuffled on its own. A third, which attacks have and some others, is "
        f"what a copy of the train {unit} scores.",
        "Cells of fewer than 11 real patients are not shown in any table or picture.",
    ]


def provenance(evidence: Evidence) -> Markup:
    """Data, model, privacy mechanism, ledger, seed, versions, files."""
    return section(
        "provenance",
        "Provenance",
        tag("h3", "Training data"),
        definitions(_data(evidence)),
        _columns(evidence),
        tag("h3", "Model"),
        model_table(evidence),
        tag("h3", "Privacy mechanism and ledger"),
        paragraph(guarantee(evidence)),
        bill(evidence),
        named("Repairs", "Rule", "Mended", {k: count(v) for k, v in evidence.repairs.items()}),
        named("Time", "Stage", "Taken", {k: seconds(v) for k, v in evidence.timing.items()}),
        named("Versions", "Software", "Version", evidence.versions),
        named("Files of this release", "File", "SHA-256", evidence.hashes, hashed=True),
    )


def _data(evidence: Evidence) -> list[tuple[str, Child]]:
    data = evidence.data
    absent = "not assessed"
    return [
        ("Source", data.source or absent),
        (f"Real {data.unit}", count(data.rows)),
        (data.across.capitalize(), count(data.columns)),
        ("Patients", "no column names them" if data.patients is None else count(data.patients)),
        ("Empty cells", absent if data.missing is None else share(data.missing)),
        (f"Train {data.unit}", absent if data.train is None else count(data.train)),
        (f"Holdout {data.unit}", absent if data.holdout is None else count(data.holdout)),
        (f"Synthetic {data.unit}", count(data.synthetic)),
        ("Credit", data.credit or absent),
        ("Licence", data.licence or absent),
        ("Contact", data.contact or absent),
    ]


def _columns(evidence: Evidence) -> Markup:
    """Kinds and handling; no ranges, which may be single patients' values."""
    if not evidence.schema.columns:
        return NOTHING
    rows = [
        (c.name, c.kind.value, c.role.value, c.handling.value, c.origin.value)
        for c in evidence.schema.columns
    ]
    head = ("Column", "Kind", "Role", "Handling", "Origin of these facts")
    return table(head, rows, "Columns of the real table")


def model_table(evidence: Evidence) -> Markup:
    """The model and its public settings."""
    model = evidence.model
    if model is None:
        return paragraph("Not assessed.", kind="absent")
    facts: list[tuple[str, Child]] = [("Model", f"{model.title} ({model.name})")]
    facts += [("Form", model.form), ("Seed", plain(evidence.plan.get("seed")))]
    facts += [
        (k.replace("_", " "), "left to the model" if v is None else plain(v))
        for k, v in model.settings.items()
    ]
    if model.order:
        facts.append(("Order of columns", ", ".join(model.order)))
    return definitions(facts)


def named(
    heading: str, key: str, value: str, facts: dict[str, str], hashed: bool = False
) -> Markup:
    """Named facts as a table; nothing if there are none."""
    if not facts:
        return NOTHING
    rows = [(k, tag("span", v, class_="hash") if hashed else v) for k, v in facts.items()]
    return joined([tag("h3", heading), table((key, value), rows, heading)])


def limits(evidence: Evidence) -> Markup:
    """What this release and this report cannot say."""
    return section(
        "limits", "Limits", bullets([guarantee(evidence), *map(evidence.data.said, LIMITS)])
    )


def sources(numbers: dict[str, int]) -> Markup:
    """Every source, numbered as cited."""
    if not numbers:
        return NOTHING
    lines = [tag("li", source, id_=f"ref-{n}") for source, n in numbers.items()]
    return section("sources", "Sources and definitions", tag("ol", *lines, class_="sources"))
