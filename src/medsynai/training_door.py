"""The options by which the command says how to train: preset, settings, time."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from medsynai.flow.plan import Plan

MODEL = click.option(
    "--model", metavar="NAME", help="auto, or a name that `medsynai models` lists."
)
TIME = click.option(
    "--time-budget", metavar="T", help="Choose and train in 90s, 2m or 1h; judging comes on top."
)
PRESET = click.option("--preset", metavar="P", help="fast, balanced (the default) or best.")
DEVICE = click.option("--device", metavar="D", help="Train networks on auto, cpu or cuda.")
SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the model, e.g. steps=500 or pace.batch=64.",
)

REFINE = click.option(
    "--refine",
    is_flag=True,
    default=None,
    help="Draw in plenty and let discriminators choose the rows.",
)


def how_to_train(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `synthesize` takes beside its own."""
    for option in (REFINE, DEVICE, TIME, SET, PRESET, MODEL):  # the last is shown first
        command = option(command)
    return command


def understood(plan: "Plan", chosen: dict[str, Any]) -> dict[str, Any]:
    """The options with times as seconds, and settings of their types over those of the plan.

    Raises:
        PlanError: a time or a setting that cannot be read.
        ModelError: an unknown model.
    """
    from medsynai import store
    from medsynai.flow.budget import parse_seconds
    from medsynai.flow.settings import parse_settings

    time, texts = chosen.pop("time_budget", None), chosen.pop("settings", ())
    found = parse_settings(chosen.get("model") or plan.model, texts)
    more: dict[str, Any] = {"time_budget": None if time is None else parse_seconds(time)}
    more["settings"] = store.laid_over(plan.settings, found) if found else None
    return chosen | more
