"""Presets: settings of every model by how much time a person has; the one home of these values.

`balanced` is what a model's own defaults are, so it has no row here. A model without a row has
nothing to trade: its presets are all the same.
"""

from typing import Any

FAST, BALANCED, BEST = NAMES = ("fast", "balanced", "best")

Settings = dict[str, Any]

PRESETS: dict[str, dict[str, Settings]] = {
    "forest": {
        FAST: {"trees": 5, "linear": 3},
        BEST: {"trees": 30},
    },
    "vae": {
        FAST: {"width": 128, "steps": 400, "lr": 4e-3},
        BEST: {"steps": 4000, "lr": 1e-3, "pace": {"patience": 10}},
    },
    "tvae": {
        FAST: {"steps": 800, "lr": 2e-3},
        BEST: {"steps": 6000, "pace": {"patience": 10}},
    },
    "beta-vae": {
        FAST: {"width": 128, "steps": 400, "lr": 4e-3},
        BEST: {"steps": 4000, "lr": 1e-3, "pace": {"patience": 10}},
    },
    "diffusion": {
        FAST: {"width": 128, "steps": 2000},
        BEST: {"steps": 20_000, "pace": {"patience": 8}},
    },
    "autoregressive": {
        FAST: {"width": 64, "blocks": 1, "steps": 500, "lr": 2e-3},
        BEST: {"width": 192, "steps": 5000, "pace": {"patience": 6}},
    },
}


def preset_of(model: str, preset: str) -> Settings:
    """What a preset sets for a model; empty where it is the model's defaults.

    >>> preset_of("forest", "fast")["trees"], preset_of("forest", "balanced")
    (5, {})
    """
    return PRESETS.get(model, {}).get(preset, {})
