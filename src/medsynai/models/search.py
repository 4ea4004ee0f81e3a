"""What tuning may turn: for each model the settings that matter, and how far.

Beside the presets, the one home of these values. A dot goes into a table of settings.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Knob:
    """A setting to search.

    Attributes:
        low, high: ends of the range, both tried.
        log: whether steps are factors rather than differences.
    """

    low: float
    high: float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)


# Ranges that several models share.
LATENT = Knob(8, 64, log=True)
WIDE = Knob(64, 384, log=True)
NARROW = Knob(64, 256, log=True)
BINS = Knob(20, 120, log=True)
FEW_BINS = Knob(15, 60, log=True)
RATE = Knob(3e-4, 6e-3, log=True)
LOW_RATE = Knob(1e-4, 3e-3, log=True)
CODES_RATE = Knob(1e-4, 2e-3, log=True)
CELLS = Knob(20, 300, log=True)
LEAST = Knob(5, 40, log=True)
PATIENCE = Knob(2, 8)
CODES_LATENT = Knob(32, 256, log=True)
CODES_WIDTH = Knob(64, 512, log=True)

SEARCHED: dict[str, dict[str, Knob]] = {
    "forest": {
        "min_leaf": Knob(5, 200, log=True),
        "trees": Knob(5, 30),
        "fraction": Knob(0.4, 1.0),
        "candidates": Knob(0.2, 1.0),
        "linear": Knob(0, 10),
        "bins": Knob(50, 300, log=True),
    },
    "copula": {"cells": CELLS, "min_cell": LEAST},
    "grouped-copula": {
        "cells": CELLS,
        "min_cell": LEAST,
        "factors": Knob(1, 12),
        "own": Knob(0.0, 1.0),
    },
    "vae": {
        "latent": LATENT,
        "width": WIDE,
        "beta": Knob(0.02, 1.0, log=True),
        "drop": Knob(0.0, 0.4),
        "components": Knob(1, 60, log=True),
        "bins": BINS,
        "lr": RATE,
        "pace.patience": PATIENCE,
    },
    "tvae": {
        "latent": Knob(16, 192, log=True),
        "width": NARROW,
        "factor": Knob(0.5, 4.0, log=True),
        "lr": Knob(3e-4, 4e-3, log=True),
        "pace.batch": Knob(100, 500, log=True),
        "pace.patience": Knob(2, 10),
    },
    "beta-vae": {
        "beta": Knob(1.0, 6.0, log=True),
        "latent": Knob(4, 64, log=True),
        "width": WIDE,
        "bins": BINS,
        "lr": RATE,
    },
    "diffusion": {
        "width": Knob(96, 384, log=True),
        "layers": Knob(1, 4),
        "hops": Knob(10, 80, log=True),
        "lr": Knob(5e-4, 6e-3, log=True),
        "pace.patience": PATIENCE,
    },
    "cgan": {
        "latent": LATENT,
        "width": NARROW,
        "penalty": Knob(0.02, 1.0, log=True),
        "match": Knob(0.1, 1.0, log=True),
        "bins": FEW_BINS,
        "lr": Knob(5e-4, 3e-3, log=True),
    },
    "ctgan": {
        "latent": Knob(16, 192, log=True),
        "width": WIDE,
        "penalty": Knob(1.0, 20.0, log=True),
        "match": Knob(0.3, 3.0, log=True),
        "epochs": Knob(50, 600, log=True),
        "lr": Knob(3e-4, 4e-3, log=True),
    },
    "gan": {
        "latent": LATENT,
        "width": NARROW,
        "penalty": Knob(0.01, 1.0, log=True),
        "match": Knob(0.05, 2.0, log=True),
        "bins": FEW_BINS,
        "lr": Knob(3e-4, 4e-3, log=True),
    },
    "wgan-gp": {
        "latent": LATENT,
        "width": NARROW,
        "critics": Knob(1, 8),
        "penalty": Knob(1.0, 30.0, log=True),
        "bins": FEW_BINS,
        "lr": LOW_RATE,
    },
    "tablegan": {
        "latent": Knob(16, 128, log=True),
        "width": NARROW,
        "slack": Knob(0.0, 0.5),
        "lr": LOW_RATE,
    },
    "autoregressive": {
        "width": Knob(32, 192, log=True),
        "blocks": Knob(1, 3),
        "natural": Knob(0.0, 0.95),
        "smooth": Knob(0.0, 0.9),
        "bins": BINS,
        "lr": Knob(3e-4, 4e-3, log=True),
        "pace.patience": Knob(1, 6),
    },
    "code-mixture": {
        "per_component": Knob(50, 1000, log=True),
        "components": Knob(30, 600, log=True),
        "prior": Knob(0.1, 10.0, log=True),
    },
    "medgan": {
        "latent": CODES_LATENT,
        "width": CODES_WIDTH,
        "warm": Knob(300, 3000, log=True),
        "penalty": Knob(0.5, 20.0, log=True),
        "lr": CODES_RATE,
    },
    "emr-wgan": {
        "latent": CODES_LATENT,
        "width": CODES_WIDTH,
        "critics": Knob(1, 5),
        "penalty": Knob(1.0, 30.0, log=True),
        "lr": CODES_RATE,
    },
}
