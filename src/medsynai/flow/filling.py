"""Gaps filled in before training, where a person asked for that; charged, and said."""

from medsynai.data.impute import impute
from medsynai.data.table import Table
from medsynai.flow.plan import Plan
from medsynai.privacy.ledger import Ledger, Release


def filled_in(train: Table, plan: Plan, ledger: Ledger) -> tuple[Table, tuple[str, ...]]:
    """The train rows as the plan wants them learnt, and what the report says of that."""
    if plan.impute is None:
        return train, ()
    note = f"by {plan.impute}, from the train rows, without noise"
    ledger.charge(Release("fill missing values in", note=note))
    found = impute(train, plan.impute, plan.keep)
    columns = ", ".join(f"{name} {count:,}" for name, count in found.filled.items())
    said = (
        f"Missing values were filled in before training (by {plan.impute}: {columns or 'none'}). "
        "These columns have no gaps in the release, and their spreads are too narrow."
    )
    return found.table, (said,)
