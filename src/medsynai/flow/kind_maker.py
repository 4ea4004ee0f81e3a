"""What the makers of the kinds beside tables share: their folder, and drawing in shards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

from medsynai import store
from medsynai.errors import FolderError, ModelError, PlanError
from medsynai.flow.sampling import Order
from medsynai.models.catalog import open_model
from medsynai.seeds import Seeds

Recipe = TypeVar("Recipe")


class Saved(Protocol):
    """A fitted model."""

    def save(self, folder: Path) -> None:
        """Weights and facts into a folder that is there."""
        ...


def write_model(folder: Path, fitted: Saved, recipe: object, name: str) -> None:
    """Make the model folder, which only its owner may open.

    Args:
        folder: to make.
        fitted: what draws.
        recipe: how records become files again; no record is in it.
        name: of its file.
    """
    folder.mkdir(mode=0o700)
    fitted.save(folder)
    (folder / name).write_text(store.to_toml(recipe), encoding="utf-8")


def open_parts(folder: Path, kind: type[Recipe], name: str) -> tuple[Any, Recipe]:
    """The fitted model and the recipe in a release's model folder.

    Raises:
        ModelError: not a whole model folder of this kind.
    """
    fitted = open_model(folder)
    try:
        text = (folder / name).read_text(encoding="utf-8")
        return fitted, store.from_toml(kind, text, name)
    except (OSError, UnicodeDecodeError, PlanError):
        raise ModelError(f"{folder} has no readable {name}") from None


def check_target(target: Path, suffix: str) -> None:
    """Refuse a place that is taken, or of another ending than the source's ("" for a folder).

    Raises:
        FolderError: with what to do.
    """
    if suffix and not target.name.lower().endswith(suffix):
        raise FolderError(f"{target.name}: end it with {suffix}")
    if target.exists():
        raise FolderError(f"{target} exists already; choose another place")


def shards(order: Order) -> Iterator[tuple[int, Seeds]]:
    """How many records each shard has, and its seeds."""
    for i in range(order.shards):
        yield min(order.shard, order.rows - i * order.shard), Seeds(order.seed).of("shard", i)
