"""What holds of the visits of a patient, and drawn rows that are made to keep it.

Learnt of train patients: whether visits run into the next one, begin at one time, and whether
everybody has one. What fewer than `least` patients do otherwise counts as never done.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from medsynai.store import Arrays


@dataclass(frozen=True)
class StayLaws:
    """Laws of visits; by default none is kept.

    Attributes:
        running: of visits that another follows, the share that end behind its beginning.
        alone: no two of a patient begin at one time.
        every: each patient has one.
        reach: the most ticks between what lies in a visit and what lay in it before; None where
            too few patients have any.
        pause: the fewest ticks between what lies in a visit and the beginning of the next.
    """

    running: float = 1.0
    alone: bool = False
    every: bool = False
    reach: float | None = None
    pause: float = 0.0

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
        longest, shortest = _gaps(rows)
        usual = len(longest) >= least, len(shortest) >= least
        return StayLaws(
            share if many >= least else 0.0,
            twice < least,
            len(visits) > 0 and without < least,
            float(np.sort(longest)[-least]) if usual[0] else None,
            float(np.sort(shortest)[least - 1]) if usual[1] else 0.0,
        )

    def lodged(
        self, rows: pd.DataFrame, roles: np.ndarray, first: np.ndarray, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Rows of events and visits, in which what lies in a visit has one to lie in.

        Args:
            rows: patient, token, value, length and tick of each.
            roles: (tokens,) 2 for a visit, 1 for what lies in one, 0 for all else.
            first: (patients,) ticks at which a visit begins of who must have one and has nothing;
                NaN of who goes on from a history: nobody must, and what comes before any visit
                begins has one of its own.
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
        open_still = np.isnan(first) & (inside.reindex(people) < begun.reindex(people))
        at = at[~people.isin(begun.index) | open_still].dropna()
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
        held: np.ndarray = runs & (share > self.running)
        held[held] = rng.random(int(held.sum())) >= self.running / max(share, 1e-9)
        return held


def lasts_of(rows: pd.DataFrame) -> pd.Series:
    """The last tick of each `stay`: of its visit, or of what belongs to it."""
    lasts: pd.Series = rows.groupby("stay")["tick"].max()
    return lasts


def _gaps(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Of patients, the longest gap ahead of what lies in a visit, the shortest ahead of a visit."""
    inside = rows[rows["inside"].to_numpy(bool)]
    gap, visit = inside.groupby("patient")["tick"].diff(), inside["visit"].to_numpy(bool)
    whose = inside["patient"]
    longest: pd.Series = gap[~visit].groupby(whose[~visit]).max().dropna()
    shortest: pd.Series = gap[visit].groupby(whose[visit]).min().dropna()
    return longest, shortest


@dataclass(frozen=True)
class Rooms:
    """The same laws token by token, as a net is asked to keep them.

    Attributes:
        roles: (tokens,) 2 for a visit, 1 for what lies in one, 0 for all else.
        reach, pause: as in `StayLaws`; infinite for no reach.
        apart: no visit begins while another goes on.
        alone: no two begin at one time.
    """

    roles: np.ndarray
    reach: float = np.inf
    pause: float = 0.0
    apart: bool = False
    alone: bool = False

    @staticmethod
    def of(laws: StayLaws, roles: np.ndarray) -> "Rooms":
        """Of what was learnt."""
        reach = np.inf if laws.reach is None else laws.reach
        return Rooms(roles, reach, laws.pause, laws.running == 0, laws.alone)

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file."""
        plain = np.array([self.reach, self.pause, self.apart, self.alone], np.float64)
        return {f"{prefix}.roles": self.roles, f"{prefix}.laws": plain}

    @staticmethod
    def load(arrays: Arrays, prefix: str, tokens: int) -> "Rooms":
        """The inverse of `arrays`; of a model that was saved without them, no laws."""
        if f"{prefix}.roles" not in arrays:
            return Rooms(np.zeros(tokens, np.int64))
        reach, pause, apart, alone = arrays[f"{prefix}.laws"].tolist()
        return Rooms(arrays[f"{prefix}.roles"], reach, pause, bool(apart), bool(alone))
