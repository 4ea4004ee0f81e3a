"""Identity: the chance that a person is recognised in the synthetic rows and something is learnt.

After El Emam, Mosquera and Bass 2020 (JMIR 22:e23139): a train row
counts if a synthetic row has the same quasi-identifiers and tells something new, and then by one
over the number of train rows that share them. Here the train rows stand for the whole population
and every match is taken for verified, so the estimate is an upper one.

It grows with the rows released, and a row of a like person tells much that is right: a shuffled
table scores high as well. So the same is asked of as many holdout rows, who cannot be in the
release; only the excess over them is a risk of the release.
"""

from typing import Any

import numpy as np

from medsynai.data.table import Table
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.classes import NOBODY, classes, known_and_other
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import WHOLE, Effort, Round, obstacle, rounds
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

LEARNT = 0.05  # share of the other columns that must be told rightly and surprisingly
CLOSE = 0.05  # a number is told rightly within this share of the true one
_SOURCE = "after El Emam, Mosquera and Bass 2020, JMIR 22:e23139"
WHOLE_RISK = Heading(
    "identity_disclosure", "Meaningful identity disclosure, upper estimate", _SOURCE
)
EXCESS = Heading(
    "identity_disclosure_excess",
    "Meaningful identity disclosure beyond that of people who are not in the data",
    _SOURCE + "; less a control as in Giomi et al. 2022",
)
_EVEN = Effort(rows=100_000, pairs=1e12)


def measure(trial: Trial) -> Findings:
    """Mean risk of the train rows by their quasi-identifiers or protected columns, and its excess.

    The excess is (risk of train rows - risk of holdout rows) / (1 - risk of holdout rows), of equal
    numbers of both beside the same release. The whole estimate's anchors are releases of other
    sizes and can be compared with it only as to their order.
    """
    reason = obstacle(trial, columns=2)
    quasi, other = known_and_other(trial)
    if reason or not quasi or not other:
        why = reason or NOBODY
        return Findings((WHOLE_RISK.absent(why), EXCESS.absent(why)))
    known = f"{len(quasi)} columns known: {', '.join(quasi)}"
    played = rounds(trial, WHOLE, WHOLE)
    found = {
        name: _risk(r.train, r, (quasi, other), trial.seeds.of("identity", name).numpy())
        for name, r in played.items()
    }
    rows = len(played["synthetic"].released)
    note = f"{known}; grows with the rows released, here {rows}"
    whole = WHOLE_RISK.score(found, len(played["synthetic"].train), note)
    even = rounds(trial, _EVEN, _EVEN)
    beyond = {name: _excess(r, (quasi, other), trial, name) for name, r in even.items()}
    excess = EXCESS.score(beyond, len(even["synthetic"].train), known)
    return Findings((whole, excess))


def _excess(round_: Round, sides: tuple[list[str], list[str]], trial: Trial, name: str) -> Interval:
    """What is left of the train rows' risk when that of the holdout rows is taken off."""
    seeds = trial.seeds.of("identity", "excess", name)
    inside = _risk(round_.train, round_, sides, seeds.of("train").numpy())
    outside = _risk(round_.holdout, round_, sides, seeds.of("holdout").numpy())
    return intervals.residual_risk(inside, outside)


def _risk(
    aimed: Table, round_: Round, sides: tuple[list[str], list[str]], rng: np.random.Generator
) -> Interval:
    """Mean risk of the rows aimed at, beside the round's release."""
    quasi, other = sides
    real, released = classes(round_, quasi, aimed, round_.released)
    share = 1 / np.bincount(real)[real]
    match = _matches(real, released, rng)
    told = _told(aimed, round_.released, other, np.maximum(match, 0))
    risk = np.where((match >= 0) & (told >= max(LEARNT, 1 / len(other))), share, 0.0)
    half = 1.959964 * float(risk.std(ddof=1)) / np.sqrt(len(risk))
    mean = float(risk.mean())
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half))


def _matches(real: Numbers, released: Numbers, rng: np.random.Generator) -> Numbers:
    """(rows,) a released row of the same group, drawn at random; -1 where there is none."""
    order = rng.permutation(len(released))
    order = order[np.argsort(released[order], kind="stable")]
    first = np.searchsorted(released[order], real, "left")
    last = np.searchsorted(released[order], real, "right")
    drawn = first + (rng.random(len(real)) * (last - first)).astype(int)
    return np.where(last > first, order[np.minimum(drawn, len(order) - 1)], -1)


def _told(aimed: Table, released: Table, other: list[str], at: Numbers) -> Numbers:
    """(rows,) share of the other columns that are right where the usual guess is wrong."""
    told = np.zeros(len(aimed))
    for name in other:
        true, guess = aimed.frame[name], released.frame[name]
        if aimed.schema[name].kind.is_number:
            t, g, usual = true.to_numpy(float), guess.to_numpy(float)[at], float(true.median())
            near = CLOSE * np.abs(t)
            told += (np.abs(g - t) <= near) & (np.abs(usual - t) > near)
        else:
            known = true.astype(object).to_numpy()
            common = true.astype(object).mode()
            right = (known == guess.astype(object).to_numpy()[at]) & true.notna().to_numpy()
            told += right & (known != (common.iloc[0] if len(common) else None))
    return told / len(other)
