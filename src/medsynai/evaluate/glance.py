"""A glance: the few figures by which models are compared, without anchors and intervals.

The panel's definitions at a tenth of its cost, so that several models can be tried on several
splits before one is trained.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar

from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate import detection, fidelity, metrics
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.lineup import Effort, obstacle
from medsynai.evaluate.attacks.space import Points, Space, nearest
from medsynai.evaluate.learners import BOOSTING
from medsynai.evaluate.sides import take_sides
from medsynai.evaluate.tasks import task_of
from medsynai.evaluate.trial import Trial
from medsynai.evaluate.utility import fitting_rows

T = TypeVar("T")

# The panel's boosting with fewer rounds: enough to tell models apart on the few rows of a split.
QUICK = replace(BOOSTING, rounds=60)


@dataclass(frozen=True)
class Glance:
    """What a trial shows at a glance; None for what cannot be assessed.

    Attributes:
        pairs: mean total variation distance of pairs of columns to the holdout.
        c2st: AUC of telling synthetic from holdout rows.
        tstr, trtr: AUROC (R2 for a number) on the holdout of a model of the target trained on
            synthetic and on real rows.
        membership: AUC of the distance attack on train rows.
        chance: what the same attack scores on shuffled columns, from which nobody's row can be
            told: where train and holdout rows differ by chance, it is not one half.
    """

    pairs: float | None = None
    c2st: float | None = None
    tstr: float | None = None
    trtr: float | None = None
    membership: float | None = None
    chance: float | None = None


def glance(trial: Trial, models: bool = True) -> Glance:
    """Look at one trial, on one thread.

    Args:
        trial: the rows.
        models: also what needs a model fitted, which is most of the cost: C2ST, TSTR and TRTR.
    """
    from sklearn import ensemble  # noqa: F401  the limit holds only for libraries loaded already
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        membership, chance = _ask(_membership, trial) or (None, None)
        seen = Glance(_ask(_pairs, trial), membership=membership, chance=chance)
        if not models:
            return seen
        tstr, trtr = _ask(_utility, trial) or (None, None)
        return replace(
            seen, c2st=_ask(lambda t: detection.tell(t, QUICK), trial), tstr=tstr, trtr=trtr
        )


def _ask(measure: Callable[[Trial], T], trial: Trial) -> T | None:
    try:
        return measure(trial)
    except AssessmentError:
        return None  # "not assessed" is an answer here; the panel says why later


def _pairs(trial: Trial) -> float:
    sides = take_sides(trial, fidelity.CAP).map(trial.encoding.codes)
    pairs = list(combinations(range(len(trial.encoding.names)), 2))
    if not pairs:
        raise AssessmentError("needs at least 2 columns")
    found = fidelity.distances(sides.synthetic, sides.reference, trial.encoding.sizes, pairs)
    return float(found.mean())


def _utility(trial: Trial) -> tuple[float, float]:
    task = task_of(trial)
    assert trial.holdout is not None  # task_of has refused otherwise
    rows, test = fitting_rows(task, trial), task.known(trial.holdout)
    metric = metrics.auroc if task.is_class else metrics.r2
    seeds = trial.seeds.of("utility")
    return (
        metric(task.predict(QUICK, rows["synthetic"], test, seeds)),
        metric(task.predict(QUICK, rows["real"], test, seeds)),
    )


def _membership(trial: Trial) -> tuple[float, float]:
    """The distance attack (Chen et al. 2020) on the synthetic rows and on shuffled columns."""
    reason = obstacle(trial)
    if reason or trial.holdout is None:
        raise AssessmentError(reason)
    most = Effort(rows=2_000).targets(len(trial.synthetic))
    space = Space.of(trial.train, trial.holdout, trial.synthetic)

    def place(name: str, table: Table) -> Points:
        pick = trial.seeds.of("glance", name).numpy().permutation(len(table))[:most]
        return space.place(table).rows(pick)

    inside, outside = place("inside", trial.train), place("outside", trial.holdout)

    def strength(released: Table) -> float:
        points = space.place(released)
        members, others = (-nearest(side, points)[0][:, 0] for side in (inside, outside))
        return intervals.auc(members, others).value

    return strength(trial.synthetic), strength(trial.shuffled)
