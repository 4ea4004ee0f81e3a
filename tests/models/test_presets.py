"""Presets and searched settings are real settings of real models."""

from dataclasses import fields

import pytest

from medsynai import store
from medsynai.errors import PlanError
from medsynai.flow.settings import parse_settings, settings_of
from medsynai.models.catalog import (
    load_code_model,
    load_cohort_model,
    load_image_model,
    load_model,
)
from medsynai.models.entries import CATALOG
from medsynai.models.presets import BALANCED, NAMES, PRESETS, PRIVATE, preset_of
from medsynai.models.search import SEARCHED

IMAGES = [entry.name for entry in CATALOG if "images" in entry.data]
COHORTS = [entry.name for entry in CATALOG if entry.data == ("cohorts",)]
MODELS = [*(entry.name for entry in CATALOG if "table" in entry.data), *IMAGES, *COHORTS]
CODES = [entry.name for entry in CATALOG if entry.data == ("codes",)]
KNOBS = [(model, knob) for model, knobs in SEARCHED.items() for knob in knobs]


def loaded(model, settings=None):
    load = load_image_model if model in IMAGES else load_model
    return (load_cohort_model if model in COHORTS else load)(model, settings)


def among(made, asked):
    """What was made of those settings that were asked for, however deep."""
    if not isinstance(asked, dict):
        return made
    return {name: among(made[name], value) for name, value in asked.items()}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("preset", (*NAMES, PRIVATE))
def test_every_preset_is_settings_of_its_model(model, preset):
    asked = preset_of(model, preset)
    made = store.to_plain(loaded(model, asked))
    for name, value in asked.items():
        assert among(made[name], value) == value, name


def test_presets_are_of_models_and_change_something():
    assert set(PRESETS) <= set(MODELS) and set(SEARCHED) <= {*MODELS, *CODES}
    for model, rows in PRESETS.items():
        assert BALANCED not in rows
        for preset, settings in rows.items():
            assert preset in (*NAMES, PRIVATE)
            assert loaded(model, settings) != loaded(model), (model, preset)


@pytest.mark.parametrize(("model", "name"), KNOBS)
def test_a_searched_setting_exists_and_takes_both_ends_of_its_range(model, name):
    knob = SEARCHED[model][name]
    for end in (knob.low, knob.high):
        settings = end
        for part in reversed(name.split(".")):
            settings = {part: settings}
        made = store.to_plain((load_code_model if model in CODES else load_model)(model, settings))
        for part in name.split("."):
            made = made[part]
        assert made == end and type(made) is type(end)


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.name)
def test_every_models_settings_can_be_typed(entry):
    asked = settings_of(entry.name)
    for field in fields(asked):
        if field.type in ("int", int):
            assert parse_settings(entry.name, [f"{field.name}=3"]) == {field.name: 3}
    with pytest.raises(PlanError, match="no setting"):
        parse_settings(entry.name, ["nonsense=1"])


def test_a_part_of_a_table_of_settings_keeps_the_rest_as_the_model_has_it():
    """The autoregressive network's own pace is not that of other models."""
    own, changed = (
        load_model("autoregressive"),
        load_model("autoregressive", {"pace": {"check": 7}}),
    )
    assert changed.pace.check == 7
    others = {f.name for f in fields(own.pace)} - {"check"}
    assert all(getattr(own.pace, n) == getattr(changed.pace, n) for n in others)
