"""A fitted model of codes with all that turns its rows into a file; no row is held."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from medsynai.data.codefiles import write_codes
from medsynai.data.codes import CodeMatrix, CodeSource, LoadedCodes
from medsynai.deidentify.keys import fresh_keys, learn_pattern
from medsynai.deidentify.recipe import Pattern
from medsynai.errors import ConditionError, FolderError, ModelError
from medsynai.flow.codes.kind import RECIPE
from medsynai.flow.folder import parents_of
from medsynai.flow.kind_maker import open_parts, shards, write_model
from medsynai.flow.sampling import Order
from medsynai.flow.watch import Tell
from medsynai.generator import FittedCodes
from medsynai.seeds import Seeds

TURNS = 50  # draws anew of rows that may not be empty


@dataclass(frozen=True)
class CodeRecipe:
    """The source's form, and what its keys look like: "patient" and "visit" where it has them."""

    source: CodeSource
    patterns: dict[str, Pattern]

    @staticmethod
    def of(loaded: LoadedCodes) -> "CodeRecipe":
        """From what was read; no key is kept."""
        patterns = {k: learn_pattern([str(x) for x in v]) for k, v in loaded.keys.items()}
        return CodeRecipe(loaded.source, patterns)


@dataclass(frozen=True)
class CodeMaker:
    """Draws rows and fresh keys for them."""

    fitted: FittedCodes
    recipe: CodeRecipe

    def draw(self, n: int, seeds: Seeds) -> CodeMatrix:
        """Exactly `n` rows; where the source cannot hold a row without codes, none has none.

        Raises:
            ModelError: the model draws nothing but empty rows.
        """
        whole = self.fitted.sample(n, seeds.of("round", 0))
        if self.recipe.source.empty:
            return whole
        kept, turn = [whole.counts[whole.widths > 0]], 1
        while (left := n - sum(k.shape[0] for k in kept)) > 0:
            more = self.fitted.sample(left, seeds.of("round", turn))
            kept.append(more.counts[more.widths > 0])
            turn += 1
            if turn > TURNS:
                raise ModelError("the model draws rows without any code; fit it on more rows")
        return replace(whole, counts=sp.csr_array(sp.vstack(kept)))

    def keys(self, n: int, seeds: Seeds) -> dict[str, np.ndarray]:
        """(n,) fresh keys for each key column, as texts."""
        return {
            name: np.array(fresh_keys(pattern, n, seeds.of("keys", name).numpy()), dtype=object)
            for name, pattern in self.recipe.patterns.items()
        }

    def save(self, folder: Path) -> None:
        """Write the model folder, which only its owner may open."""
        write_model(folder, self.fitted, self.recipe, RECIPE)


def open_maker(folder: Path) -> CodeMaker:
    """The maker in a release's model folder.

    Raises:
        ModelError: not a whole model folder of codes.
    """
    return CodeMaker(*open_parts(folder, CodeRecipe, RECIPE))


def sample(folder: Path, order: Order, target: Path, tell: Tell) -> None:
    """Draw rows from a model of codes into one file, in shards, whole or not at all.

    Raises:
        ConditionError: conditions, which these models do not take.
        FolderError: another ending than the source's.
    """
    if order.conditions:
        raise ConditionError("models of codes take no conditions: leave --condition out")
    maker = open_maker(folder)
    if not target.name.lower().endswith(maker.recipe.source.suffix):
        raise FolderError(f"{target.name}: end it with {maker.recipe.source.suffix}")
    parts = []
    for rows, seeds in shards(order):
        parts.append(maker.draw(rows, seeds).counts)
        tell(f"Drawing rows: {sum(p.shape[0] for p in parts):,} of {order.rows:,}")
    counts = sp.csr_array(sp.vstack(parts))
    matrix = CodeMatrix(counts, maker.fitted.codes, np.arange(order.rows), "synthetic")
    keys = maker.keys(order.rows, Seeds(order.seed))
    with parents_of(target):
        write_codes(matrix, keys, maker.recipe.source, target)
