"""What every measure of cohorts is given: the same patients, variables, baselines and controls."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.copied import copied
from medsynai.errors import AssessmentError
from medsynai.evaluate.codes.trial import LEAST, NO_HOLDOUT, CodeTrial
from medsynai.evaluate.cohorts.view import Traits, View, counts_of, names_of
from medsynai.seeds import Seeds

FEWEST = 3  # train patients of a variable that is looked at


@dataclass(frozen=True)
class CohortSides:
    """Candidates, and the reference that each is compared with; `real` are train patients."""

    reference: View
    synthetic: View
    real: View | None
    shuffled: View
    copied: View
    note: str = ""


@dataclass(frozen=True)
class CohortTrial:
    """Real and synthetic patients with all that happened to them.

    Attributes:
        train: the real patients that the generator saw.
        holdout: other real patients; None if nobody has any.
        synthetic: the patients to judge.
    """

    train: Cohort
    holdout: Cohort | None
    synthetic: Cohort
    seeds: Seeds

    @cached_property
    def variables(self) -> pd.Index:
        """Kind, code and unit of what three train patients have."""
        whose = self.train.events["subject_id"].to_numpy()
        pairs = pd.DataFrame({"name": names_of(self.train), "whose": whose})
        people = pairs.groupby("name")["whose"].nunique()
        return pd.Index(sorted(people.index[people >= FEWEST]), dtype=object)

    @cached_property
    def invented(self) -> float:
        """Of the variables in the synthetic events, the share that no real event has."""
        real = {*names_of(self.train)}
        real |= set() if self.holdout is None else {*names_of(self.holdout)}
        made = {*names_of(self.synthetic)}
        return len(made - real) / max(len(made), 1)

    @cached_property
    def copied(self) -> Cohort:
        """Positive control: train patients drawn with replacement."""
        rng = self.seeds.of("copied").numpy()
        return copied(self.train, rng.integers(0, len(self.train), len(self.train)))

    @cached_property
    def views(self) -> dict[str, View]:
        """Each side's events; "holdout" is absent if nobody has any."""
        sides = {"train": self.train, "synthetic": self.synthetic, "holdout": self.holdout}
        return {k: View.of(c, self.variables) for k, c in sides.items() if c is not None}

    @cached_property
    def sides(self) -> CohortSides:
        """Who stands against whom.

        Raises:
            AssessmentError: fewer than 20 patients on a side, or no events.
        """
        views = self.views
        if min(map(len, views.values())) < LEAST:
            raise AssessmentError(f"needs at least {LEAST} patients on every side")
        if not min(len(v.code) for v in views.values()):
            raise AssessmentError("needs events on every side")
        train = views["train"]
        return CohortSides(
            views.get("holdout", train),
            views["synthetic"],
            train if self.holdout is not None else None,
            train.shuffled(self.seeds.of("shuffled")),
            View.of(self.copied, self.variables),
            "" if self.holdout is not None else NO_HOLDOUT,
        )

    @cached_property
    def codes(self) -> CodeTrial:
        """The same patients, by how often each has which variable."""
        cohorts = {"train": self.train, "synthetic": self.synthetic, "holdout": self.holdout}
        names = tuple(self.variables)
        made = {k: counts_of(self.views[k], c, names) for k, c in cohorts.items() if c is not None}
        seeds = self.seeds.of("codes")
        return CodeTrial(
            made["train"], made.get("holdout"), made["synthetic"], seeds, self.invented
        )

    @cached_property
    def traits(self) -> CodeTrial:
        """The same patients, by how often, by their means and statics."""
        cohorts = {"train": self.train, "synthetic": self.synthetic, "holdout": self.holdout}
        learnt = Traits.of(self.views["train"], self.train, len(self.variables))
        made = {k: learnt.read(self.views[k], c) for k, c in cohorts.items() if c is not None}
        seeds = self.seeds.of("traits")
        return CodeTrial(made["train"], made.get("holdout"), made["synthetic"], seeds)
