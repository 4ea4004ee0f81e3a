"""The command that asks whether synthetic records help to train a model."""

from pathlib import Path
from typing import Any

import click

from medsynai.guard import DONE, JSON, guarded, print_json
from medsynai.training_door import MODEL, PRESET, SET, understood


@click.command()
@click.argument("data")
@click.option(
    "--target",
    metavar="COL",
    help="The class to tell; of images `label`, of patients `death` or a static.",
)
@click.option("--schema", metavar="F", help="A schema file (see `inspect`).")
@click.option("--kind", metavar="K", help="table, images or cohorts (seen).")
@click.option("--sizes", default="10,25,50,all", metavar="LIST", help="Records a class at hand.")
@click.option("--ratios", default=".25,.5,1,2,5", metavar="LIST", help="Synthetic a real record.")
@click.option("--seeds", type=int, default=5, metavar="N", help="Draws of patients a size (5).")
@MODEL
@PRESET
@SET
@click.option("--time-budget", metavar="T", help="Of each training of the generator: 30s, 2m.")
@click.option("--holdout", type=float, metavar="F", help="Share of patients to try on (0.2).")
@click.option("--seed", type=int, metavar="S", help="All randomness hangs on it (0).")
@click.option("--out", required=True, metavar="DIR", type=Path, help="Folder to fill or go on in.")
@JSON
@guarded
def augment(data: str, out: Path, as_json: bool, **asked: Any) -> int:
    """Does it help to add synthetic records? Real, duplicated, classic and synthetic, side by side.

    What comes of it is internal: figures on real patients, which no budget covers. The same command
    goes on where an earlier one stopped.
    """
    from medsynai import screen
    from medsynai.flow.augment import open_lab
    from medsynai.flow.augment.study import Asked, numbers_of, study
    from medsynai.flow.plan import Plan, amend

    sizes = numbers_of(asked.pop("sizes"), int, "all")
    many = Asked(sizes, numbers_of(asked.pop("ratios"), float), asked.pop("seeds"))
    plan = amend(Plan(), understood(Plan(), asked) | {"source": data})
    with screen.progress() as tell:
        outcomes, said = study(open_lab(plan, tell), plan, many, out, tell)
    if as_json:
        found = {"folder": str(out), "verdicts": said, "outcomes": outcomes, "exit_code": DONE}
        print_json(found)
    else:
        for words in said:
            click.echo(words)
        click.echo(f"Internal: {out / 'study.html'}")
    return DONE
