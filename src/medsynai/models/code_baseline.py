"""Baselines of codes: every code on its own, and a bootstrap copy of the rows; see `baseline`."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from medsynai.codec.sets import Repeats
from medsynai.data.codes import CodeMatrix
from medsynai.errors import ModelError, PlanError
from medsynai.generator import SEEDS, check_draw
from medsynai.models.components import Mixture
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import never_saved, read_model
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class CodeShuffle:
    """Every code on its own, with its share of the rows: no relation, no number of codes."""

    def fit(
        self, matrix: CodeMatrix, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> Mixture:
        """Learn each code's share; see `medsynai.generator.CodeGenerator.fit`.

        Raises:
            ModelError: no rows or no codes.
        """
        note = "each code's share on its own, without noise"
        (ledger or Ledger()).charge(Release("learn the codes' shares", note=note))
        if not len(matrix) or not matrix.codes:
            raise ModelError("shuffled codes need at least one row and one code")
        one, share = np.ones((1, 1)), np.asarray(matrix.present.mean(axis=0), np.float64)[None, :]
        return Mixture("shuffle", self, matrix.codes, one[0], share, None, one, Repeats.of(matrix))


load = partial(read_model, model="shuffle", settings=CodeShuffle, build=Mixture.build)


@dataclass(frozen=True)
class CodeBootstrap:
    """Real rows drawn with replacement: the positive control of the attacks, never a release."""

    def fit(
        self, matrix: CodeMatrix, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> "CopiedCodes":
        """Hold the rows; see `medsynai.generator.CodeGenerator.fit`.

        Raises:
            PlanError: a matrix without rows.
        """
        (ledger or Ledger()).charge(Release("copy real rows", note="a positive control"))
        if not len(matrix):
            raise PlanError("a bootstrap needs at least one row")
        return CopiedCodes(matrix)


@dataclass(frozen=True)
class CopiedCodes:
    """The rows themselves, in memory only."""

    matrix: CodeMatrix

    @property
    def codes(self) -> tuple[str, ...]:
        """What may be drawn."""
        return self.matrix.codes

    def sample(self, n: int, seeds: Seeds = SEEDS) -> CodeMatrix:
        """Draw exactly `n` real rows; see `medsynai.generator.FittedCodes.sample`.

        Raises:
            PlanError: `n` below 1.
        """
        check_draw(n)
        pick = seeds.of("bootstrap").numpy().integers(0, len(self.matrix), n)
        return replace(self.matrix.rows(pick), patients=np.arange(n), origin="synthetic")

    save = never_saved
