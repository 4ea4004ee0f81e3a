"""A model folder: model.json, weights.safetensors, schema.toml. No rows, nothing pickled."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from medsynai import store
from medsynai.data.schema import Schema
from medsynai.errors import InputError, ModelError

T = TypeVar("T")

FORMAT = 2  # since 2, model.json names the hash of the weights
MODEL, WEIGHTS, SCHEMA = "model.json", "weights.safetensors", "schema.toml"


@dataclass(frozen=True)
class Saved:
    """A fitted model as its folder holds it.

    Attributes:
        model: its name in the catalogue.
        settings: what was fitted.
        schema: the learnt columns.
        facts: what it needs besides arrays, as plain values.
        arrays: weights and counts; never rows.
    """

    model: str
    settings: Any
    schema: Schema
    facts: dict[str, Any]
    arrays: store.Arrays


def write_model(folder: Path, whole: Saved) -> None:
    """Write a model's three files into an existing folder."""
    store.save_arrays(folder / WEIGHTS, whole.arrays)
    (folder / SCHEMA).write_text(whole.schema.to_toml(), encoding="utf-8")
    record = {"model": whole.model, "settings": whole.settings, "facts": whole.facts}
    kept = {"sha256": store.sha256(folder / WEIGHTS)}
    text = store.to_json({"format": FORMAT, **record, **kept})
    (folder / MODEL).write_text(text + "\n", encoding="utf-8")


def read_model(folder: Path, model: str, settings: type, build: Callable[[Saved], T]) -> T:
    """What `build` makes of a folder that `write_model` wrote.

    Args:
        folder: the model folder.
        model: the catalogue name that it must have.
        settings: the class of its settings.
        build: puts the fitted model together; any part that it misses makes the folder corrupt.

    Raises:
        ModelError: another model's folder, or a corrupt one.
    """
    record, schema = read_record(folder), read_schema(folder)
    if record["model"] != model:
        raise ModelError(f"{folder} holds a {record['model']!r} model, not {model!r}")
    arrays = store.load_arrays(folder / WEIGHTS)
    if record.get("sha256") != store.sha256(folder / WEIGHTS):
        raise ModelError(f"{folder / WEIGHTS} was damaged, or is not of the model beside it")
    try:
        chosen = store.from_plain(settings, record["settings"], "settings")
        return build(Saved(model, chosen, schema, record["facts"], arrays))
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError, InputError):
        raise ModelError(f"{folder} is not a whole {model} model: its parts disagree") from None


def read_record(folder: Path) -> dict[str, Any]:
    """What model.json says.

    Raises:
        ModelError: a folder that is not one of our models, or of another format.
    """
    try:
        record = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ModelError(f"{folder} is not a model folder: no readable {MODEL} in it") from None
    if not isinstance(record, dict) or not isinstance(record.get("model"), str):
        raise ModelError(f"{folder / MODEL} is not a model of ours: it names no model")
    if record.get("format") != FORMAT:
        raise ModelError(
            f"{folder / MODEL} has format {record.get('format')!r}; this version reads {FORMAT}"
        )
    return record


def read_schema(folder: Path) -> Schema:
    """The schema of the columns that a model learnt.

    Raises:
        ModelError: no schema.toml in the folder.
        SchemaError: one that cannot be understood.
    """
    try:
        text = (folder / SCHEMA).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ModelError(f"{folder} has no readable {SCHEMA}") from None
    return Schema.from_toml(text)


def never_saved(copies: object, folder: Path) -> None:
    """The `save` of a model that holds real rows: a refusal.

    Raises:
        ModelError: always: model files hold weights and facts, never rows.
    """
    raise ModelError("a bootstrap holds real rows, so it is never saved")
