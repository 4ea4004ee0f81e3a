"""Kinds of patients by their codes: a mixture of Bernoulli components, fitted by EM.

Everitt and Hand 1981, Finite mixture distributions (latent class analysis); see `codec/sets.py`.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import softmax

from medsynai.codec.sets import Ranges, Repeats
from medsynai.data.codes import CodeMatrix, Counts
from medsynai.errors import ModelError
from medsynai.generator import SEEDS, check_settings
from medsynai.models.components import Mixture
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import read_model
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class CodeMixture:
    """Settings of the mixture; all public.

    Attributes:
        per_component: rows that a component stands for at least, on average.
        components: how many there are at most.
        prior: rows by which a component leans to the shares of all rows.
        steps: EM steps.
    """

    per_component: int = 250
    components: int = 300
    prior: float = 1.0
    steps: int = 40

    def __post_init__(self) -> None:
        least = {"per_component": 1, "components": 1, "prior": 0.01, "steps": 1}
        check_settings("code-mixture", self, least)

    def fit(
        self, matrix: CodeMatrix, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> Mixture:
        """Learn from train rows; see `medsynai.generator.CodeGenerator.fit`.

        Raises:
            ModelError: no rows or no codes.
        """
        note = "shares of codes in each component, without noise"
        (ledger or Ledger()).charge(Release("fit the mixture of codes", note=note))
        if not len(matrix) or not matrix.codes:
            raise ModelError("a mixture needs at least one row and one code")
        found = self._components(matrix.present, len(matrix), seeds.of("components").numpy())
        rows = found.sum(axis=0)
        base = np.asarray(matrix.present.mean(axis=0)).ravel()
        held = (matrix.present.T @ found).T + self.prior * base
        chance = np.clip(held / (rows + self.prior)[:, None], 0, 1 - 1e-6)
        sizes = Ranges.of(matrix.widths)
        each = found.T @ np.eye(len(sizes.low))[sizes.place(matrix.widths)]
        each = (each + self.prior * sizes.share) / (rows + self.prior)[:, None]
        share, repeats = rows / rows.sum(), Repeats.of(matrix)
        return Mixture("code-mixture", self, matrix.codes, share, chance, sizes, each, repeats)

    def _components(self, present: Counts, n: int, rng: np.random.Generator) -> np.ndarray:
        """(rows, components) how much each row is of each: EM of a mixture of multinomials."""
        count = max(1, min(self.components, n // self.per_component))
        total = present.sum(axis=0) / max(present.sum(), 1)
        lean = self.prior * np.maximum(total, 1e-9) * max(present.sum() / n, 1)
        odds = np.full(count, 1 / count)
        held = 3 * present[rng.choice(n, count, replace=False)].toarray()
        for _ in range(self.steps):
            chance = held + lean
            logs = np.log(chance / chance.sum(axis=1, keepdims=True)).astype(np.float32)
            found = softmax(present @ logs.T + np.log(odds).astype(np.float32), axis=1)
            held, odds = (present.T @ found).T, (found.sum(axis=0) + 1) / (n + count)
        return found


load = partial(read_model, model="code-mixture", settings=CodeMixture, build=Mixture.build)
