"""What the terminal says when a run is done."""

from dataclasses import replace

from medsynai import screen
from medsynai.report.evidence import Evidence


def test_a_choice_of_the_model_is_told_with_its_reason(evidence: Evidence, capsys) -> None:
    assert evidence.model
    untried = "forest, untried: the time budget was too short to judge any candidate"
    screen.show_evidence(replace(evidence, model=replace(evidence.model, chosen=untried)), "r")
    assert f"Model: {untried}." in " ".join(capsys.readouterr().out.split())
    for model in (replace(evidence.model, chosen=""), None):  # named by hand; somebody else's rows
        screen.show_evidence(replace(evidence, model=model), "r")
        assert "Model:" not in capsys.readouterr().out
