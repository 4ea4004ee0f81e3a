"""A model folder: model.json, weights.safetensors, schema.toml. No rows, nothing pickled."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medsynai import store
from medsynai.data.schema import Schema
from medsynai.errors import ModelError

FORMAT = 1
MODEL, WEIGHTS, SCHEMA = "model.json", "weights.safetensors", "schema.toml"


def write_model(
    folder: Path,
    record: Mapping[str, Any],
    arrays: store.Arrays,
    schema: Schema,
) -> None:
    """Write a model; `record` holds its "model" (catalogue name), "settings" and "facts"."""
    store.save_arrays(folder / WEIGHTS, arrays)
    (folder / SCHEMA).write_text(schema.to_toml(), encoding="utf-8")
    whole = {"format": FORMAT, **record}
    (folder / MODEL).write_text(store.to_json(whole) + "\n", encoding="utf-8")


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
