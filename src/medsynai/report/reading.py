"""What the figures let a reader trust and what not: every sentence is bound to a field.

Nothing here judges: whether a figure is good enough is the policy's word (its gates).
"""

from medsynai.evaluate.policy import Ruling, Status
from medsynai.evaluate.score import Family, Score
from medsynai.report.evidence import Evidence
from medsynai.report.rounding import count, figure, interval, share
from medsynai.report.words import STATUS_WORDS, beaten, nothing, remark

NOT_ASSESSED = "not assessed"
SMALL_TABLE = 500  # rows; below it intervals are wide and single patients weigh much

# The panel's own names of what a first screen shows; another panel's first score stands in.
HEADLINES = {
    Family.UTILITY: ("tstr_auroc", "tstr_r2", "global_utility", "code_auroc"),
    Family.FIDELITY: ("tvd_pairs", "code_pairs_r2"),
    Family.DETECTION: ("c2st",),
    Family.PRIVACY: ("membership_auc",),
    Family.VALIDITY: ("validity",),
}

LEADS = {
    Family.VALIDITY: "Lawful rows",
    Family.UTILITY: "Prediction models",
    Family.FIDELITY: "Columns and their relations",
    Family.DETECTION: "Likeness of whole rows",
    Family.PRIVACY: "Attacks on patients",
    Family.FAIRNESS: "Subgroups",
}


def headline(evidence: Evidence, family: Family) -> Score | None:
    """The score of a family that stands on the first screen."""
    named = [evidence.score(name) for name in HEADLINES.get(family, ())]
    listed = [s for s in (*named, *evidence.of(family)) if s is not None and not s.information]
    figures = [s for s in listed if s.value is not None and s.better != "info"]
    return next(iter(figures or listed), None)


def headlines(evidence: Evidence) -> tuple[Score, ...]:
    """Four or five figures for the first screen, utility first."""
    found = (headline(evidence, family) for family in HEADLINES)
    return tuple(s for s in found if s is not None)


def family_of(evidence: Evidence, gate: Ruling) -> Family | None:
    """Which question a gate is about."""
    score = evidence.score(gate.name)
    return None if score is None else score.family


def held(evidence: Evidence, family: Family) -> tuple[Ruling, ...]:
    """The gates of a family that apply: one that need not be assessed, and was not, is left out."""
    gates = (g for g in evidence.verdict.gates if family_of(evidence, g) is family)
    return tuple(g for g in gates if g.status is not Status.NOT_ASSESSED or g.required)


def kept(evidence: Evidence, family: Family) -> int | None:
    """How many gates of a family pass outright; None if one stands in the way, or none passes.

    A first figure that may be no better than shuffled columns stands in the way as well: gates on
    what is lost beside real rows pass where real rows foretell nothing.
    """
    gates, first = held(evidence, family), headline(evidence, family)
    if first is not None and beaten(first):
        return None
    passes = sum(g.status is Status.PASS for g in gates)
    return passes if passes and all(g.passed for g in gates) else None


def spoken(score: Score) -> str:
    """A score in a sentence, with its interval and anchors.

    >>> spoken(Score("t", "Pairs", Family.FIDELITY, .06, "low", 9, "", holdout=.05))
    'Pairs 0.060; real holdout 0.050'
    """
    if score.value is None:
        return f"{score.title}: {NOT_ASSESSED}{f' ({remark(score)})' if remark(score) else ''}"
    known = score.low is not None or score.high is not None
    said = f"{score.title} {figure(score.value)}"
    said += f" ({interval(score.low, score.high)})" if known else ""
    anchors = (
        ("real holdout", score.holdout),
        ("shuffled columns", score.shuffled),
        ("a copy of the train rows", score.control),
    )
    return "; ".join([said, *(f"{name} {figure(v)}" for name, v in anchors if v is not None)])


def trusted(evidence: Evidence) -> tuple[str, ...]:
    """One sentence for each family in which no gate stands in the way."""
    lines = []
    for family, lead in LEADS.items():
        passes, score = kept(evidence, family), headline(evidence, family)
        if passes is not None and score is not None:
            total = len(held(evidence, family))
            part = f"{passes} of {total}" if passes < total else "all" if total > 1 else "the one"
            gates = "gates pass" if total > 1 else "gate passes"
            lines.append(f"{lead}: {part} {gates}. {spoken(score)}.")
    return tuple(lines)


def doubted(evidence: Evidence) -> tuple[str, ...]:
    """What a reader should not rely on, gravest first."""
    order = (Status.FAIL, Status.INCONCLUSIVE, Status.NOT_ASSESSED, Status.WARN)
    gates = [g for g in evidence.verdict.gates if g.status is not Status.PASS]
    gates.sort(key=lambda g: (g.passed, order.index(g.status)))
    lines = [f"{g.title}: {_because(g)}" for g in gates]
    lines += [_beaten(s) for s in headlines(evidence) if beaten(s)]
    return (*lines, *_raised_risks(evidence), *_weak_places(evidence), _inference())


def _beaten(score: Score) -> str:
    bar = nothing(score)
    than = "shuffled columns" if bar == score.shuffled else "a guess"
    above = (score.value or 0.0) - (bar or 0.0)
    clear = above > 0 if score.better == "high" else above < 0
    said = f" ({interval(score.low, score.high)}) is not shown to be" if clear else " is no"
    return f"{score.title}: {figure(score.value)}{said} better than {than} ({figure(bar)})."


def _because(gate: Ruling) -> str:
    reason = gate.reason.strip().rstrip(".")
    status = STATUS_WORDS[gate.status.value]
    return f"{status} ({reason})." if reason else f"{status}."


def _raised_risks(evidence: Evidence) -> list[str]:
    lines = []
    model = evidence.model
    if model is not None and model.mixed > 0:
        lines.append(f"Hybrid release: {share(model.mixed)} of the rows are real patients' rows.")
    if model is not None and model.kept:
        names = ", ".join(model.kept)
        lines.append(
            f"Partially synthetic: {names} hold real patients' values, which raises the risk "
            "of recognition."
        )
    if evidence.data.rows is not None and evidence.data.rows < SMALL_TABLE:
        lines.append(
            f"Small set: {count(evidence.data.rows)} real {evidence.data.unit}. Intervals are "
            "wide, and single patients weigh much."
        )
    return lines


def _weak_places(evidence: Evidence) -> list[str]:
    lines = []
    columns = giveaways(evidence)[:3]
    if columns:
        lines.append(f"Columns that give synthetic rows away most: {', '.join(columns)}.")
    groups = sorted({s.group for s in evidence.published if s.group and s.value is None})
    if groups:
        lines.append(f"Groups that could not be judged: {', '.join(groups)}.")
    return lines


def giveaways(evidence: Evidence) -> tuple[str, ...]:
    """The columns that a classifier uses most to tell synthetic rows, if the panel named them."""
    rows = evidence.shown.exhibits.get("giveaways")
    if not isinstance(rows, list):
        return ()
    named = (r.get("column") for r in rows if isinstance(r, dict))
    return tuple(str(n) for n in named if n is not None)


def _inference() -> str:
    return (
        "Estimates and p-values from one synthetic copy: standard errors come out too small "
        "(Decruyenaere et al. 2023)."
    )


def guarantee(evidence: Evidence) -> str:
    """What the ledger promises, in one sentence."""
    said = evidence.ledger.get("guarantee")
    if said is None:
        return (
            f"Formal guarantee: {NOT_ASSESSED}; nothing is known here of how the rows were made. "
            "What protection there is rests on the attacks reported here."
        )
    if said == "unprotected":
        return (
            "No differential privacy: there is no formal guarantee, and protection rests on the "
            "attacks reported here."
        )
    whose = "for one patient"
    unit = evidence.ledger.get("unit", "patient")
    if unit != "patient":
        where = "column" if unit == "row" else "file or label"
        whose = f"for one {unit}, as no {where} names the patient"
    return f"The ledger's guarantee: {said} {whose}. It does not cover scores on real rows."
