"""Membership by a patient's course: the strongest of two attacks that see more than sets of codes.

- distance: accused if a synthetic patient is alike in how often, how much, how it begins and how
  long (Chen et al. 2020, GAN-Leaks, eq. 4);
- run: accused if a synthetic patient shares a long run of equal events.

Sets of codes alone let a plain copy of a small ward pass, and so weak an attack reads as safety.
"""

import numpy as np

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.codes.trial import LEAST, Numbers
from medsynai.evaluate.cohorts.copies import RUNS, grams, longest
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Findings

AIMED, BLOCK = 2_000, 256  # patients accused on either side; and at a time
COURSE = Heading(
    "membership_course_auc",
    "Membership: AUC of the stronger attack on courses",
    "Chen et al. 2020, GAN-Leaks, eq. 4, and the longest common run; Bonferroni over the two",
    0.9,  # a plain copy of the train part must be ranked this well, else it is inconclusive
)


def measure(trial: CohortTrial) -> Findings:
    """How well train patients are told from holdout ones; the control releases the train part."""
    if trial.holdout is None:
        return Findings((COURSE.absent("needs a holdout"),))
    sides = (trial.train, trial.holdout, trial.synthetic)
    if min(map(len, sides)) < LEAST:
        return Findings((COURSE.absent(f"needs at least {LEAST} patients on every side"),))
    rng, views = trial.seeds.of("accusing").numpy(), trial.views
    train, fresh = (np.sort(rng.permutation(len(s))[:AIMED]) for s in sides[:2])
    ins, outs = some(views["train"], train), some(views["holdout"], fresh)
    released = {
        "synthetic": views["synthetic"],
        "control": views["train"],
        "shuffled": trial.sides.shuffled,
    }
    width = len(trial.variables)
    found = {k: _strongest(ins, outs, view, width) for k, view in released.items()}
    return Findings((COURSE.score(found, len(train)),))


def _strongest(ins: View, outs: View, released: View, width: int) -> Interval:
    z = intervals.quantile_of(0.95, 2)
    known = {k: np.unique(grams(released, k)[0]) for k in RUNS}
    run = intervals.auc(longest(ins, known), longest(outs, known), z=z)
    near, far = (_nearest(view, released, width) for view in (ins, outs))
    return intervals.largest([run, intervals.auc(-near, -far, z=z)])


def some(view: View, people: Numbers) -> View:
    """The events of these patients, numbered anew; `people` rises."""
    place = np.full(len(view), -1)
    place[people] = np.arange(len(people))
    kept = place[view.patient] >= 0
    return View(
        len(people),
        place[view.patient[kept]],
        view.code[kept],
        view.time[kept],
        view.value[kept],
    )


def traits(view: View, width: int) -> Numbers:
    """(patients, 3 * variables + 1): how often and how much each, its first value, and how long."""
    cell = view.patient * width + view.code
    size = len(view) * width
    told = np.isfinite(view.value)
    often = np.bincount(cell, minlength=size)
    numbers = np.bincount(cell[told], minlength=size)
    total = np.bincount(cell[told], view.value[told], minlength=size)
    first = np.zeros(size)
    first[cell[told][::-1]] = view.value[told][::-1]  # the earliest is written last
    span = np.zeros(len(view))
    np.maximum.at(span, view.patient, view.time)
    mean = total / np.maximum(numbers, 1)
    shape = (len(view), width)
    return np.column_stack([x.reshape(shape) for x in (often, mean, first)] + [np.log1p(span)])


def _nearest(view: View, released: View, width: int) -> Numbers:
    """(patients,) distance to the nearest released patient, in spreads of the released ones."""
    mine, theirs = traits(view, width), traits(released, width)
    spread = theirs.std(0)
    used = spread > 0
    mine, theirs = mine[:, used] / spread[used], theirs[:, used] / spread[used]
    found = np.empty(len(mine))
    for begin in range(0, len(mine), BLOCK):
        part = mine[begin : begin + BLOCK]
        squares = (part**2).sum(1)[:, None] + (theirs**2).sum(1) - 2 * part @ theirs.T
        found[begin : begin + BLOCK] = np.sqrt(np.maximum(squares.min(1), 0))
    return found
