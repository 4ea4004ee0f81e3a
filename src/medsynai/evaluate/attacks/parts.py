"""Rows that an average hides: the tenth that lies furthest out, and the named groups.

A few memorised patients hardly move a mean over thousands (Stadler et al. 2022; Meeus et al. 2023,
Achilles' heels). So each attack that aims at single rows is asked about these rows on their own.
How they fare is in the scores; which groups they are goes to the internal part alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import Round
from medsynai.evaluate.attacks.space import Points, Space, nearest
from medsynai.evaluate.groups import LEAST, protected_groups
from medsynai.evaluate.score import Score
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

NEIGHBOURS = 10
WORST = 0.10  # share of rows that count as outlying
NO_GROUPS = f"no protected column has a group of {LEAST} train and {LEAST} holdout patients"


@dataclass(frozen=True)
class Part:
    """Some of the rows that a round aims at.

    Attributes:
        name: of the group, e.g. "sex=female"; for the internal part.
        inside: mask of the round's train rows.
        outside: mask of its holdout rows.
    """

    name: str
    inside: Numbers
    outside: Numbers


def real_distances(points: Points, holdout: Points, is_holdout: bool) -> Numbers:
    """(rows, k) distances to the half of the holdout that a row is not in; train rows take turns.

    So rows of both sides are measured against reference rows of one kind and number.
    """
    even = np.arange(len(holdout)) % 2 == 0
    k = min(NEIGHBOURS, int((~even).sum()))
    mine = even if is_holdout else np.arange(len(points)) % 2 == 0
    found = np.empty((len(points), k), np.float32)
    found[mine] = nearest(points.rows(mine), holdout.rows(~even), k)[0]
    found[~mine] = nearest(points.rows(~mine), holdout.rows(even), k)[0]
    return found


def furthest(inside: Numbers, outside: Numbers) -> Part:
    """The tenth that lies furthest out, by one cut for both sides."""
    cut = np.quantile(np.concatenate([inside, outside]), 1 - WORST)
    return Part("the tenth furthest out", inside >= cut, outside >= cut)


def outlying(round_: Round) -> Part:
    """The tenth of a round's rows that lies furthest from other people's rows."""
    space = Space.of(round_.train, round_.holdout)
    train, holdout = space.place(round_.train), space.place(round_.holdout)
    apart = [real_distances(p, holdout, p is holdout).mean(axis=1) for p in (train, holdout)]
    return furthest(apart[0], apart[1])


def named(trial: Trial, round_: Round) -> tuple[Part, ...]:
    """The protected groups with enough patients on both sides."""
    groups = protected_groups(trial)
    if not groups:
        return ()
    encoding = trial.encoding
    tables = (round_.train, round_.holdout)
    sides, whose = [encoding.values(t) for t in tables], [t.whose() for t in tables]
    found = []
    for group in groups:
        rows = [group.of(values) for values in sides]
        people = [len(np.unique(who[mine])) for who, mine in zip(whose, rows, strict=True)]
        if min(people) >= LEAST:
            found.append(Part(group.name, *rows))
    return tuple(found)


@dataclass(frozen=True)
class Hidden:
    """What an attack does to the rows that its mean hides.

    Attributes:
        rows: train rows of the tenth.
        tenth: residual risk of the tenth that lies furthest out.
        group: that of the worst-off named group, at Bonferroni's level; NaN without groups.
        groups: a line for each group, with its name.
    """

    rows: int
    tenth: Interval
    group: Interval
    groups: list[dict[str, Any]]


def hidden(trial: Trial, round_: Round, inside: Numbers, outside: Numbers) -> Hidden:
    """Residual risks in the parts of a round.

    Args:
        trial: whose groups.
        round_: whose rows.
        inside: (train rows,) success on each, 0 to 1; NaN where there was nothing to try.
        outside: (holdout rows,) likewise.
    """
    far = outlying(round_)
    groups = named(trial, round_)
    z = intervals.quantile_of(0.95, max(1, len(groups)))
    risks = [risk(p, inside, outside, z) for p in groups]
    lines = [
        {
            "group": p.name,
            "train rows": int(p.inside.sum()),
            "figure": r.value,
            "low": r.low,
            "high": r.high,
        }
        for p, r in zip(groups, risks, strict=True)
        if isfinite(r.value)
    ]
    tenth = risk(far, inside, outside)
    return Hidden(int(far.inside.sum()), tenth, intervals.largest(risks), lines)


def scores(headings: tuple[Heading, Heading], played: Mapping[str, Hidden]) -> tuple[Score, Score]:
    """The scores of the tenth and of the worst-off group, from every round."""
    own = played["synthetic"]
    tenth = headings[0].score({name: h.tenth for name, h in played.items()}, own.rows)
    if not own.groups:
        return tenth, headings[1].absent(NO_GROUPS)
    few = min(line["train rows"] for line in own.groups)
    note = f"the worst of {len(own.groups)} groups"
    return tenth, headings[1].score({name: h.group for name, h in played.items()}, few, note)


def risk(part: Part, inside: Numbers, outside: Numbers, z: float = 1.959964) -> Interval:
    """Residual risk of a part, from each row's success."""
    return intervals.residual_risk(rate(inside[part.inside], z), rate(outside[part.outside], z))


def rate(success: Numbers, z: float = 1.959964) -> Interval:
    """Mean success of the rows where there was something to try, by Wilson.

    A mean of shares spreads no more than a rate of rows, so the interval is on the safe side.
    """
    seen = success[np.isfinite(success)]
    return intervals.wilson(float(seen.sum()), len(seen), z)


def headings(name: str, title: str, source: str) -> tuple[Heading, Heading]:
    """The headings of the tenth furthest out and of the worst-off named group."""
    return (
        Heading(
            f"{name}_tenth",
            f"{title}, the tenth of rows that lie furthest out: residual risk",
            source + "; Meeus et al. 2023",
        ),
        Heading(
            f"{name}_group",
            f"{title}, the worst-off named group: residual risk",
            source + "; Bonferroni over the groups",
        ),
    )
