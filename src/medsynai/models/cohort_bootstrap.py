"""Real patients drawn with replacement: the positive control of cohorts, never a release."""

from dataclasses import dataclass, replace

from medsynai.data.cohort import Cohort
from medsynai.data.copied import copied
from medsynai.data.schema import Schema
from medsynai.deidentify.cohort import renew
from medsynai.errors import ConditionError, PlanError
from medsynai.generator import FREE, SEEDS, Condition, check_draw
from medsynai.privacy.ledger import Ledger, Release
from medsynai.saved import never_saved
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class CohortBootstrap:
    """Whole patients, under other keys and moved in time; it has no settings."""

    def fit(
        self, cohort: Cohort, ledger: Ledger | None = None, seeds: Seeds = SEEDS
    ) -> "CopiedCohort":
        """Hold the patients; see `medsynai.generator.CohortGenerator.fit`.

        Raises:
            PlanError: a cohort without patients.
        """
        (ledger or Ledger()).charge(Release("copy real patients", note="a positive control"))
        if not len(cohort):
            raise PlanError("a bootstrap needs at least one patient")
        return CopiedCohort(cohort)


@dataclass(frozen=True)
class CopiedCohort:
    """The patients themselves, in memory only."""

    cohort: Cohort

    @property
    def schema(self) -> Schema:
        """Nothing may be asked for."""
        return Schema(())

    def sample(self, n: int, seeds: Seeds = SEEDS, condition: Condition = FREE) -> Cohort:
        """Draw exactly `n` real patients; see `medsynai.generator.FittedCohort.sample`.

        Raises:
            PlanError: `n` below 1.
            ConditionError: a condition.
        """
        check_draw(n)
        if condition:
            raise ConditionError("a bootstrap copies whole patients: it takes no conditions")
        pick = seeds.of("bootstrap").numpy().integers(0, len(self.cohort), n)
        moved, _ = renew(copied(self.cohort, pick), seeds.of("renew"))
        return replace(moved, origin="synthetic")

    save = never_saved
