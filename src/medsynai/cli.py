"""The command: parse, call the flow, print. Exit codes: 0 done and all gates pass, 2 bad input or
usage, 3 done but a gate failed, 130 interrupted, 1 a fault of ours.

Everything heavy is imported inside the commands, so that `medsynai --help` answers at once.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from medsynai import __version__, cohort_door, privacy_door
from medsynai.augment_door import augment
from medsynai.errors import PlanError
from medsynai.frontier_door import frontier
from medsynai.guard import DONE, FAULT, GATE_FAILED, INTERRUPTED, JSON, guarded, print_json
from medsynai.privacy_door import how_private
from medsynai.training_door import how_to_train, understood

if TYPE_CHECKING:
    from medsynai.flow.plan import Plan
    from medsynai.flow.tune import Tuned
    from medsynai.report.evidence import Evidence

OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
SCHEMA = click.option("--schema", metavar="F", help="A schema file (see `inspect`).")
KIND = click.option(
    "--kind", metavar="K", help="table, cohorts, codes or codes:PATIENT,CODE[,VISIT] (seen)."
)
TARGET = click.option("--target", metavar="COL", help="The outcome that utility is judged on.")
SEED = click.option("--seed", type=int, metavar="S", help="All randomness hangs on it (0).")
CONDITION = click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="COND",
    help="Met by every row: 'sex=female', 'age>=70', 'age=60..80', 'race=white|black'.",
)
POLICY = click.option("--policy", metavar="F", help="A policy file with the gates.")


def out_folder(default: str | None = None) -> Callable[[Any], Any]:
    """The `--out DIR` option."""
    where: Any = {"required": True} if default is None else {"default": default}
    return click.option("--out", metavar="DIR", type=Path, help="Folder to make.", **where)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="medsynai")
@click.option("--debug", is_flag=True, help="Show the traceback of an unforeseen error.")
def cli(debug: bool) -> None:
    """Synthetic healthcare data with evidence: how faithful, useful, private and fair.

    Exit codes: 0 done and all gates pass; 2 bad input or usage; 3 done, but a gate failed.
    """


@cli.command()
@out_folder("medsynai-demo")
@SEED
@OVERWRITE
@JSON
@guarded
def demo(out: Path, seed: int | None, overwrite: bool, as_json: bool) -> int:
    """Synthesise the table that ships with the package (SUPPORT2, 9,105 hospital patients)."""
    from medsynai.flow.demo import demo_plan

    return make_release(demo_plan(seed or 0), out, as_json, overwrite=overwrite)


@cli.command()
@click.argument("data")
@click.option("--out", metavar="F", type=Path, help="Write a schema file to edit.")
@KIND
@click.option("--private", is_flag=True, help="Buy what is looked at: needs --epsilon, --ledger.")
@how_private
@OVERWRITE
@JSON
@guarded
def inspect(
    data: str, out: Path | None, overwrite: bool, as_json: bool, private: bool, **more: Any
) -> int:
    """Show what the columns of DATA are taken for, and write a schema file to edit."""
    from medsynai import screen
    from medsynai.data.read import read
    from medsynai.data.repeats import several_rows
    from medsynai.flow.folder import check_apart, check_file, write_text
    from medsynai.flow.kinds import kind_of

    declared, budget = more.pop("kind") or "", more
    if out is not None:
        check_apart(out, data, budget["ledger"])
        check_file(out, overwrite)
    if private:
        privacy_door.propose(data, out, as_json, budget)
        return DONE
    privacy_door.refuse_budget(budget)
    if kind := kind_of(data, declared):
        return show_facts(kind.describe(Path(data), declared), out, as_json)
    with screen.progress() as tell:
        tell("Reading the data")
        loaded = read(data)
    schema, notes = loaded.table.schema, (*several_rows(loaded.table), *loaded.notes)
    if out is not None:
        write_text(out, schema.to_toml())
    if as_json:
        print_json({"rows": len(loaded.table), "schema": schema, "notes": notes})
        return DONE
    screen.show_schema(schema)
    screen.show_notes(notes)
    click.echo(f"{len(loaded.table):,} rows, {len(schema.columns)} columns")
    if out is not None:
        click.echo(f"Schema: {out}")
    return DONE


def show_facts(facts: dict[str, Any], out: Path | None, as_json: bool) -> int:
    """Print what a file that is no table holds; the exit code that goes with it."""
    from medsynai import screen
    from medsynai.flow.folder import write_text

    if out is not None and "proposal" not in facts:
        follows = ", as no column of patients looks like follow-up" * (facts["kind"] == "cohorts")
        raise PlanError(f"{facts['kind']} have no schema file{follows}: leave out --out")
    if out is not None:
        write_text(out, str(facts["proposal"]))
    print_json(facts) if as_json else screen.show_facts(facts)
    return DONE


@cli.command()
@click.argument("data", required=False)
@out_folder()
@KIND
@SCHEMA
@how_to_train
@how_private
@privacy_door.WARM
@click.option("--rows", type=int, metavar="N", help="Rows to make (as many as DATA has).")
@TARGET
@click.option("--leak", "leaks", multiple=True, metavar="COL", help="Tells the outcome afterwards.")
@CONDITION
@click.option("--keep", multiple=True, metavar="COL", help="Keep real values: raised risk.")
@click.option("--impute", metavar="WAY", help="Fill gaps: mean, median or model (default: not).")
@click.option("--mix-real", type=float, metavar="RATIO", help="Mix in real rows: raised risk.")
@click.option("--holdout", type=float, metavar="SHARE", help="Patients not trained on (0.2).")
@SEED
@click.option("--draw", type=int, metavar="I", help="Which of the model's tables (0).")
@click.option("--form", metavar="FORM", help="same, csv or parquet.")
@click.option(
    "--attacks", metavar="HOW", help="standard, or thorough: fits the model 32 times more."
)
@POLICY
@click.option("--positive-control", is_flag=True, default=None, help="With --model bootstrap.")
@click.option("--skip-bad", is_flag=True, default=None, help="Leave out images that are broken.")
@click.option("--plan", "plan_file", metavar="F", type=Path, help="A plan.toml; options win.")
@click.option("--resume", is_flag=True, help="Go on from an interrupted training.")
@OVERWRITE
@JSON
@guarded
def synthesize(
    data: str | None, out: Path, plan_file: Path | None, as_json: bool, **chosen: Any
) -> int:
    """Make a synthetic release of DATA (a file, or a database URL) with its evidence."""
    from medsynai.flow.plan import Plan, amend, read_plan

    plan = read_plan(plan_file) if plan_file else Plan()
    how = {name: chosen.pop(name) for name in ("overwrite", "resume")}
    if data is not None:
        chosen["source"] = data
    return make_release(amend(plan, understood(plan, chosen)), out, as_json, **how)


@cli.command()
@click.argument("data", required=False)
@click.option("--model", metavar="NAME", help="Whose settings to search (see docs/tune.md).")
@click.option("--time-budget", required=True, metavar="T", help="Search for 90s, 10m or 2h.")
@click.option("--trials", type=int, metavar="N", help="Trials at most.")
@click.option("--out", required=True, metavar="F", type=Path, help="Plan file to write.")
@KIND
@SCHEMA
@TARGET
@click.option("--leak", "leaks", multiple=True, metavar="COL", help="Tells the outcome afterwards.")
@click.option("--holdout", type=float, metavar="SHARE", help="Patients never touched (0.2).")
@SEED
@click.option("--plan", "plan_file", metavar="F", type=Path, help="A plan.toml; options win.")
@OVERWRITE
@JSON
@guarded
def tune(data: str | None, out: Path, overwrite: bool, as_json: bool, **chosen: Any) -> int:
    """Search a model's settings on the train rows of DATA, and write a plan with the best ones."""
    from medsynai import screen
    from medsynai.flow.budget import parse_seconds
    from medsynai.flow.folder import check_apart, check_file, write_text
    from medsynai.flow.plan import Plan, amend, read_plan
    from medsynai.flow.tune import Search
    from medsynai.flow.tune import tune as search

    wanted = Search(parse_seconds(chosen.pop("time_budget")), chosen.pop("trials"))
    plan_file = chosen.pop("plan_file")
    plan = amend(read_plan(plan_file) if plan_file else Plan(), chosen | {"source": data})
    check_apart(out, plan.source, plan.policy)
    check_file(out, overwrite)
    with screen.progress() as tell:
        tuned = search(plan, wanted, tell)
    write_text(out, tuned.to_toml())
    return show_tuned(tuned, out, as_json)


def show_tuned(tuned: "Tuned", out: Path, as_json: bool) -> int:
    """Print what a search found; the exit code that goes with it."""
    from medsynai.flow.tune import shown

    code, best = INTERRUPTED if tuned.interrupted else DONE, tuned.best
    if as_json:
        print_json({"file": str(out), "exit_code": code, "best": best, "trials": tuned.attempts})
        return code
    if tuned.interrupted:
        click.echo("interrupted; the best so far is kept", err=True)
    click.echo(f"{tuned.plan.tuned}, {tuned.pruned} of them pruned")
    click.echo(f"loss {best.loss:.4f} ({shown(best.seen)}); began at {tuned.attempts[0].loss:.4f}")
    click.echo(f"Plan: {out} (medsynai synthesize --plan {out} --out DIR)")
    return code


def make_release(plan: "Plan", folder: Path, as_json: bool, **how: bool) -> int:
    """Run a plan and show what came of it."""
    from medsynai import screen
    from medsynai.flow.folder import REPORT
    from medsynai.flow.run import run
    from medsynai.flow.stages import risks

    with screen.progress() as tell:
        release = run(plan, folder, tell=tell, **how)
    if plan.epsilon is not None:
        privacy_door.shown(release, folder, as_json)
        return DONE
    raised = risks(plan)
    screen.show_notes(raised if as_json else release.evidence.notes, red=raised)
    return show(release.evidence, folder, REPORT, as_json)


def show(evidence: "Evidence", folder: Path, report: str, as_json: bool) -> int:
    """Print the verdict; the exit code that goes with it."""
    from medsynai import screen

    code = DONE if evidence.verdict.passed else GATE_FAILED
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "passed": evidence.verdict.passed,
                "verdict": evidence.verdict.sentence,
                "exit_code": code,
                "scores": [s for s in evidence.scores if not s.group],
                "notes": evidence.notes,
                "timing": evidence.timing,
            }
        )
    else:
        screen.show_evidence(evidence, str(folder / report))
    return code


@cli.command()
@click.argument("folder", metavar="DIR", type=Path)
@click.option("--rows", type=int, metavar="N", help="How many rows to draw.")
@click.option(
    "--continue",
    "history",
    type=Path,
    metavar="F",
    help="Patients of a cohort until some time: draw what comes after. As sensitive as they are.",
)
@click.option("--times", type=int, metavar="N", help="Continuations of each patient (1).")
@click.option("--out", type=Path, required=True, metavar="FILE", help="File to make.")
@CONDITION
@SEED
@click.option("--workers", type=int, default=1, metavar="W", help="Processes; the rows are equal.")
@OVERWRITE
@JSON
@guarded
def sample(
    folder: Path, out: Path, overwrite: bool, workers: int, as_json: bool, **order: Any
) -> int:
    """Draw N more rows from the model of the release DIR, in shards, with flat memory."""
    from medsynai import screen

    history, times, rows = order["history"], order["times"], order["rows"]
    if (rows is None) == (history is None):
        raise PlanError("say how many --rows to draw, or which histories to --continue")
    if history is not None:
        if order["conditions"] or workers != 1 or overwrite:
            raise PlanError("--continue takes --times, --out and --seed")
        each = 1 if times is None else times
        return cohort_door.go_on(folder, history, out, each, order["seed"] or 0, as_json)
    if times is not None:
        raise PlanError("--times is of --continue: how often each history is gone on with")
    from medsynai.flow.sampling import Order, Target
    from medsynai.flow.sampling import sample as draw

    wanted = Order(order["rows"], order["conditions"], order["seed"] or 0)
    with screen.progress() as tell:
        draw(folder, wanted, Target(out, overwrite), workers, tell)
    if as_json:
        print_json({"file": str(out), "rows": wanted.rows, "exit_code": DONE})
    else:
        click.echo(f"{wanted.rows:,} rows: {out}")
    return DONE


@cli.command()
@click.option("--real", required=True, metavar="F", help="The real rows.")
@click.option("--holdout", metavar="F", help="Real rows that the generator never saw.")
@click.option("--synthetic", required=True, metavar="F", help="The rows to judge.")
@out_folder()
@KIND
@SCHEMA
@TARGET
@POLICY
@SEED
@OVERWRITE
@JSON
@guarded
def evaluate(out: Path, overwrite: bool, as_json: bool, **given: Any) -> int:
    """Judge anybody's synthetic file against the real one."""
    from medsynai import screen
    from medsynai.flow.folder import REPORT, check_apart, check_target
    from medsynai.flow.judging import Files, Panel, assess
    from medsynai.flow.opening import read_schema_file

    check_target(out, overwrite)
    check_apart(out, given["real"], given["synthetic"], given["holdout"])
    schema = read_schema_file(Path(given["schema"])) if given["schema"] else None
    files = Files(given["real"], given["synthetic"], given["holdout"], schema, given["kind"] or "")
    with screen.progress() as tell:
        panel = Panel(policy=given["policy"])
        found = assess(files, given["target"], panel, given["seed"] or 0, tell)
        tell("Writing the report")
        found.save(out, overwrite)
    return show(found.evidence, out, REPORT, as_json)


@cli.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@privacy_door.how_to_audit
@JSON
@guarded
def audit(folder: Path, as_json: bool, **how: int) -> int:
    """Run the mechanisms of a private release DIR on made-up patients: what epsilon they prove."""
    found = privacy_door.audited(folder, **how, quiet=as_json)
    if as_json:
        print_json({"most": found.most, "holds": found.holds, "audit": found})
    return DONE if found.holds else GATE_FAILED


@cli.command()
@JSON
@guarded
def models(as_json: bool) -> int:
    """List the models: what data they take, when to use them, when they fail."""
    from medsynai.models.entries import CATALOG

    if as_json:
        print_json({"models": CATALOG})
        return DONE
    from medsynai import screen

    screen.show_models(CATALOG)
    return DONE


cli.add_command(augment)
cli.add_command(frontier)


def main() -> None:
    """The command's entry: a polite kill ends like Ctrl-C, so that nothing half is left."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        sys.exit(cli.main(prog_name="medsynai", standalone_mode=False))
    except click.ClickException as error:  # usage: in click's own words, and as JSON if asked for
        error.show()
        if "--json" in sys.argv:
            print_json({"error": error.format_message(), "exit_code": error.exit_code})
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):  # while a command was found or an option parsed
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAULT)
