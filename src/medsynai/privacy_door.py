"""The options by which the command says what a release may cost: epsilon, delta, ledger."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from medsynai.flow.auditing import Audit
    from medsynai.flow.release import Released

EPSILON = click.option(
    "--epsilon", type=float, metavar="E", help="Differential privacy: what this may cost."
)
DELTA = click.option("--delta", type=float, metavar="D", help="Fixed beforehand (1e-6).")
LEDGER = click.option("--ledger", metavar="F", help="Carried from run to run on the same data.")
TOTAL = click.option(
    "--total-epsilon", type=float, metavar="E", help="What all runs of a new ledger may cost."
)

WARM = click.option("--warm-start", metavar="F", help="Public rows that a network learns first.")


def how_private(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of whatever spends a budget."""
    for option in (TOTAL, LEDGER, DELTA, EPSILON):  # the last is shown first
        command = option(command)
    return command


CANARIES = click.option("--canaries", type=int, default=2000, help="Made-up patients. Usual: 2000.")
RUNS = click.option("--runs", type=int, default=20, help="How often. Usual: 20.")


def how_to_audit(command: Callable[..., Any]) -> Callable[..., Any]:
    """How much is tried."""
    return CANARIES(RUNS(command))


def audited(folder: Path, canaries: int, runs: int, quiet: bool) -> "Audit":
    """What the ledger of a release proves, shown unless quiet."""
    from medsynai import screen
    from medsynai.flow.auditing import audit
    from medsynai.flow.folder import open_ledger

    with screen.progress() as tell:
        found = audit(open_ledger(folder), canaries, runs, tell=tell)
    if not quiet:
        screen.show_audit(found)
    return found


def refuse_budget(given: dict[str, Any]) -> None:
    """Refuse a budget where nothing is paid for.

    Raises:
        PlanError: there is one.
    """
    from medsynai.errors import PlanError

    if any(v is not None for v in given.values()):
        raise PlanError("a budget is for --private: without it the values are simply looked at")


def propose(data: str, out: Path | None, as_json: bool, given: dict[str, Any]) -> None:
    """Buy a contract, write it, and show it.

    Raises:
        PlanError: no file for it, no epsilon, or no ledger to carry on.
        BudgetError: the ledger does not allow it.
    """
    from medsynai import screen, store
    from medsynai.errors import PlanError
    from medsynai.flow.folder import write_text
    from medsynai.flow.plan import Plan
    from medsynai.flow.private import open_ledger
    from medsynai.flow.proposing import check_table
    from medsynai.flow.proposing import propose as bought

    check_table(Plan(source=data))
    if out is None or given["epsilon"] is None or given["ledger"] is None:
        raise PlanError(
            "what is bought is kept: say --epsilon, --out contract.toml and --ledger, which "
            "synthesize carries on"
        )
    plan = Plan(source=data, **given)
    ledger = open_ledger(plan)
    schema = bought(plan, ledger)
    write_text(out, schema.to_toml())
    if as_json:
        click.echo(store.to_json({"schema": schema, "spent": ledger.spent, "exit_code": 0}))
        return
    screen.show_schema(schema)
    if schema.subject is None:
        click.secho("No column names the patient: each row must be a patient of its own.", err=True)
    click.echo(
        "Bought ranges are powers of two around most patients; values beyond are moved to the end. "
        "A level beyond the listed ones counts as OTHER or, without it, as the first. "
        "Declare better ones where they are known, by origin 'dictionary' or 'declared'."
    )
    click.echo(f"Contract: {out} (epsilon {ledger.spent:.3g}, charged to {plan.ledger})")


def shown(release: "Released", folder: object, as_json: bool) -> None:
    """Say where a private release is, and nothing of what is in its internal folder."""
    from medsynai import screen, store
    from medsynai.report.guarantee import promised

    ledger = release.evidence.ledger
    if as_json:
        told = {"folder": str(folder), "exit_code": 0, "notes": release.evidence.notes}
        names = ("guarantee", "unit", "promised", "budget", "spent", "all_runs", "best_attack")
        click.echo(store.to_json(told | {n: ledger[n] for n in names if n in ledger}))
        return
    screen.show_notes(release.evidence.notes)
    for line in promised(release.evidence):
        click.echo(line)
    click.echo(f"Report: {folder}/report.html; scores on real rows, not for release: internal/")
