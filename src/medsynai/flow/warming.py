"""The rows of a warm start: read under the contract of the real ones, and recorded with a hash."""

from dataclasses import replace
from pathlib import Path

from medsynai import store
from medsynai.data.schema import Schema
from medsynai.errors import PlanError
from medsynai.flow.contracted import divide, read
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch
from medsynai.learn.warm import Warm
from medsynai.models.catalog import find_entry

HASHED = 12  # hexadecimal digits by which the file is known again


def warm_rows(plan: Plan, contract: Schema, watch: Watch) -> Warm | None:
    """The plan's public or simulated rows; None where it names none.

    That they are nobody's in the ledger is the word of whoever names them. They are conformed to
    the contract like real ones, all of them learnt.

    Raises:
        PlanError: no such file, or the real source itself.
        ReadError: a file that cannot be read.
        SchemaError: other columns than the contract's.
    """
    if plan.warm_start is None:
        return None
    path = Path(plan.warm_start)
    if not path.is_file():
        raise PlanError(f"warm-start: no file {path}")
    source = Path(plan.source or "")
    if source.is_file() and source.samefile(path):
        raise PlanError("warm-start names the real rows; name public or simulated ones")
    public = replace(plan, source=str(path), schema=None, warm_start=None, holdout=0.0)
    opened = read(public, Handed(None, contract), watch)
    table = divide(opened, public, watch).parts.train
    return Warm(table, f"{path.name} (SHA-256 {store.sha256(path)[:HASHED]}...)")


def check_warm(plan: Plan, name: str) -> None:
    """Refuse a warm start of what has no weights.

    Raises:
        PlanError: a model that is no network trained by gradients.
    """
    if plan.warm_start is not None and find_entry(name).needs_budget:
        raise PlanError(
            f"{name} counts and votes, so it has nothing to warm up: name a network, for example "
            "--model autoregressive"
        )
