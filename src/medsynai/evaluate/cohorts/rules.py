"""Rules that every record should keep: broken ones in 1,000 events, real ones beside."""

from dataclasses import replace

from medsynai.data.cohort import Cohort
from medsynai.data.integrity import check
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.interval import wilson
from medsynai.evaluate.score import Family, Findings, blank

RULES = (  # what `data.integrity.check` names them
    "events before birth",
    "events after death",
    "events more than a week from their visit",
    "events outside follow-up",
    "ends of events",
    "ends of visits",
    "ends of subjects",
    "ends of follow-up",
    "implausible range",
    "implausible sex",
    "implausible age",
)
KEYS = ("orphan events", "orphan visits", "visits of events", "visits of visits")

VIOLATIONS = blank(
    "cohort_violations",
    "Broken rules in 1,000 events",
    Family.VALIDITY,
    "low",
    "order, birth, death, visits, follow-up, and the table of codes' ranges, sexes and ages; after "
    "the checks of OHDSI's DataQualityDashboard (Blacketer et al. 2021)",
)
ORPHANS = blank(
    "cohort_orphans",
    "Keys that lead nowhere",
    Family.VALIDITY,
    "low",
    "events and visits without their patient or visit; 0 is required",
)


def measure(trial: CohortTrial) -> Findings:
    """How often rules are broken; by rule in the exhibit "cohort_rules"."""
    real = trial.train if trial.holdout is None else trial.holdout
    made = {"synthetic": trial.synthetic, "real": real}
    broken = {side: _broken(cohort) for side, cohort in made.items()}
    events = {side: max(len(cohort.events), 1) for side, cohort in made.items()}
    total = {side: sum(found[r] for r in RULES) for side, found in broken.items()}
    low, high = wilson(min(total["synthetic"], events["synthetic"]), events["synthetic"])
    rate = replace(
        VIOLATIONS,
        value=1000 * total["synthetic"] / events["synthetic"],
        low=None if low is None else 1000 * low,
        high=None if high is None else 1000 * high,
        n=events["synthetic"],
        holdout=1000 * total["real"] / events["real"],
    )
    lost = sum(broken["synthetic"][k] for k in KEYS)
    keys = replace(ORPHANS, value=float(lost), n=events["synthetic"], holdout=0.0)
    table = {
        rule: {side: round(1000 * broken[side][rule] / events[side], 3) for side in made}
        for rule in RULES
    }
    return Findings((rate, keys), {"cohort_rules": table})


def _broken(cohort: Cohort) -> dict[str, int]:
    found = dict.fromkeys((*RULES, *KEYS), 0)
    return found | {p.what: p.count for p in check(cohort) if p.what in found}
