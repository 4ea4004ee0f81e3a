"""Fixtures that every part of the tests may use."""

from pathlib import Path

import pytest
from jaxtyping import install_import_hook

# Shapes and dtypes that annotations promise are checked while the tests run.
FOREST = [f"medsynai.forest.{m}" for m in ["design", "order", "passage", "rarity", "step", "trees"]]
install_import_hook(["medsynai.codec", *FOREST], "beartype.beartype")

SHARED = Path(__file__).resolve().parent.parent / ".." / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets beside the checkout; tests that need it skip without it."""
    if not (SHARED / "bench" / "sets").is_dir():
        pytest.skip("the shared data sets are not beside this checkout")
    return SHARED.resolve()
