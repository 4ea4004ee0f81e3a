"""The plan of `medsynai demo`: the shipped SUPPORT2 table with its outcome and survival pair."""

from medsynai.data.demo import CREDIT, TARGET, demo_path
from medsynai.flow.plan import Plan


def demo_plan(seed: int = 0) -> Plan:
    """What `medsynai demo` runs."""
    return Plan(
        source=str(demo_path()),
        target=TARGET,
        seed=seed,
        credit=CREDIT,
        licence="CC BY 4.0",
    )
