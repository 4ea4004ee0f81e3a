"""What is called trusted, and what a card names as a use, rests on figures that say something."""

from dataclasses import replace

import pytest

from medsynai.evaluate.policy import Ruling, Severity, Status, Verdict
from medsynai.report.card import card
from medsynai.report.evidence import Evidence
from medsynai.report.reading import doubted, trusted


@pytest.mark.parametrize(
    ("value", "low", "real", "shuffled", "said"),
    [
        (0.55, 0.52, 0.56, 0.49, ""),
        (0.52, 0.49, 0.56, 0.51, "0.520 (0.490 to 0.610) is not shown to be better than shuffled"),
        (0.50, 0.48, 0.49, 0.51, "0.500 is no better than shuffled columns"),  # nothing to foretell
        (0.53, 0.495, 0.56, 0.47, "is not shown to be better than a guess (0.500)"),
    ],
)
def test_a_prediction_model_that_may_be_a_guess_is_not_offered(
    evidence: Evidence, value: float, low: float, real: float, shuffled: float, said: str
) -> None:
    """The loss beside real rows is small in each case, so its gate passes."""
    scores = tuple(
        replace(s, value=value, low=low, high=0.61, holdout=real, shuffled=shuffled)
        if s.name == "tstr_auroc"
        else s
        for s in evidence.scores
    )
    gate = Ruling(
        *("tstr_brier", "Brier score", 0.2, 0.13, None, None),
        Status.PASS, Severity.WARN, required=False, source="This policy", reason="",
    )  # fmt: skip
    shown = replace(evidence, scores=scores, verdict=Verdict((*evidence.verdict.gates, gate)))
    trust, doubt = " ".join(trusted(shown)), " ".join(doubted(shown))
    assert ("Prediction models" in trust) is (not said) and said in doubt
    fit = card(shown).split("## Fit for")[1].split("## Not fit for")[0]
    assert ("prediction models" in fit) is (not said)
