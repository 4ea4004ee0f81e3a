"""The command's way to go on with histories of a cohort."""

from pathlib import Path

import click

from medsynai.guard import DONE, print_json


def go_on(folder: Path, history: Path, out: Path, times: int, seed: int, as_json: bool) -> int:
    """Draw what comes after each history, say so, and that it is sensitive."""
    from medsynai import screen
    from medsynai.flow.cohorts import going_on

    with screen.progress() as tell:
        made = going_on.go_on(folder, history, times, out, seed, tell)
    if as_json:
        print_json({"file": str(out), "made": made, "exit_code": DONE})
        return DONE
    screen.show_notes(made.notes, red=made.notes[:1])
    click.echo(f"{made.events:,} events of {made.continuations:,} continuations: {out}")
    return DONE
