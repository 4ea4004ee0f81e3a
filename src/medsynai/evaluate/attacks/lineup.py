"""The four rounds of an attack: on the synthetic rows, and on what anchors the figure."""

from dataclasses import dataclass

import numpy as np

from medsynai.data.table import Table
from medsynai.evaluate.trial import Trial

LEAST_ROWS = 20  # fewer tell nothing: a rate's interval is then half the scale


@dataclass(frozen=True)
class Round:
    """One run of an attack.

    Attributes:
        train: rows that the release may have been made from: the attack's aim.
        holdout: rows that it was certainly not made from: what chance and general knowledge do.
        released: the rows that the attacker holds.
        places: (train rows,) where these rows stand in the trial's train table.
    """

    train: Table
    holdout: Table
    released: Table
    places: np.ndarray


@dataclass(frozen=True)
class Effort:
    """How many rows an attack looks at.

    All released rows are used as far as `released` goes, and the aimed-at rows are sampled: an
    attacker holds the whole file, and a sample of it would hide most copies in a large one.

    Attributes:
        rows: most train and most holdout rows aimed at.
        released: most released rows held.
        pairs: most (aimed-at, released) pairs; lowers `rows` when the release is large.
        equal: aim at as many train rows as holdout rows.
    """

    rows: int = 10_000
    released: int = 100_000
    pairs: float = 8e8
    equal: bool = True

    def targets(self, released: int) -> int:
        """Most rows aimed at on each side, against so many released rows."""
        held = max(1, min(released, self.released))
        return max(LEAST_ROWS, int(min(self.rows, self.pairs / (2 * held))))


ANCHOR = Effort(rows=2_000, pairs=1e8)  # anchors are compared with, not judged
WHOLE = Effort(rows=100_000, pairs=1e12, equal=False)  # for attacks that only count rows


def obstacle(trial: Trial, columns: int = 1) -> str:
    """Why an attack cannot be run, or "" if it can.

    Args:
        trial: what is judged.
        columns: how many columns that vary the attack needs.
    """
    if trial.holdout is None:
        return "needs a holdout"
    small = min(len(trial.train), len(trial.holdout), len(trial.synthetic))
    if small < LEAST_ROWS:
        return f"needs at least {LEAST_ROWS} train, holdout and synthetic rows"
    if sum(varies(trial.train, name) for name in trial.train.schema.names) < columns:
        return f"needs at least {columns} column{'s' * (columns > 1)} with more than one value"
    return ""


def varies(table: Table, name: str) -> bool:
    """Whether a learnable column holds more than one value, missing counted as one."""
    kind = table.schema[name].kind
    return kind.is_learnt and table.frame[name].nunique(dropna=False) > 1


def rounds(trial: Trial, effort: Effort, anchor: Effort = ANCHOR) -> dict[str, Round]:
    """The rounds by name; call only where `obstacle` finds none.

    "synthetic" is the one judged. "control" is the positive control: the train rows themselves
    in the synthetic rows' place. "shuffled" is the baseline that keeps columns only. "holdout"
    releases one half of the holdout and aims at train and the other half: fresh real rows.
    """
    holdout = trial.holdout
    if holdout is None:
        raise ValueError("rounds need a holdout; ask obstacle() first")
    order = mixed_order(trial, "train", len(trial.train))
    train = trial.train.rows(order)
    holdout = _mixed(trial, "holdout", holdout)
    half = len(holdout) // 2
    fresh, other = holdout.rows(np.arange(half)), holdout.rows(np.arange(half, len(holdout)))
    own = _mixed(trial, "synthetic", trial.synthetic)
    return {
        "synthetic": _round(effort, (train, order), holdout, own),
        "control": _round(anchor, (train, order), holdout, trial.copied),
        "shuffled": _round(anchor, (train, order), holdout, trial.shuffled),
        "holdout": _round(anchor, (train, order), other, fresh),
    }


def mixed_order(trial: Trial, name: str, rows: int) -> np.ndarray:
    """(rows,) an order drawn by seed, so that the first n are a sample."""
    return trial.seeds.of("attacks", name).numpy().permutation(rows)


def _mixed(trial: Trial, name: str, table: Table) -> Table:
    return table.rows(mixed_order(trial, name, len(table)))


def _round(
    effort: Effort, aimed: tuple[Table, np.ndarray], holdout: Table, released: Table
) -> Round:
    train, order = aimed
    most = effort.targets(len(released))
    least = min(len(train), len(holdout)) if effort.equal else most
    n = min(most, least)
    return Round(_first(train, n), _first(holdout, n), _first(released, effort.released), order[:n])


def _first(table: Table, n: int) -> Table:
    return table.rows(np.arange(min(n, len(table))))
