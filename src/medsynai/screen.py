"""What the command shows: progress and warnings on stderr, results on stdout.

Where stderr is not a terminal there is no progress; with `--json` stdout holds one object.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from medsynai.flow.watch import Tell, silent

if TYPE_CHECKING:
    from medsynai.data.schema import Column, Schema
    from medsynai.flow.auditing import Audit
    from medsynai.models.entry import Entry
    from medsynai.report.evidence import Evidence

WIDE = 140  # columns of text where no terminal says otherwise
PAINT = {"pass": "green", "warn": "yellow"}


def console(stderr: bool = False) -> Console:
    """A console for results, or for what accompanies them."""
    wide = Console(stderr=stderr, highlight=False)
    return wide if wide.is_terminal else Console(stderr=stderr, highlight=False, width=WIDE)


@contextmanager
def progress() -> Iterator[Tell]:
    """A callable that shows the stage of long work, with the seconds of those behind it."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield silent
        return
    start, last = time.perf_counter(), [""]
    with screen.status("Starting") as status:

        def tell(stage: str) -> None:
            spent = time.perf_counter() - start
            if last[0] and stage.split(":")[0] != last[0].split(":")[0]:
                screen.print(f"[dim]{spent:6.1f} s[/]  {escape(last[0])}")
            last[0] = stage
            status.update(escape(stage))

        yield tell
        if last[0]:
            screen.print(f"[dim]{time.perf_counter() - start:6.1f} s[/]  {escape(last[0])}")


def show_notes(notes: Sequence[str], red: Sequence[str] = ()) -> None:
    """What a person should know, on stderr; raised risks in red."""
    screen = console(stderr=True)
    for note in notes:
        screen.print(f"[red bold]{escape(note)}[/]" if note in red else f"[dim]- {escape(note)}[/]")


def show_facts(facts: Mapping[str, Any]) -> None:
    """Names and what they are, one a line; of a list how long it is, then its entries."""
    grid = Grid(box=None, pad_edge=False, show_header=False)
    for name, value in facts.items():
        told = f"{value:,}" if isinstance(value, int) else str(value)
        if isinstance(value, list):
            lines = [" ".join(map(str, entry.values())) for entry in value]
            told = "\n".join([f"{len(value):,}:", *lines]) if value else "none"
        grid.add_row(escape(name), escape(told))
    console().print(grid)


def show_schema(schema: "Schema") -> None:
    """The columns as they were understood."""
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for title in ("column", "kind", "role", "handling", "missing", "values", "look at"):
        grid.add_column(title, overflow="fold")
    for column in schema.columns:
        cells = (
            column.name,
            column.kind.value,
            column.role.value,
            column.handling.value,
            "yes" if column.missing else "no",
            _values(column),
        )
        grid.add_row(*map(escape, cells), f"[yellow]{escape('; '.join(column.warnings))}[/]")
    screen = console()
    screen.print(grid)
    for pair in schema.survival:
        screen.print(escape(f"survival: {pair.time} until {pair.event} = {pair.happened}"))


def _values(column: "Column") -> str:
    if column.categories is not None and column.kind.is_level:
        few = ", ".join(column.categories[:4])
        more = len(column.categories) - 4
        return few + (f", ... {more} more" if more > 0 else "")
    if column.kind.is_number and column.minimum is not None and column.maximum is not None:
        return f"{column.minimum:.10g} to {column.maximum:.10g}"
    return column.identifier or column.date_format or ""


def show_models(entries: Sequence["Entry"]) -> None:
    """The catalogue."""
    grid = Grid(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
    for title in ("model", "data", "when to use", "when it fails", "paper"):
        grid.add_column(title, overflow="fold")
    for entry in entries:
        name = f"[bold]{escape(entry.name)}[/]\n{escape(entry.title)}"
        words = (", ".join(entry.data), entry.use, entry.fails, entry.paper)
        grid.add_row(name, *map(escape, words))
    console().print(grid)


def show_audit(audit: "Audit") -> None:
    """What the runs prove beside what is claimed."""
    screen, colour = console(), "green" if audit.holds else "red"
    held = "within its claim" if audit.holds else "MORE THAN IS CLAIMED"
    screen.print(
        f"[{colour} bold]The strongest run proves that epsilon {audit.most:.2f} or more is spent: "
        f"{held}, {audit.claimed:g}[/] at delta {audit.delta:g}."
    )
    screen.print("An audit finds faults; that it finds none is no proof that there are none.")
    left = f"; {audit.left_out} choices have no canary and are left out" if audit.left_out else ""
    screen.print(f"{len(audit.proofs)} runs of {audit.tried} releases each{left}.")


def show_evidence(evidence: "Evidence", where: str) -> None:
    """The verdict, the headline figures, and where the report is."""
    from medsynai.report.reading import headlines
    from medsynai.report.rounding import figure, interval

    verdict = evidence.verdict
    screen = console()
    colour = PAINT.get(str(getattr(verdict.status, "value", "")), "red")
    screen.print(f"[{colour} bold]{escape(verdict.sentence)}[/]")
    if evidence.model and evidence.model.chosen:
        screen.print(f"Model: {escape(evidence.model.chosen)}.")
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for title, side in (
        ("figure", "left"),
        ("synthetic", "right"),
        ("interval", "right"),
        ("real holdout", "right"),
        ("shuffled", "right"),
    ):
        grid.add_column(title, justify="left" if side == "left" else "right")
    for score in headlines(evidence):
        value = "not assessed" if score.value is None else figure(score.value)
        between = interval(score.low, score.high)
        grid.add_row(
            escape(score.title), value, between, figure(score.holdout), figure(score.shuffled)
        )
    screen.print(grid)
    screen.print(f"Report: {escape(where)}", soft_wrap=True)
