"""A number never stands alone: `Score` carries its interval, anchors, direction, n and source."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Family(StrEnum):
    """Which question a score answers; the report's chapters."""

    VALIDITY = "validity"
    FIDELITY = "fidelity"
    DETECTION = "detection"
    UTILITY = "utility"
    PRIVACY = "privacy"
    FAIRNESS = "fairness"


@dataclass(frozen=True)
class Score:
    """One measured number with everything needed to read it.

    Attributes:
        name: stable key, e.g. "tvd_pairs"; the same in scores.json, policy.toml and docs.
        title: what a reader sees, e.g. "Pairs of columns: total variation distance".
        value: the synthetic data's figure; None if it could not be assessed (see `note`).
        low, high: its interval (95 % unless `note` says otherwise).
        holdout: what an equal-size real holdout scores in the synthetic data's place.
        shuffled: what the shuffled-columns baseline scores.
        control: what a copy of the train rows scores. For attacks it is the positive control: one
            that does not catch it is inconclusive. Elsewhere it says how little a figure tells of
            whether anything new was made.
        better: "low", "high", or "info" where neither is.
        n: rows that the figure rests on.
        group: "" for all rows, or "sex=female" for a subgroup's score.
        source: paper or standard, with the equation where there is one.
        information: shown, but never evidence (e.g. distances to closest records).
    """

    name: str
    title: str
    family: Family
    value: float | None
    better: Literal["low", "high", "info"]
    n: int
    source: str
    low: float | None = None
    high: float | None = None
    holdout: float | None = None
    shuffled: float | None = None
    control: float | None = None
    group: str = ""
    note: str = ""
    information: bool = False


@dataclass(frozen=True)
class Findings:
    """What one measure found: its scores, and plain data for the report's tables and pictures.

    `exhibits` maps a name (e.g. "giveaways", "histograms", "km") to plain, JSON-able data; the
    measure has suppressed small cells of real data already, so an exhibit may be published.
    `internal` is for the owner of the real data alone: records (by number, never by value) and
    groups that fare worst. No document shows it; a release keeps it in a folder of its own.
    """

    scores: tuple[Score, ...] = ()
    exhibits: dict[str, Any] = field(default_factory=dict)
    internal: dict[str, Any] = field(default_factory=dict)


def blank(
    name: str,
    title: str,
    family: Family,
    better: Literal["low", "high", "info"],
    source: str,
    note: str = "",
) -> Score:
    """A score that is yet to be measured: what its measure fills in, or says why it cannot."""
    return Score(name, title, family, None, better, 0, source, note=note)
