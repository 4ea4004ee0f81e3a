"""A fitted model of cohorts with what turns its patients into files; no patient is held."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.cohort import OF_VISITS, Cohort
from medsynai.data.cohortfiles import write_cohort
from medsynai.data.cohortfiles.appending import appends, write_parts
from medsynai.data.cohortfiles.followup import FollowUp
from medsynai.data.cohortfiles.housed import housed
from medsynai.data.cohortfiles.layout import Layout, LoadedCohort
from medsynai.data.row_laws import RowLaws
from medsynai.data.settled import Settled, with_settled
from medsynai.data.told_once import lifted, lowered
from medsynai.deidentify.keys import fresh_keys, learn_pattern
from medsynai.deidentify.recipe import Pattern
from medsynai.flow.cohorts.asking import asked_of
from medsynai.flow.cohorts.kind import RECIPE
from medsynai.flow.folder import parents_of
from medsynai.flow.kind_maker import check_target, open_parts, shards, write_model
from medsynai.flow.maker import Shard
from medsynai.flow.sampling import Order
from medsynai.flow.watch import Tell
from medsynai.generator import FREE, Condition, FittedCohort
from medsynai.models.beside import FittedBeside, load_beside
from medsynai.seeds import Seeds

NONE = RowLaws()
SHARD = 2_000  # patients at a time: each may have hundreds of events


@dataclass(frozen=True)
class CohortRecipe:
    """The source's form, and what its keys look like.

    Attributes:
        suffix: of the source's file; "" for a folder.
        patients, visits: of keys.
        steady: columns beside visits that are told of a patient once.
        laws: of rows, which hold after drawing.
        followup: the columns that say how long patients were seen; None where nobody said.
        settled: columns of patients that others settle, so that no model draws them.
        codes: what the table of codes says of codes that are no events.
    """

    layout: Layout
    suffix: str
    patients: Pattern
    visits: Pattern
    steady: tuple[str, ...] = ()
    laws: RowLaws = field(default_factory=RowLaws)
    followup: FollowUp | None = None
    settled: tuple[Settled, ...] = ()
    codes: tuple[dict[str, str | float], ...] = ()

    @staticmethod
    def of(
        loaded: LoadedCohort, source: Path, steady: tuple[str, ...] = (), laws: RowLaws = NONE
    ) -> "CohortRecipe":
        """From what was read; no key is kept."""
        keys = (loaded.cohort.subjects["subject_id"], loaded.cohort.visits["visit_id"])
        people, stays = (learn_pattern(sorted(map(str, k))) for k in keys)
        suffix = "" if source.is_dir() else "".join(source.suffixes[-2:])
        return CohortRecipe(loaded.layout, suffix, people, stays, steady, laws)

    def home(self, cohort: Cohort) -> Cohort:
        """Patients with the columns that the source has, before they are written."""
        whole = lowered(with_settled(cohort, self.settled), self.steady)
        if self.codes:
            told = pd.concat([whole.codes, pd.DataFrame(self.codes)], ignore_index=True)
            whole = replace(whole, codes=told.drop_duplicates(["kind", "code"]))
        return whole if self.followup is None else self.followup.given(whole)

    def away(self, cohort: Cohort) -> Cohort:
        """The inverse, of what was read."""
        seen = cohort if self.followup is None else self.followup.taken(cohort)
        return lifted(seen, self.steady)


@dataclass(frozen=True)
class CohortMaker:
    """Draws patients, and gives them keys in the source's pattern.

    Attributes:
        beside: what else stands in the rows of their events and visits.
    """

    fitted: FittedCohort
    recipe: CohortRecipe
    beside: FittedBeside = field(default_factory=lambda: FittedBeside({}))

    def draw(
        self, n: int, seeds: Seeds, condition: Condition = FREE, taken: Collection[str] = ()
    ) -> Cohort:
        """Exactly `n` patients under fresh keys, none of which is among those `taken`."""
        made = self.fitted.sample(n, seeds.of("patients"), condition)
        made = with_settled(made, self.recipe.settled)
        parts = {"subject_id": made.subjects["subject_id"], "visit_id": made.visits["visit_id"]}
        patterns = {"subject_id": self.recipe.patients, "visit_id": self.recipe.visits}
        fresh = {
            name: _fresh(keys, patterns[name], set(taken), seeds.of("keys", name).numpy())
            for name, keys in parts.items()
        }
        whole = rekeyed(made, fresh["subject_id"], fresh["visit_id"])
        laws = self.recipe.laws
        whole = laws.facts_once(housed(whole, self.recipe.layout))
        return replace(laws.numbered(self.beside.draw(whole, seeds)), mended=made.mended)

    def asked(self, texts: tuple[str, ...]) -> Condition:
        """What `--condition` asks of what is told of a patient once.

        Raises:
            ConditionError: an unknown column or level, or an empty range.
        """
        recipe = self.recipe
        if recipe.followup is not None:
            texts = tuple(map(recipe.followup.asked, texts))
        return asked_of(self.fitted, texts, recipe.layout, recipe.settled) if texts else FREE

    def save(self, folder: Path) -> None:
        """Write the model folder, which only its owner may open."""
        write_model(folder, self.fitted, self.recipe, RECIPE)
        if self.beside.kinds:
            self.beside.save(folder)


def _fresh(
    keys: pd.Series, pattern: Pattern, taken: set[str], rng: np.random.Generator
) -> pd.Series:
    """Each key -> a new one that is none of those taken."""
    found: list[str] = []
    many = len(keys)
    while len(found) < len(
        keys
    ):  # a counter begins where it began before: ask beyond what is taken
        drawn = fresh_keys(pattern, many, rng)
        found = [k for k in dict.fromkeys([*found, *drawn]) if k not in taken]
        many *= 2
    return pd.Series(found[: len(keys)], index=pd.Index(keys), dtype=object)


def rekeyed(cohort: Cohort, patients: pd.Series, stays: pd.Series) -> Cohort:
    """The cohort under other keys; a key that leads nowhere becomes none."""
    to = {"subject_id": patients, "visit_id": stays, "previous": stays}

    def fresh(frame: pd.DataFrame) -> pd.DataFrame:
        keys = {k: frame[k].map(m).astype(object) for k, m in to.items() if k in frame}
        return frame.assign(**{k: v.where(v.notna(), None) for k, v in keys.items()})

    people, events, visits = map(fresh, (cohort.subjects, cohort.events, cohort.visits))
    whole = Cohort.of(people, events, visits, cohort.codes, cohort.extras, clock=cohort.clock)
    return replace(whole, origin=cohort.origin)


def open_maker(folder: Path) -> CohortMaker:
    """The maker in a release's model folder.

    Raises:
        ModelError: not a whole model folder of cohorts.
    """
    return CohortMaker(*open_parts(folder, CohortRecipe, RECIPE), load_beside(folder))


def sample(folder: Path, order: Order, target: Path, tell: Tell) -> None:
    """See `kind.sample`."""
    maker = open_maker(folder)
    check_target(target, maker.recipe.suffix)
    parts = (maker.recipe.home(p) for p in drawn_shards(maker, order, tell))
    with parents_of(target):
        if appends(maker.recipe.layout):
            write_parts(parts, maker.recipe.layout, target)
        else:
            write_cohort(joined(list(parts)), maker.recipe.layout, target)


def drawn_shards(maker: CohortMaker, order: Order, tell: Tell) -> Iterator[Cohort]:
    """The order's patients, shard by shard; no key twice, and none is kept to know it."""
    condition, done, stays = maker.asked(order.conditions), 0, 0
    order = replace(order, shard=min(order.shard, SHARD))
    for number, (n, seeds) in enumerate(shards(order)):
        shard = Shard(number, order.shards, order.shard)
        recipe = replace(
            maker.recipe,
            patients=shard.apart(maker.recipe.patients),
            visits=shard.apart(maker.recipe.visits, stays),
        )
        part = replace(maker, recipe=recipe).draw(n, seeds, condition)
        done, stays = done + n, stays + len(part.visits)
        tell(f"Drawing patients: {done:,} of {order.rows:,}")
        yield part


def joined(parts: list[Cohort]) -> Cohort:
    """Patients of several draws, under keys of their own, as one cohort."""
    if len(parts) == 1:
        return parts[0]

    def stacked(name: str) -> pd.DataFrame:
        return pd.concat([getattr(p, name) for p in parts], ignore_index=True)

    people, events, visits = map(stacked, ("subjects", "events", "visits"))
    codes = stacked("codes").drop_duplicates(["kind", "code"])
    extras: dict[str, list[pd.DataFrame]] = {}
    before = dict.fromkeys(("events", "visits"), 0)
    for part in parts:
        for kind, frame in part.extras.items():
            ahead = before["visits" if kind == OF_VISITS else "events"]
            extras.setdefault(kind, []).append(frame.set_axis(frame.index + ahead, axis=0))
        before = {name: n + len(getattr(part, name)) for name, n in before.items()}
    beside = {kind: pd.concat(frames) for kind, frames in extras.items()}
    whole = Cohort.of(people, events, visits, codes, beside, clock=parts[0].clock)
    return replace(whole, origin="synthetic")
