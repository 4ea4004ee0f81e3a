"""Toy codes: three kinds of patients, a long tail of rare codes, and two codes that go together."""

import numpy as np
import pytest

from medsynai.data.codes import CodeMatrix
from medsynai.evaluate.codes.trial import CodeTrial
from medsynai.seeds import Seeds


def draw_codes(rows: int, seed: int, width: int = 120) -> CodeMatrix:
    rng = np.random.default_rng(seed)
    shares = 0.4 / np.arange(1, width + 1)
    shares[60:] = 0.0035
    chance = np.stack([np.roll(shares[:30], 10 * k) for k in range(3)])
    chance = np.concatenate([chance, np.tile(shares[30:], (3, 1))], axis=1)
    kind = rng.integers(0, 3, rows)
    counts = (rng.random((rows, width)) < chance[kind]).astype(int)
    counts[:, 1] = np.where(rng.random(rows) < 0.9, counts[:, 0], counts[:, 1])
    return CodeMatrix.of(counts, tuple(f"{100 + i}" for i in range(width)))


@pytest.fixture(scope="package")
def codes_of():
    return draw_codes


@pytest.fixture(scope="package")
def trial_of():
    train, holdout = draw_codes(1500, 1), draw_codes(1500, 2)

    def trial(synthetic: CodeMatrix | None = None, **changed) -> CodeTrial:
        made = draw_codes(1500, 3) if synthetic is None else synthetic
        return CodeTrial(**{"train": train, "holdout": holdout, "synthetic": made,
                            "seeds": Seeds(5)} | changed)  # fmt: skip

    return trial
