"""A model's settings from three sides: preset, plan, and `--set key=value` as a person types it."""

import dataclasses
import tomllib
import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin, get_type_hints

from medsynai import store
from medsynai.errors import PlanError
from medsynai.generator import Generator
from medsynai.models.catalog import load_any, load_model
from medsynai.models.presets import preset_of

NONE = ("none", "None")


def model_of(name: str, preset: str, settings: Mapping[str, Any]) -> Generator:
    """A model: its defaults, what the preset sets, then what the plan sets.

    Raises:
        ModelError: an unknown model, or settings that it does not have.
    """
    return load_model(name, store.laid_over(preset_of(name, preset), settings))


def parse_settings(model: str, texts: Iterable[str]) -> dict[str, Any]:
    """`key=value` texts as settings of a model, each of the type that the model asks for.

    A dot goes into a table of settings (`pace.batch=64`); `none` is no value.

    Raises:
        PlanError: text that is not key=value, an unknown key, or a value of the wrong type.

    >>> parse_settings("vae", ["width=64", "pace.patience=3"])
    {'width': 64, 'pace': {'patience': 3}}
    """
    if model == "auto":
        if tuple(texts):
            raise PlanError("settings belong to one model: name it with --model instead of `auto`")
        return {}
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise PlanError(f"cannot read the setting {text!r}; write key=value")
        names = key.strip().split(".")
        typed = _typed(_kind(model, settings_of(model), names), value.strip(), key.strip())
        for name in reversed(names):
            typed = {name: typed}
        found = store.laid_over(found, typed)
    return found


def settings_of(model: str) -> type:
    """The class of a model's settings; a table's, where it serves other data as well.

    Raises:
        ModelError: an unknown model.
    """
    return type(load_any(model))


def _kind(model: str, settings: type, names: list[str]) -> Any:
    """The type of the setting at a dotted name."""
    kind: Any = settings
    for depth, name in enumerate(names):
        fields = [f.name for f in dataclasses.fields(kind)] if _is_table(kind) else []
        if name not in fields:
            near = get_close_matches(name, fields, 1)
            known = f"settings: {', '.join(fields)}" if fields else "it has none below that"
            hint = f"did you mean {near[0]!r}?" if near else known
            whole = ".".join(names[: depth + 1])
            raise PlanError(f"{model} has no setting {whole!r}; {hint}")
        kind = get_type_hints(kind)[name]
    return kind


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _typed(kind: Any, text: str, key: str) -> Any:
    """Plain values that fit the type: numbers and lists as TOML writes them, text as it stands."""
    union = get_origin(kind) in (Union, types.UnionType)
    kinds = get_args(kind) if union else (kind,)
    if type(None) in kinds and text in NONE:
        return None
    if _is_table(kind):
        raise PlanError(f"{key} is a table of settings; name one of them, as in {key}.name=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.split(",") if any(get_origin(k) is tuple for k in kinds) else text
    if str in kinds and not isinstance(value, str):
        value = text
    store.from_plain(kind, value, key)  # refuses what does not fit, in plain words
    return value
