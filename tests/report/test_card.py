"""The card says what was measured, no more: every sentence hangs on a field."""

import re
from dataclasses import replace

import pytest

from medsynai.data.schema import Schema
from medsynai.evaluate.policy import Status, Verdict
from medsynai.evaluate.score import Family, Score
from medsynai.report import html
from medsynai.report.card import card
from medsynai.report.evidence import DataFacts, Evidence


def bare() -> Evidence:
    """Nothing is known but how large the tables are."""
    return Evidence("T", DataFacts("t.csv", 900, 4, 800), Schema(()), (), Verdict(()))


def section(text: str, heading: str) -> str:
    return text.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_what_was_not_measured_is_not_claimed() -> None:
    text = card(bare())
    for heading in ("What this is", "How it was made", "Guarantee", "Figures", "Protected groups"):
        assert "not assessed" in section(text, heading).lower(), heading
    assert section(text, "Source, licence, contact").count("not assessed") == 3
    assert not re.search(r"\d\.\d", text)
    for claim in ("fully synthetic", "No differential privacy", "plan.toml", "holdout): 4"):
        assert claim not in text


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("synthetic", 4321, "4,321 synthetic rows"),
        ("rows", 8765, "8,765 rows"),
        ("patients", 7654, "patients: 7,654"),
        ("missing", 0.3456, "empty cells: 34.6 %"),
        ("train", 3456, "Rows it was fitted on: 3,456"),
        ("holdout", 2345, "(holdout): 2,345"),
        ("licence", "ODbL", "Licence: ODbL"),
    ],
)
def test_facts_come_from_their_fields(
    evidence: Evidence, field: str, value: object, shown: str
) -> None:
    changed = replace(evidence, data=replace(evidence.data, **{field: value}))
    assert shown in card(changed) and shown not in card(evidence)


@pytest.mark.parametrize("unit", ["patients", "images"])
def test_what_is_counted_is_called_by_its_name(evidence: Evidence, unit: str) -> None:
    data = replace(evidence.data, unit=unit, rows=345, across="pixels")
    text = card(replace(evidence, data=data))
    told = section(text, "What this is") + section(text, "How it was made")
    assert f"345 {unit} and" in told and f"synthetic {unit} (" in told
    assert f"{unit.capitalize()} it was fitted on" in told and "rows" not in told.lower()
    shown = html.render(replace(evidence, data=data))
    for words in (f"345 real {unit}", f"Synthetic {unit}", f"How the {unit} were made"):
        assert words in shown, words
    assert "Holdout rows" not in shown and f"Small set: 345 real {unit}" in shown


def test_questions_and_limits_are_asked_of_what_is_counted(evidence: Evidence) -> None:
    images = replace(evidence, data=replace(evidence.data, unit="images"))
    for shown in (card(images), html.render(images)):
        assert "Is every synthetic image lawful?" in shown and "every synthetic row" not in shown
        assert "Synthetic images are drawn from a model." in shown
    assert "Is every synthetic row lawful?" in card(evidence)


def test_the_guarantee_is_the_ledgers(evidence: Evidence) -> None:
    assert "No differential privacy" in section(card(evidence), "Guarantee")
    private = replace(evidence, ledger={"guarantee": "epsilon 1 at delta 1e-6, patient level"})
    assert "epsilon 1 at delta 1e-6" in section(card(private), "Guarantee")
    assert "No differential privacy" not in card(private)


def test_a_use_is_named_only_if_its_gates_pass(evidence: Evidence) -> None:
    use = "exploring columns and their relations"
    assert use in section(card(evidence), "Fit for")
    for status in (Status.WARN, Status.FAIL, Status.INCONCLUSIVE, Status.NOT_ASSESSED):
        gates = tuple(replace(g, status=status) for g in evidence.verdict.gates)
        assert use not in card(replace(evidence, verdict=Verdict(gates))), status
    failed = (replace(evidence.verdict.gates[0], status=Status.FAIL), *evidence.verdict.gates[1:])
    assert "does not allow a release" in card(replace(evidence, verdict=Verdict(failed)))
    ungated = section(card(evidence), "Fit for").split("Without a gate")[1]
    assert "prediction models" in ungated


def test_figures_stand_beside_their_anchors(evidence: Evidence) -> None:
    row = next(r for r in card(evidence).splitlines() if "strongest attack" in r and "0.971" in r)
    assert [c.strip() for c in row.split("|")][3:-1] == [
        "0.514", "0.502 to 0.526", "0.499", "0.501", "0.971",
    ]  # fmt: skip


def test_names_from_data_cannot_break_the_card(evidence: Evidence) -> None:
    evil = "a|b\n# heading <script> [x](http://y)"
    score = Score("g", evil, Family.FAIRNESS, 0.1, "low", 99, "s", group=evil)
    text = card(replace(evidence, title=evil, scores=(score,), notes=(evil,)))
    assert "<script>" not in text and "\n# heading" not in text and "[x](" not in text
    for line in text.splitlines():
        if line.startswith("| ") and "---" not in line:
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 6, 8)  # of groups, gates, figures


def test_groups_stand_in_one_table_and_each_silence_is_said_once(evidence: Evidence) -> None:
    text = section(card(evidence), "Protected groups")
    assert "| sex=female | 0.021 (0.026) |" in text
    assert "| sex=male | 0.020 (0.023) |" in text
    assert "- Not assessed (fewer than 50 rows): race=asian" in text
    many = tuple(
        Score(f"m{i}", f"Measure {i}", Family.FAIRNESS, None, "low", 90, "", group=f"site={g}",
              note="too few")
        for i in range(3) for g in "ab"
    )  # fmt: skip
    text = section(card(replace(evidence, scores=many)), "Protected groups")
    assert text.strip() == "- Not assessed (too few): site=a, site=b"
    some = (*evidence.scores, *(replace(s, group="sex=male") for s in many))
    text = section(card(replace(evidence, scores=some)), "Protected groups")
    assert "- Not assessed (too few): Measure 0, Measure 1, Measure 2" in text
