"""A cohort's events as numbers, and a patient's as a set of traits."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.data.codes import CodeMatrix
from medsynai.data.cohort import Cohort
from medsynai.seeds import Seeds

DECILES = np.linspace(0, 1, 11)[1:-1]
LEVELS = 20  # levels of a static that become traits


@dataclass(frozen=True)
class View:
    """Events in order: by patient, time, code; what has no time stands at the patient's beginning.

    Attributes:
        people: how many patients.
        patient: (events,) never falls.
        code: (events,) places in a list of variables (kind, code and unit).
        time: (events,) microseconds since the patient's time begins.
        value: (events,) NaN without a number.
    """

    people: int
    patient: np.ndarray
    code: np.ndarray
    time: np.ndarray
    value: np.ndarray

    @staticmethod
    def of(cohort: Cohort, variables: pd.Index) -> "View":
        """The events whose variable is in the list."""
        code = variables.get_indexer(names_of(cohort))
        patient = cohort.places(cohort.events["subject_id"])
        time = cohort.elapsed().to_numpy("float64", na_value=0)
        kept = np.flatnonzero((code >= 0) & (patient >= 0))
        order = kept[np.lexsort((code[kept], time[kept], patient[kept]))]
        value = cohort.events["value"].to_numpy("float64")
        return View(len(cohort), patient[order], code[order], time[order], value[order])

    def __len__(self) -> int:
        return self.people

    @property
    def first(self) -> np.ndarray:
        """(events,) which are a patient's first."""
        new: np.ndarray = np.diff(self.patient, prepend=-1) != 0
        return new

    @property
    def gap(self) -> np.ndarray:
        """(events,) microseconds since the patient's event before; NaN for the first."""
        return np.where(self.first, np.nan, np.diff(self.time, prepend=0))

    def before(self) -> np.ndarray:
        """(events,) the patient's event of the same code before, -1 where there is none."""
        order = np.lexsort((np.arange(len(self.code)), self.code, self.patient))
        same = (np.diff(self.patient[order], prepend=-1) == 0) & (
            np.diff(self.code[order], prepend=-1) == 0
        )
        found = np.full(len(order), -1)
        found[order[same]] = order[np.flatnonzero(same) - 1]
        return found

    def shuffled(self, seeds: Seeds) -> "View":
        """Baseline: what happens, and gaps, dealt anew among all events of all patients."""
        rng, first = seeds.numpy(), self.first
        deal = rng.permutation(len(self.code))
        gap = np.where(first, 0, np.diff(self.time, prepend=0))
        later = np.flatnonzero(~first)
        gap[later] = gap[rng.permutation(later)]
        total = np.cumsum(gap)
        sizes = np.diff(np.append(np.flatnonzero(first), len(gap)))
        time = total - np.repeat(total[first], sizes)
        return replace(self, code=self.code[deal], value=self.value[deal], time=time)


def names_of(cohort: Cohort) -> pd.Index:
    """(events,) kind, code and unit of each as one text."""
    parts = cohort.events[["kind", "code", "unit"]].fillna("").astype(str)
    return pd.Index(parts["kind"] + "|" + parts["code"] + "|" + parts["unit"], dtype=object)


def counts_of(view: View, cohort: Cohort, names: tuple[str, ...]) -> CodeMatrix:
    """How often each patient has each variable."""
    import scipy.sparse as sp

    ones = np.ones(len(view.code), np.int32)
    shape = (len(view), len(names))
    counts = sp.csr_array(sp.coo_array((ones, (view.patient, view.code)), shape=shape))
    counts.sort_indices()
    return CodeMatrix(counts, names, np.arange(len(view)), cohort.origin)


@dataclass(frozen=True)
class Traits:
    """What a patient is known by: how often each variable, about which values, statics.

    Attributes:
        edges: (variables, 9) deciles of the patients' means of each variable, by train patients.
        levels: levels of statics that become traits.
    """

    edges: np.ndarray
    levels: tuple[str, ...]

    @staticmethod
    def of(view: View, cohort: Cohort, variables: int) -> "Traits":
        """Learn it from train patients."""
        edges = np.full((variables, 9), np.nan)
        means = _means(view)
        of = means.index.get_level_values("code").to_numpy()
        for code in np.unique(of):
            edges[code] = np.quantile(means.to_numpy()[of == code], DECILES)
        said = pd.Series(_statics(cohort).to_numpy().ravel())
        levels = said[said != ""].unique()
        return Traits(edges, tuple(sorted(levels)))

    def read(self, view: View, cohort: Cohort) -> CodeMatrix:
        """(patients, traits) who has which; times a variable comes count by powers of two."""
        width = len(self.edges)
        many = pd.Series(1, index=[view.patient, view.code]).groupby(level=[0, 1]).size()
        patient, code = (many.index.get_level_values(i).to_numpy() for i in (0, 1))
        often = np.minimum(np.log2(many.to_numpy()).astype(int), 15)
        means = _means(view)
        whose, what = (means.index.get_level_values(i).to_numpy() for i in (0, 1))
        decile = (means.to_numpy()[:, None] > self.edges[what]).sum(axis=1)
        said = _statics(cohort)
        known = pd.Index(list(self.levels), dtype=object)
        level = known.get_indexer(pd.Index(said.to_numpy().ravel()))
        owner = np.repeat(np.arange(len(said)), said.shape[1])[level >= 0]
        start = 16 * width
        rows = np.concatenate([patient, whose, owner])
        columns = np.concatenate(
            [code * 16 + often, start + what * 10 + decile, start + 10 * width + level[level >= 0]]
        )
        import scipy.sparse as sp

        total = start + 10 * width + len(known)
        ones = np.ones(len(rows), np.int32)
        held = sp.csr_array(sp.coo_array((ones, (rows, columns)), shape=(len(view), total)))
        held.sort_indices()
        names = tuple(map(str, range(total)))
        return CodeMatrix(held, names, np.arange(len(view)), cohort.origin)


def _means(view: View) -> pd.Series:
    """The mean of each variable of each patient who has numbers of it."""
    there = ~np.isnan(view.value)
    index = pd.MultiIndex.from_arrays(
        [view.patient[there], view.code[there]], names=["patient", "code"]
    )
    return pd.Series(view.value[there], index=index).groupby(level=[0, 1]).mean()


def _statics(cohort: Cohort) -> pd.DataFrame:
    """(patients, statics) "column=level" of statics of few levels; "" for none."""
    people = cohort.subjects
    times = ("birth", "death", "entry", "exit")
    said = {"dead": "dead=" + people["death"].notna().astype(str)}
    for name in map(str, people):
        if name in ("subject_id", *times) or people[name].nunique() > LEVELS:
            continue
        words = people[name].astype(object)
        said[name] = (f"{name}=" + words.astype(str)).where(words.notna(), "")
    return pd.DataFrame(said, index=people.index)
