"""MedSynAI: synthetic healthcare data with evidence.

The public names are loaded on first use, so that `import medsynai` and `medsynai --help` stay
quick: `read`, `synthesize`, `evaluate`, `Release`, `Forest`, `Condition`, `Wanted`, `Schema`,
`Table`, `Seeds`,
`SyntheticOverSampler`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medsynai.api import Release, evaluate, read, synthesize
    from medsynai.data.schema import Schema
    from medsynai.data.table import Table
    from medsynai.flow.resample import SyntheticOverSampler
    from medsynai.forest.forest import Forest
    from medsynai.generator import Condition, Wanted
    from medsynai.seeds import Seeds

__version__ = "0.1.0"

_HOMES = {
    "Condition": "medsynai.generator",
    "Forest": "medsynai.forest.forest",
    "Release": "medsynai.api",
    "Schema": "medsynai.data.schema",
    "Seeds": "medsynai.seeds",
    "SyntheticOverSampler": "medsynai.flow.resample",
    "Table": "medsynai.data.table",
    "Wanted": "medsynai.generator",
    "evaluate": "medsynai.api",
    "read": "medsynai.api",
    "synthesize": "medsynai.api",
}
__all__ = [
    "Condition",
    "Forest",
    "Release",
    "Schema",
    "Seeds",
    "SyntheticOverSampler",
    "Table",
    "Wanted",
    "__version__",
    "evaluate",
    "read",
    "synthesize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'medsynai' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
