"""Two ways of looking at an image: where a classifier of real images puts it, and its pixels.

A classifier's features hide a bad joint of pixels (a Gaussian on components covers .86 of them and
.27 of the components), and components hide a wrong detail; so every distance is taken in both.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.errors import AssessmentError
from medsynai.evaluate.images.judge_net import ask, train_judge
from medsynai.evaluate.images.trial import ImageTrial, Numbers

COMPONENTS, STEPS = 50, 500
NOTHING = 1e-5  # spread of numbers about 1 that is rounding
Lens = Callable[[ImageSet], Numbers]
LENSES = ("features", "pixels")


def lenses(trial: ImageTrial) -> dict[str, Lens]:
    """The lenses that can be made of half of the train images; features need two classes.

    The same for every measure of a trial, so their network is trained once.
    """
    if "lenses" not in trial.kept:
        found = {"pixels": pixel_lens(trial)}
        if len(np.unique(trial.train.labels)) > 1:
            found["features"] = _features(trial)
        trial.kept["lenses"] = {name: found[name] for name in LENSES if name in found}
    made: dict[str, Lens] = trial.kept["lenses"]
    return made


def _features(trial: ImageTrial) -> Lens:
    """Units before the last of a network that tells the train images' classes, standardised."""
    seeds = trial.seeds.of("lens")
    learnt = trial.halves[0]
    pixels, labels = trial.look(learnt), learnt.labels
    net = train_judge(pixels, labels, len(trial.train.classes), STEPS, seeds)
    seen = ask(net, pixels)[1]
    mean, spread = seen.mean(0), seen.std(0)
    alive = telling(spread, 1e-3)  # a unit that never fires would blow a distance up

    def look(images: ImageSet) -> Numbers:
        found: Numbers = (ask(net, trial.look(images))[1] - mean)[:, alive] / spread[alive]
        return found

    return look


def pixel_lens(trial: ImageTrial) -> Lens:
    """Scores on 50 principal components of the train images' pixels, whitened."""
    from sklearn.decomposition import PCA

    learnt = trial.halves[0]
    flat = trial.look(learnt).reshape(len(learnt), -1)
    most = min(COMPONENTS, *flat.shape)
    seed = trial.seeds.of("components").integer()
    pca = PCA(most, whiten=True, svd_solver="randomized", random_state=seed).fit(flat)
    # as many components as images leave one with rounding alone, which whitening would blow up
    alive = telling(np.sqrt(pca.explained_variance_), 1e-4)
    return partial(_whitened, pca, alive, trial)


def _whitened(pca: object, alive: Numbers, trial: ImageTrial, images: ImageSet) -> Numbers:
    flat = trial.look(images).reshape(len(images), -1)
    found: Numbers = pca.transform(flat)[:, alive]  # type: ignore[attr-defined]
    return found


def telling(spread: Numbers, least: float) -> Numbers:
    """Which numbers differ from image to image, by so much of the most that any does.

    Raises:
        AssessmentError: none does.
    """
    most = float(spread.max(initial=0))
    if not most > NOTHING:
        raise AssessmentError("the train images do not differ from each other")
    found: Numbers = spread > least * most
    return found
