"""Which patients have what: the measures of codes, a patient's variables being its codes."""

from medsynai.evaluate.codes import detection as code_detection
from medsynai.evaluate.codes import membership as code_membership
from medsynai.evaluate.codes import pairs as code_pairs
from medsynai.evaluate.codes import prevalence as code_prevalence
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.score import Findings


def prevalence(trial: CohortTrial) -> Findings:
    """How many patients have each variable; see `evaluate.codes.prevalence`."""
    return code_prevalence.measure(trial.codes)


def pairs(trial: CohortTrial) -> Findings:
    """Which variables patients have together; see `evaluate.codes.pairs`."""
    return code_pairs.measure(trial.codes)


def detection(trial: CohortTrial) -> Findings:
    """Can boosting tell patients apart by their traits? See `evaluate.codes.detection`."""
    return code_detection.measure(trial.traits)


def membership(trial: CohortTrial) -> Findings:
    """Whose traits were learnt from? See `evaluate.codes.membership`; the unit is the patient."""
    return code_membership.measure(trial.traits)
