"""What holds of the visits of a patient, and drawn rows that are made to keep it.

Learnt of train patients: whether visits run into the next one, begin at one time, and whether
everybody has one. What fewer than `least` patients do otherwise counts as never done.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class StayLaws:
    """Laws of visits; by default none is kept.

    Attributes:
        running: of visits that another follows, the share that end behind its beginning.
        alone: no two of a patient begin at one time.
        every: each patient has one.
        reach: the most ticks between what lies in a visit and what lay in it before; None where
            too few patients have any.
    """

    running: float = 1.0
    alone: bool = False
    every: bool = False
    reach: float | None = None

    @staticmethod
    def of(rows: pd.DataFrame, people: int, least: int) -> "StayLaws":
        """Of train patients.

        Args:
            rows: as `course.kept_of` gives them: `length` of a visit is counted from the last of
                what lies in it.
            people: how many patients there are.
            least: patients who do otherwise before a law is none.
        """
        visits = rows[rows["visit"].to_numpy(bool)]
        lasts = visits["stay"].map(lasts_of(rows))
        following = visits.groupby("patient")["tick"].shift(-1)
        runs = (lasts + visits["length"] > following).to_numpy()
        again = (visits["tick"] == following).to_numpy()
        many, twice = (visits["patient"][x].nunique() for x in (runs, again))
        share = float(runs.sum() / max(following.notna().sum(), 1))
        without = people - visits["patient"].nunique()
        return StayLaws(
            share if many >= least else 0.0,
            twice < least,
            len(visits) > 0 and without < least,
            _reach(rows, least),
        )

    def lodged(
        self, rows: pd.DataFrame, roles: np.ndarray, first: np.ndarray, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Rows of events and visits, in which what lies in a visit has one to lie in.

        Args:
            rows: patient, token, value, length and tick of each.
            roles: (tokens,) 2 for a visit, 1 for what lies in one, 0 for all else.
            first: (patients,) ticks at which a visit begins of who must have one and has nothing;
                NaN where nobody must.
            rng: draws their kinds.

        Returns:
            The rows, those that were added behind; `fresh` says which these are.
        """
        rows = rows.assign(fresh=False)
        if not (roles == 2).any():
            return rows
        role = roles[rows["token"]]
        if self.alone:
            again = rows[role == 2].duplicated(["patient", "tick"])
            rows = rows.drop(index=again.index[again]).reset_index(drop=True)
            role = roles[rows["token"]]
        begun, inside = (rows[role == k].groupby("patient")["tick"].min() for k in (2, 1))
        people = pd.RangeIndex(len(first))
        at = inside.reindex(people)
        if self.every:
            earliest = rows.groupby("patient")["tick"].min().reindex(people)
            at = at.fillna(earliest.fillna(pd.Series(first)).where(~np.isnan(first)))
        at = at[~people.isin(begun.index)].dropna()
        drawn = rows["token"].to_numpy()[role == 2]
        kinds = drawn if len(drawn) else np.flatnonzero(roles == 2)[:1]
        more = pd.DataFrame({"patient": at.index, "token": rng.choice(kinds, len(at))})
        more["value"], more["length"], more["tick"] = np.nan, np.nan, at.to_numpy()
        return pd.concat([rows, more.assign(fresh=True)], ignore_index=True) if len(at) else rows

    def lengths(
        self, rows: pd.DataFrame, lasts: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """(rows,) ticks from the last of each to its end; visits end before the next one begins.

        One that would not has the length of another drawn visit of its kind that has room, so that
        it does not always end at that very tick; as many run on as real ones do.

        Args:
            rows: in order, with `visit` and `fresh`.
            lasts: (rows,) ticks from which lengths are counted.
            rng: draws them.
        """
        length, visit = rows["length"].to_numpy("float64", copy=True), rows["visit"].to_numpy(bool)
        own = rows[visit]
        following = own.groupby("patient")["tick"].shift(-1).to_numpy("float64")
        room = np.where(np.isnan(following), np.inf, following - lasts[visit])
        known, token, fresh = length[visit], own["token"].to_numpy(), own["fresh"].to_numpy(bool)
        asked = fresh | self._too_long(known > room, np.isfinite(room), rng)
        made = known.copy()
        for kind in np.unique(token[asked]):
            pool = np.sort(known[(token == kind) & ~np.isnan(known)])
            mine = np.flatnonzero(asked & (token == kind))
            fits = np.searchsorted(pool, room[mine], side="right")
            pick = np.floor(rng.random(len(mine)) * fits).astype(np.int64)
            none = np.where(np.isfinite(room[mine]) & (len(pool) > 0), room[mine], np.nan)
            made[mine] = np.where(fits > 0, np.append(pool, np.nan)[pick], none)
        length[visit] = made
        return length

    def _too_long(
        self, runs: np.ndarray, followed: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """(visits,) which of those that run into the next one may not."""
        share = runs.sum() / max(followed.sum(), 1)
        held = runs & (share > self.running)
        held[held] = rng.random(int(held.sum())) >= self.running / max(share, 1e-9)
        return held


def lasts_of(rows: pd.DataFrame) -> pd.Series:
    """The last tick of each `stay`: of its visit, or of what belongs to it."""
    lasts: pd.Series = rows.groupby("stay")["tick"].max()
    return lasts


def _reach(rows: pd.DataFrame, least: int) -> float | None:
    """The `least`-th greatest of patients' longest gaps in visits."""
    inside = rows[rows["inside"].to_numpy(bool)]
    gap = inside.groupby("patient")["tick"].diff()
    longest = gap[~inside["visit"].to_numpy(bool)].groupby(inside["patient"]).max().dropna()
    return float(np.sort(longest)[-least]) if len(longest) >= least else None
