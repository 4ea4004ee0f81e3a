"""Networks of images under a budget, the patient with all images of theirs being the unit.

| what is learnt of patients | by |
|---|---|
| how many have each class | one noised sum; a patient's images weigh one together |
| weights | noised gradients, each patient's clipped, taken by a coin of their own |

Size, type and names of the classes are public; pixels lie on [-1, 1] by the type's own range.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from medsynai.codec.bought import noise_within
from medsynai.codec.image import Frame, refuse_deep
from medsynai.data.images import ImageSet
from medsynai.errors import BudgetError
from medsynai.generator import SEEDS
from medsynai.learn.condition import Nothing
from medsynai.learn.images import FittedImageNetwork, fit_images, kept, to_rows
from medsynai.learn.loop import train
from medsynai.learn.mechanism import DpSgd
from medsynai.learn.private import Prices, adapted_to
from medsynai.learn.threads import one_thread
from medsynai.privacy.accounting import Spend
from medsynai.privacy.ledger import Budget, Ledger, Release
from medsynai.privacy.noise import noisy_sums, slack
from medsynai.seeds import Seeds

STACKED = 32  # images whose gradients are held at once


def fit_either(
    settings: Any, images: ImageSet, ledger: Ledger | None = None, seeds: Seeds = SEEDS
) -> FittedImageNetwork:
    """See `ImageGenerator.fit`; `fit_privately` where the ledger has a budget."""
    if ledger is None or ledger.budget is None:
        return fit_images(settings, images, ledger, seeds)
    return fit_privately(settings, images, ledger, ledger.budget, seeds)


@one_thread()
def fit_privately(
    settings: Any, images: ImageSet, ledger: Ledger, budget: Budget, seeds: Seeds
) -> FittedImageNetwork:
    """Fit under the ledger's budget.

    **Guarantee:** the ledger's, for one patient with all their images, of all that the result holds
    and draws: they are read by `bought_classes` and by clipped gradients alone, charged before.

    Raises:
        PlanError: images of more than 8 bits, whose range would be looked up in them.
        BudgetError: the budget is spent.
    """
    refuse_deep(images, paid=True)
    how, phases, name = settings.pace.private, settings.phases(), settings.name
    way = DpSgd(1.0, how.rate, how.clip, alone=True, stacked=STACKED)
    prices = Prices(1, phases, way, how.singles)
    noise = noise_within(budget, ledger.spends, prices.spends)
    single, bare = prices.single(noise), prices.bought(noise)
    note = "one sum: each patient's shares of the classes"
    counted = Release(f"{name}: count the classes", "gaussian", note=note, spends=(single,))
    ledger.charge(counted, bare.charge(f"train the {name} model", phases))
    places, patients = np.unique(images.patients, return_inverse=True)
    counts = bought_classes(images, patients, len(places), single)
    frame = Frame.public(images, tuple(float(c) for c in counts / counts.sum()))
    rows = to_rows(frame, images)
    job = replace(settings.job(frame), asking=Nothing())  # no row is picked by what it holds
    at_work = bare.at_work(job, rows, patients, float(counts.sum()))
    trained = train(adapted_to(job, at_work, phases, name), rows, rows[:0], seeds)
    nobody: Tensor = rows[:0]  # whatever a drawer would fit to rows stays as it was
    return kept(settings, frame, trained, nobody, seeds)


def bought_classes(images: ImageSet, patients: np.ndarray, people: int, spend: Spend) -> np.ndarray:
    """(classes,) about how many patients each class has, at least 0, one in all at least.

    **Guarantee:** that of `spend`, which is charged: a patient adds shares that sum to 1, and so at
    most 1 in L2.
    """
    weight = 1 / np.bincount(patients, minlength=people)[patients] if people else np.zeros(0)
    count = len(images.classes)
    total = np.bincount(images.labels, weights=weight, minlength=count).astype(np.float64)
    less = 1 - slack(count, spend.noise)
    if not less > 0:
        raise BudgetError("so much noise hides all that a patient may add; ask for more epsilon")
    found: np.ndarray = np.maximum(noisy_sums(total * less, spend.noise) / less, 0)
    return found if found.sum() >= 1 else found + (1 - found.sum()) / count
