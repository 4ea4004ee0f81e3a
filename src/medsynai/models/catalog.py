"""The doors by which a model's name becomes an object."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from medsynai import store
from medsynai.errors import ModelError, PlanError
from medsynai.generator import (
    CodeGenerator,
    CohortGenerator,
    Fitted,
    FittedCodes,
    FittedCohort,
    FittedImages,
    FittedSeries,
    Generator,
    ImageGenerator,
    SeriesGenerator,
)
from medsynai.models.entries import CATALOG
from medsynai.models.entry import CODES, COHORTS, IMAGES, SERIES, TABLE, Entry
from medsynai.saved import read_record


def find_entry(name: str) -> Entry:
    """The catalogue entry of this name.

    Raises:
        ModelError: no such model; the message names the nearest, or all.

    >>> find_entry("copula").title
    'Gaussian copula'
    """
    for entry in CATALOG:
        if entry.name == name:
            return entry
    names = [e.name for e in CATALOG]
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"models: {', '.join(names)}"
    raise ModelError(f"no model {name!r}; {hint}")


def load_model(name: str, settings: Mapping[str, Any] | None = None) -> Generator:
    """A table model's settings object, ready to fit.

    Raises:
        ModelError: an unknown model, settings that it does not have, or a model of other data.
    """
    model: Generator = _settings(name, settings, TABLE)
    return model


def load_code_model(name: str, settings: Mapping[str, Any] | None = None) -> CodeGenerator:
    """The same of a model of codes.

    Raises:
        ModelError: as `load_model`.
    """
    model: CodeGenerator = _settings(name, settings, CODES)
    return model


def load_cohort_model(name: str, settings: Mapping[str, Any] | None = None) -> CohortGenerator:
    """The same of a model of cohorts.

    Raises:
        ModelError: as `load_model`.
    """
    model: CohortGenerator = _settings(name, settings, COHORTS)
    return model


def load_image_model(name: str, settings: Mapping[str, Any] | None = None) -> ImageGenerator:
    """The same of a model of images.

    Raises:
        ModelError: as `load_model`.
    """
    model: ImageGenerator = _settings(name, settings, IMAGES)
    return model


def load_series_model(name: str, settings: Mapping[str, Any] | None = None) -> SeriesGenerator:
    """The same of a model of regular series.

    Raises:
        ModelError: as `load_model`.
    """
    model: SeriesGenerator = _settings(name, settings, SERIES)
    return model


def load_any(name: str) -> Any:
    """A model of whatever data, by its defaults; a table's, where it serves others as well.

    Raises:
        ModelError: an unknown model.
    """
    data = find_entry(name).data
    return _settings(name, None, TABLE if TABLE in data else data[0])


def _settings(name: str, settings: Mapping[str, Any] | None, data: str) -> Any:
    entry = find_entry(name)
    if data not in entry.data:
        fit = ", ".join(e.name for e in CATALOG if data in e.data)
        raise ModelError(f"{name} is not for {_KINDS[data]}; models that are: {fit}")
    others = {CODES: entry.of_codes, COHORTS: entry.of_cohorts}
    kind = _resolve(others.get(data) or entry.home)
    whole = store.laid_over(store.to_plain(kind()), settings or {})  # a part of a table is its part
    try:
        return store.from_plain(kind, whole, f"settings of {name}")
    except PlanError as error:
        raise ModelError(str(error)) from None


_KINDS = {TABLE: "tables", CODES: "codes", COHORTS: "cohorts", IMAGES: "images", SERIES: "series"}


AnyFitted = Fitted | FittedCodes | FittedCohort | FittedImages | FittedSeries


def open_model(folder: Path) -> AnyFitted:
    """A saved model, by the name in its model.json.

    Raises:
        ModelError: a folder that is not a whole model of ours.
    """
    record = read_record(folder)
    entry = find_entry(record["model"])
    if not entry.loader:
        raise ModelError(f"a {entry.name} model is never saved, so {folder} is not one of ours")
    facts, loader = record.get("facts"), entry.loader
    if entry.of_codes and isinstance(facts, dict) and "codes" in facts:
        loader = entry.of_codes.partition(":")[0] + ":load"
    if entry.of_cohorts and isinstance(facts, dict) and "cohort" in facts:
        loader = entry.of_cohorts.partition(":")[0] + ":load_shuffle"
    fitted: AnyFitted = _resolve(loader)(folder)
    return fitted


def _resolve(home: str) -> Any:
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)
