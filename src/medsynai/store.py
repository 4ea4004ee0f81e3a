"""Frozen dataclasses to and from TOML and JSON, arrays to and from safetensors, hashes.

Nothing is pickled. Unknown keys are refused, so that a typing error in a file cannot pass for a
default. `None` is left out of TOML, which has no such value.
"""

import dataclasses
import hashlib
import json
import math
import tomllib
import types
from collections.abc import Mapping
from difflib import get_close_matches
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import tomli_w

from medsynai.errors import ModelError, PlanError

T = TypeVar("T")
Arrays = dict[str, np.ndarray]


def to_plain(value: Any, drop_none: bool = False) -> Any:
    """Dataclasses, enums, tuples, paths and NumPy scalars as dicts, lists, strings and numbers."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (f.name for f in dataclasses.fields(value))
        return to_plain({n: getattr(value, n) for n in names}, drop_none)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        items = ((str(k), to_plain(v, drop_none)) for k, v in value.items())
        return {k: v for k, v in items if not (drop_none and v is None)}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(v, drop_none) for v in value]
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist(), drop_none)
    if isinstance(value, np.generic):
        return to_plain(value.item(), drop_none)
    if isinstance(value, Path):
        return str(value)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def from_plain(kind: Any, value: Any, where: str = "") -> Any:
    """Rebuild `kind` (a dataclass, enum, tuple, dict, union or scalar type) from plain values.

    Raises:
        PlanError: an unknown key, or a value of the wrong type; the message names the place.
    """
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _first_that_fits(args, value, where)
    if dataclasses.is_dataclass(kind):
        return _dataclass_of(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        allowed = ", ".join(str(m.value) for m in kind)
        if value not in [m.value for m in kind]:
            raise PlanError(f"{where or kind.__name__}: must be one of {allowed}")
        return kind(value)
    if origin is tuple and isinstance(value, list | tuple):
        inner = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(inner) != len(value):
            raise PlanError(f"{where or 'value'}: expected {len(inner)} values, found {len(value)}")
        return tuple(
            from_plain(k, v, f"{where}[{i}]")
            for i, (k, v) in enumerate(zip(inner, value, strict=True))
        )
    if origin is dict and isinstance(value, Mapping):
        return {k: from_plain(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is type(None) and value is None:
        return None
    if isinstance(kind, type) and type(value) is kind:
        return value
    expected = getattr(kind, "__name__", str(kind))
    raise PlanError(f"{where or 'value'}: expected {expected}, found {type(value).__name__}")


def _first_that_fits(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    complaint: PlanError | None = None
    for kind in kinds:
        try:
            return from_plain(kind, value, where)
        except PlanError as error:
            complaint = complaint or error
    raise complaint or PlanError(f"{where}: no type fits")


def _dataclass_of(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise PlanError(f"{where or kind.__name__}: expected a table of settings")
    names = {f.name for f in dataclasses.fields(kind) if f.init}
    unknown = sorted(set(value) - names)
    if unknown:
        near = get_close_matches(str(unknown[0]), names, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        known = f"{hint}known: {', '.join(sorted(names))}"
        raise PlanError(f"{where or kind.__name__}: unknown key {unknown[0]!r}; {known}")
    no = dataclasses.MISSING
    for f in dataclasses.fields(kind):
        if f.init and f.name not in value and f.default is no and f.default_factory is no:
            raise PlanError(f"{where or kind.__name__}: lacks {f.name!r}")
    hints = _hints(kind)
    filled = {k: from_plain(hints[k], v, f"{where}.{k}".strip(".")) for k, v in value.items()}
    try:
        return kind(**filled)
    except TypeError as error:
        raise PlanError(f"{where or kind.__name__}: {error}") from None


def laid_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values with others laid over them; tables are merged key by key.

    >>> laid_over({"steps": 9, "pace": {"batch": 8}}, {"pace": {"check": 2}})
    {'steps': 9, 'pace': {'batch': 8, 'check': 2}}
    """
    both = dict(under)
    for key, value in over.items():
        before = both.get(key)
        nested = isinstance(before, Mapping) and isinstance(value, Mapping)
        both[key] = laid_over(before, value) if nested else value  # type: ignore[arg-type]
    return both


def to_toml(value: Any) -> str:
    """A dataclass as TOML text."""
    return tomli_w.dumps(to_plain(value, drop_none=True), multiline_strings=True)


def from_toml(kind: type[T], text: str, where: str = "") -> T:
    """A dataclass from TOML text.

    Raises:
        PlanError: text that is not TOML, or does not fit `kind`.
    """
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{where or 'the file'} is not valid TOML: {error}") from None
    rebuilt: T = from_plain(kind, plain)
    return rebuilt


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return value


def to_json(value: Any, indent: int | None = 2) -> str:
    """Any plain or dataclass value as JSON; NaN and infinities become null."""
    return json.dumps(_finite(to_plain(value)), indent=indent, ensure_ascii=False, allow_nan=False)


def save_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by name as one safetensors file."""
    from safetensors.numpy import save

    # Written here, so that a full disk is an OSError and the file has the rights of its siblings.
    path.write_bytes(save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))


def load_arrays(path: Path) -> Arrays:
    """The arrays of a safetensors file.

    Raises:
        ModelError: a file that is absent, truncated or not safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        loaded: Arrays = load_file(str(path))
    except (OSError, SafetensorError, ValueError):
        raise ModelError(f"{path} is not a readable safetensors file") from None
    return loaded


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
