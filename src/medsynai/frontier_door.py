"""The command that draws privacy against use."""

from pathlib import Path
from typing import Any

import click

from medsynai.guard import DONE, JSON, guarded, print_json


@click.command()
@click.argument("data")
@click.option("--schema", required=True, metavar="F", help="The contract (see docs/privacy.md).")
@click.option("--epsilon", default="0.5,1,3,10,none", metavar="LIST", help="0.5,1,3,10,none.")
@click.option("--delta", type=float, metavar="D", help="Fixed beforehand (1e-6).")
@click.option("--models", default="aim,mst,forest", metavar="LIST", help="aim,mst,forest.")
@click.option("--seeds", type=int, default=3, metavar="N", help="Releases of each cell (3).")
@click.option("--rows", type=int, metavar="N", help="Rows of each release.")
@click.option("--target", metavar="COL", help="The outcome that utility is judged on.")
@click.option("--time-budget", metavar="T", help="Begin no release after 90s, 10m or 2h.")
@click.option("--out", required=True, metavar="DIR", type=Path, help="Folder to fill or go on in.")
@JSON
@guarded
def frontier(data: str, out: Path, as_json: bool, **asked: Any) -> int:
    """Measure privacy against use: releases of DATA at several epsilons, scored on real rows.

    What comes of it is internal: no budget covers the scores. The same command goes on where an
    earlier one stopped.
    """
    from medsynai import screen
    from medsynai.flow.budget import parse_seconds
    from medsynai.flow.frontier import Sweep, epsilons_of
    from medsynai.flow.frontier import frontier as measure
    from medsynai.flow.plan import Plan, amend

    time = asked.pop("time_budget")
    seconds = float("inf") if time is None else parse_seconds(time)
    models = tuple(m.strip() for m in asked.pop("models").split(",") if m.strip())
    sweep = Sweep(epsilons_of(asked.pop("epsilon")), models, asked.pop("seeds"), seconds)
    plan = amend(Plan(epsilon=1.0), asked | {"source": data})
    with screen.progress() as tell:
        cells = measure(plan, sweep, out, tell)
    left = len(list(sweep.cells())) - len(cells)
    if as_json:
        print_json({"folder": str(out), "cells": cells, "left": left, "exit_code": DONE})
    else:
        rest = f", {left} left: the same command goes on with them" if left else ""
        click.echo(f"{len(cells)} releases made and scored{rest}")
        click.echo(f"Internal, as it was computed on real rows: {out / 'frontier.html'}")
    return DONE
