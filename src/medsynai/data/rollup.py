"""Rare codes of a cohort's events, rolled up to their ICD category by patient count."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import scipy.sparse as sp

from medsynai.data.codes import CodeMatrix
from medsynai.data.cohort import Cohort
from medsynai.data.vocabulary import LEAST, learn_vocabulary

SYSTEM = "//"  # between a system and a code of it
MOSTLY = 0.5  # share of a kind's events with a number, above which its codes are measurements


@dataclass(frozen=True)
class Rollup:
    """What stands for which rare code, by kind of event; see `medsynai.data.vocabulary`.

    Attributes:
        parents: kind and code -> the category. Names of rare codes: for the owner only.
    """

    parents: dict[tuple[str | None, str], str]

    @staticmethod
    def learn(train: Cohort, least: int = LEAST) -> "Rollup":
        """Decide on train patients alone; kinds and systems whose codes do not look like ICD stay.

        So do those whose events mostly have numbers: a laboratory has, a diagnosis has not.

        >>> events = pd.DataFrame({"subject_id": list("abc"), "code": ["25001", "25002", "25013"]})
        >>> sorted(set(Rollup.learn(Cohort.of(events=events)).parents.values()))
        ['250']
        """
        patient = train.places(train.events["subject_id"])
        valued = train.events["value"].notna().groupby(train.events["kind"], dropna=False).mean()
        plain = train.events["kind"].map(valued <= MOSTLY).fillna(True).astype(bool)
        events = train.events[["kind", "code"]].assign(patient=patient)[plain].drop_duplicates()
        if not len(events):
            return Rollup({})
        parts = events["code"].astype(str).str.rpartition(SYSTEM)
        events["system"], events["bare"] = parts[0] + parts[1], parts[2]
        found: dict[tuple[str | None, str], str] = {}
        for (kind, system), mine in events.groupby(["kind", "system"], dropna=False):
            place, names = pd.factorize(mine["bare"], sort=True)
            shape = (len(train), len(names))
            cells = (np.ones(len(mine), np.int32), (mine["patient"].to_numpy(), place))
            counts = sp.csr_array(sp.coo_array(cells, shape=shape))
            counts.sort_indices()
            matrix = CodeMatrix(counts, tuple(map(str, names)), np.arange(len(train)))
            named = str(kind) if isinstance(kind, str) else None
            for code, parent in learn_vocabulary(matrix, least=least).parents.items():
                found[named, f"{system}{code}"] = f"{system}{parent}"
        return Rollup(found)

    def apply(self, cohort: Cohort) -> Cohort:
        """The cohort with categories in the place of rare codes."""
        if not self.parents:
            return cohort
        kinds = cohort.events["kind"].astype(object).where(cohort.events["kind"].notna(), None)
        pairs = zip(kinds, cohort.events["code"], strict=True)
        codes = pd.Series([self.parents.get(p, p[1]) for p in pairs], dtype=object)
        events = cohort.events.assign(code=codes)
        rest = (cohort.visits, cohort.codes, cohort.extras, cohort.signals, cohort.clock)
        rolled = Cohort.of(cohort.subjects, events, *rest)
        used = pd.MultiIndex.from_frame(rolled.events[["kind", "code"]])
        kept = pd.MultiIndex.from_frame(rolled.codes[["kind", "code"]]).isin(used)
        bare = rolled.codes[kept].reset_index(drop=True)
        return replace(rolled, codes=bare, origin=cohort.origin)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done; no rare code is named."""
        if not self.parents:
            return ()
        into = len(set(self.parents.values()))
        return (
            f"codes: {len(self.parents):,} rare ones, each of fewer than {LEAST} train patients, "
            f"are rolled up into {into:,} ICD categories (their first characters)",
        )
