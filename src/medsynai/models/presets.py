"""Presets: settings of every model by how much time a person has; the one home of these values.

`balanced` is what a model's own defaults are, so it has no row here. A model without a row has
nothing to trade: its presets are all the same. `private` is for a network under a budget: few
weights, few bins, everybody in every step, a high learning rate, nothing that needs its batch.
"""

from typing import Any

FAST, BALANCED, BEST = NAMES = ("fast", "balanced", "best")
PRIVATE = "private"

Settings = dict[str, Any]

# Under a budget every step costs: few of them, on everybody, with a high rate and short memory.
FEW: Settings = {"bins": 10, "steps": 100, "lr": 0.01, "pace": {"average": 0.95}}
BARE: Settings = {"grades": False}  # its few bins have rows enough each
SINGLES: Settings = {"average": 0.95, "private": {"singles": 0.4}}  # more for columns by themselves
FEWER: Settings = FEW | {"steps": 60, "lr": 0.02, "pace": SINGLES}
QUIET: Settings = {"components": 0}  # a mixture would be fitted to rows that may not be looked at

PRESETS: dict[str, dict[str, Settings]] = {
    "forest": {
        FAST: {"trees": 5, "linear": 3},
        BEST: {"trees": 30},
    },
    "vae": {
        FAST: {"width": 128, "steps": 400, "lr": 4e-3},
        BEST: {"steps": 4000, "lr": 1e-3, "pace": {"patience": 10}},
        PRIVATE: {
            **{"beta": 0.5, "width": 16, "latent": 4, "ties": 32, "drop": 0.0},
            **QUIET,
            **FEWER,
            **BARE,
        },
    },
    "tvae": {
        FAST: {"steps": 800, "lr": 2e-3},
        BEST: {"steps": 6000, "pace": {"patience": 10}},
        PRIVATE: {"width": 64, "latent": 8, **FEW},
    },
    "beta-vae": {
        FAST: {"width": 128, "steps": 400, "lr": 4e-3},
        BEST: {"steps": 4000, "lr": 1e-3, "pace": {"patience": 10}},
        PRIVATE: {"width": 64, "latent": 8, **FEW},
    },
    "diffusion": {
        FAST: {"width": 128, "steps": 2000},
        BEST: {"steps": 20_000, "pace": {"patience": 8}},
        PRIVATE: {"width": 64, "layers": 2, **FEW, "pace": {"average": 0.95, "fade": 0.0}},
    },
    "cgan": {
        FAST: {"width": 64, "steps": 1500, "lr": 2e-3},
        BEST: {"steps": 8000, "pace": {"patience": 12}},
    },
    "ctgan": {
        FAST: {"epochs": 100},
        BEST: {"epochs": 600},
    },
    "gan": {
        FAST: {"width": 64, "steps": 600, "lr": 2e-3},
        BEST: {"steps": 8000, "pace": {"patience": 12}},
        PRIVATE: {"width": 64, "latent": 16, "pack": 1, "match": 0.0, "warm": 0, **FEW},
    },
    "wgan-gp": {
        FAST: {"width": 64, "steps": 500, "lr": 2e-3},
        BEST: {"steps": 6000, "pace": {"patience": 12}},
        PRIVATE: {"width": 64, "latent": 16, "critics": 2, "penalty": 1.0, **FEW, "lr": 0.003},
    },
    "tablegan": {
        FAST: {"width": 64, "steps": 1000, "lr": 2e-3},
        BEST: {"steps": 12_000, "pace": {"patience": 12}},
    },
    "autoregressive": {
        FAST: {"width": 64, "blocks": 1, "steps": 500, "lr": 2e-3},
        BEST: {"width": 192, "steps": 5000, "pace": {"patience": 6}},
        PRIVATE: {
            **{"width": 32, "blocks": 0, "natural": 0.99, "smooth": 0.0},
            **FEW,
            **BARE,
            "lr": 0.02,
        },
    },
    # Of images, for 28 to 32 pixels on one core: some two minutes, 5 to 15, and an hour or more.
    "image-flow": {
        FAST: {"width": 24, "steps": 1500, "hops": 6},
        BEST: {"width": 48, "hops": 16, "pace": {"patience": 10}},
        PRIVATE: {
            **{"width": 8, "steps": 150, "lr": 0.003},
            "pace": {"average": 0.95, "private": {"rate": 0.05, "singles": 0.05}},
        },
    },
    "image-vae": {
        FAST: {"width": 16, "steps": 1000, "lr": 2e-3},
        BEST: {"width": 48, "steps": 12_000, "pace": {"patience": 10}},
    },
    "image-hybrid": {
        FAST: {"width": 16, "rounds": [500, 500, 700], "lr": 2e-3},
        BEST: {"width": 48, "rounds": [5000, 5000, 8000]},
    },
    "image-gan": {
        FAST: {"width": 16, "rounds": [1200, 1000]},
        BEST: {"width": 48, "rounds": [4000, 20_000]},
    },
    "dcgan": {
        FAST: {"width": 16, "steps": 1000, "lr": 5e-4},
        BEST: {"width": 48, "steps": 15_000, "pace": {"patience": 20}},
    },
    "acgan": {
        FAST: {"width": 16, "steps": 1000, "lr": 5e-4},
        BEST: {"width": 48, "steps": 15_000, "pace": {"patience": 20}},
    },
    "image-wgan-gp": {
        FAST: {"width": 16, "steps": 500, "lr": 1e-3},
        BEST: {"width": 48, "critics": 5, "steps": 6000, "pace": {"patience": 20}},
    },
    "pca": {FAST: {"components": 100}},
    "events": {
        PRIVATE: {
            **{"width": 32, "memory": 16, "bins": 20, "steps": 120, "lr": 0.01},
            "pace": {"average": 0.95, "fade": 0.5, "private": {"rate": 0.05, "singles": 0.3}},
        },
    },
    "aae": {PRIVATE: {"width": 64, "latent": 8, **QUIET, **FEW}},
}


def preset_of(model: str, preset: str) -> Settings:
    """What a preset sets for a model; empty where it is the model's defaults.

    >>> preset_of("forest", "fast")["trees"], preset_of("forest", "balanced")
    (5, {})
    """
    return PRESETS.get(model, {}).get(preset, {})
