"""The plan of `medsynai demo`: the shipped SUPPORT2 table with its outcome and survival pair."""

from medsynai.data.demo import CREDIT, TARGET
from medsynai.flow.opening import DEMO
from medsynai.flow.plan import Plan

# Known only after the outcome, or another model's forecast of it.
LEAKS = ("sfdm2", "surv2m", "surv6m", "sps", "dnr")


def demo_plan(seed: int = 0) -> Plan:
    """What `medsynai demo` runs."""
    return Plan(
        source=DEMO,
        target=TARGET,
        leaks=LEAKS,
        seed=seed,
        credit=CREDIT,
        licence="CC BY 4.0",
    )
