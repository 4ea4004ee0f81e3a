"""Query-feature shadow attack on the most exposed records.

The strongest black-box attack that is known for single records (Stadler, Oprisanu and Troncoso
2022; Houssiau et al. 2022, TAPAS, random targeted queries), aimed at those that lie furthest from
their closest neighbours (Meeus et al. 2023, Achilles' heels). The attacker knows the generator,
fits it again and again to rows of the same population, with the record and without, and learns what
counts of rows like the record, in random sets of columns, tell of its presence.

All targets share the shadow fits: each is put into a random half of them. Each fit is judged by a
classifier that was taught by other fits, so no figure is flattered. It is a finding about the
generator and its settings on these data, not about the one release; fits are as large as its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.table import Table
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.accusing import fit_and_score
from medsynai.evaluate.attacks.exposed import isolated
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import obstacle
from medsynai.evaluate.attacks.space import Points, Space, nearest
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial
from medsynai.seeds import Seeds

Numbers = np.ndarray[Any, np.dtype[Any]]
Refit = Callable[[Table, Seeds], Table]

TARGETS = 100
SHARE = 0.05  # of the train rows are targets at most: more would change the data
SHADOWS = 32
FOLDS = 4  # of shadows
WIDTHS = (1, 2, 3, 4)  # columns in a query
QUERIES = 20  # of each width
WITHIN = 0.02  # a number counts as like the target's within so much of its rank
HELD = 50_000  # released rows that are counted
RESAMPLES = 200  # of whole shadows, for intervals
ASKED = "needs the generator: made by `medsynai synthesize --attacks thorough`"
_SOURCE = (
    "Stadler et al. 2022; Houssiau et al. 2022, TAPAS; targets of Meeus et al. 2023; bootstrap "
    "over shadow fits"
)
AUC = Heading(
    "membership_shadow_auc", "Membership of the most exposed: AUC of shadow fits", _SOURCE, 0.5
)
TPR_1 = Heading(
    "membership_shadow_tpr_1", "Most exposed records found at 1 % false alarms", _SOURCE, 0.01
)
TPR_10 = Heading(
    "membership_shadow_tpr_10", "Most exposed records found at 10 % false alarms", _SOURCE, 0.10
)


def measure(trial: Trial) -> Findings:
    """AUC and rows found for the targets over all shadow fits; the internal part "shadow".

    Anchors are games with other generators: one that copies its rows (control), one that shuffles
    its columns, and one that releases fresh real rows whatever it is given (holdout).
    """
    headings = (AUC, TPR_1, TPR_10)
    reason = obstacle(trial) or ("" if trial.refit else ASKED)
    if reason or trial.refit is None:
        return Findings(tuple(h.absent(reason) for h in headings))
    game = _Game.of(trial)
    makers: dict[str, Refit] = {
        "synthetic": trial.refit,
        "control": lambda rows, seeds: rows,
        "shuffled": _shuffle,
        "holdout": game.fresh,
    }
    played = {n: game.play(m, trial.seeds.of("shadow", n)) for n, m in makers.items()}
    found = {name: _intervals(guess, game.inside, trial) for name, guess in played.items()}
    n = len(game.targets)
    note = f"{SHADOWS} fits, each with half of {n} targets"
    scores = tuple(h.score({k: f[h.name] for k, f in found.items()}, n, note) for h in headings)
    each = [_ranked(played["synthetic"][:, j], game.inside[:, j]) for j in range(n)]
    numbers = trial.record_numbers[game.targets]
    order = np.argsort(each)[::-1]
    lines = [{"record": int(numbers[j]), "AUC": round(each[j], 3)} for j in order]
    return Findings(scores, internal={"shadow": lines})


def _shuffle(rows: Table, seeds: Seeds) -> Table:
    rng, frame = seeds.numpy(), rows.frame.copy()
    for name in frame.columns:
        frame[name] = frame[name].array.take(rng.permutation(len(frame)))  # type: ignore[call-overload]
    return Table(frame, rows.schema, "synthetic")


@dataclass(frozen=True)
class _Game:
    """Who is aimed at, and in which fits they are.

    Attributes:
        targets: (targets,) their places among the train rows.
        aimed, others: the targets, and all other real rows.
        rows: how many rows a fit is given.
        inside: (shadows, targets) whether the target is among the rows of the fit.
        points: the targets in `space`.
        queries: for each target the sets of columns that are asked for, by width.
    """

    targets: Numbers
    aimed: Table
    others: Table
    rows: int
    inside: Numbers
    space: Space
    points: Points
    queries: list[list[list[Numbers]]]

    @staticmethod
    def of(trial: Trial) -> "_Game":
        assert trial.holdout is not None  # obstacle() has refused otherwise
        count = max(2, min(TARGETS, int(SHARE * len(trial.train))))
        targets = isolated(trial)[:count]
        rest = np.setdiff1d(np.arange(len(trial.train)), targets)
        others = _joined(trial.train.rows(rest), trial.holdout)
        rng = trial.seeds.of("shadow", "game").numpy()
        half = np.repeat([True, False], [SHADOWS // 2, SHADOWS - SHADOWS // 2])
        inside = np.column_stack([rng.permutation(half) for _ in targets])
        space = Space.of(trial.train, trial.holdout, trial.synthetic)
        aimed = trial.train.rows(targets)
        names = np.arange(len(space.columns))
        widths = [w for w in WIDTHS if w <= len(names)]
        queries = [
            [[rng.choice(names, w, replace=False) for _ in range(QUERIES)] for w in widths]
            for _ in targets
        ]
        points = space.place(aimed)
        return _Game(targets, aimed, others, len(trial.train), inside, space, points, queries)

    def fresh(self, rows: Table, seeds: Seeds) -> Table:
        """Real rows that have nothing to do with those given."""
        pick = seeds.numpy().permutation(len(self.others))[: len(rows)]
        return self.others.rows(pick)

    def play(self, refit: Refit, seeds: Seeds) -> Numbers:
        """(shadows, targets) the odds, told by other fits, that the target was in the fit."""
        seen = []
        for s in range(SHADOWS):
            own = seeds.of(s)
            mine = self.aimed.rows(np.flatnonzero(self.inside[s]))
            pick = own.of("rows").numpy().permutation(len(self.others))[: self.rows - len(mine)]
            rows = _joined(mine, self.others.rows(pick))
            order = own.of("order").numpy().permutation(len(rows))
            seen.append(self._features(refit(rows.rows(order), own.of("fit"))))
        return self._guess(np.array(seen), seeds.of("learn"))

    def _features(self, released: Table) -> Numbers:
        """(targets, features): counts of rows like the target, by query, and its nearest rows."""
        points = self.space.place(released.rows(np.arange(min(len(released), HELD))))
        near = nearest(self.points, points, 10)[0]
        far = np.column_stack([near[:, 0], near.mean(axis=1)])
        counts = [self._counts(j, points) for j in range(len(self.targets))]
        return np.column_stack([np.log1p(np.array(counts)), -far])

    def _counts(self, j: int, points: Points) -> list[int]:
        n = len(self.space.values)
        levels = len(self.space.levels)
        gaps = points.codes[levels:] == self.points.codes[levels:, j : j + 1]
        near = np.abs(points.numbers - self.points.numbers[:, j : j + 1]) <= WITHIN
        like = np.empty((n + levels, len(points)), bool)
        like[:n] = near & gaps
        like[n:] = points.codes[:levels] == self.points.codes[:levels, j : j + 1]
        return [int(like[q].all(axis=0).sum()) for width in self.queries[j] for q in width]

    def _guess(self, seen: Numbers, seeds: Seeds) -> Numbers:
        """Cross-fitted over shadows; `seen` is (shadows, targets, features)."""
        guess = np.empty(self.inside.shape)
        fold = np.arange(SHADOWS) % FOLDS
        for f in range(FOLDS):
            taught = seen[fold != f]
            # each target's own scale, by the fits that teach
            z = (seen - taught.mean(axis=0)) / (taught.std(axis=0) + 1e-6)
            x = self._pooled(z)
            teach, labels = x[fold != f], self.inside[fold != f].astype(int)
            flat = teach.reshape(-1, x.shape[2])
            held = x[fold == f].reshape(-1, x.shape[2])
            told = fit_and_score(flat, labels.ravel(), held, seeds.of(f))
            guess[fold == f] = told.reshape(-1, len(self.targets))
        return guess

    def _pooled(self, z: Numbers) -> Numbers:
        """Queries of one width are alike for every target: their mean and their greatest."""
        parts = []
        widths = (z.shape[2] - 2) // QUERIES
        for w in range(widths):
            part = z[:, :, w * QUERIES : (w + 1) * QUERIES]
            parts += [part.mean(axis=2), part.max(axis=2)]
        return np.stack([*parts, z[:, :, -2], z[:, :, -1]], axis=2)


def _joined(a: Table, b: Table) -> Table:
    """All rows of both; a patient of the one is none of the other's."""
    frame = pd.concat([a.frame, b.frame], ignore_index=True)
    first, second = a.whose(), b.whose()
    patients = np.concatenate([first, second + first.max(initial=-1) + 1])
    return Table(frame.astype(dict(a.frame.dtypes)), a.schema, patients=patients)


def _ranked(guess: Numbers, inside: Numbers) -> float:
    return intervals.auc(guess[inside], guess[~inside]).value


def _intervals(guess: Numbers, inside: Numbers, trial: Trial) -> dict[str, Interval]:
    """AUC and rows found over all fits; 95 % of resamples of whole fits."""
    rng = trial.seeds.of("shadow", "resamples").numpy()
    picks = [np.arange(SHADOWS), *(rng.integers(0, SHADOWS, SHADOWS) for _ in range(RESAMPLES))]
    told = []
    for pick in picks:
        a, b = guess[pick][inside[pick]], guess[pick][~inside[pick]]
        rates = [intervals.tpr_at(a, b, f).value for f in (0.01, 0.10)]
        told.append([intervals.auc(a, b).value, *rates])
    values, low, high = told[0], *np.quantile(told[1:], [0.025, 0.975], axis=0)
    names = (AUC.name, TPR_1.name, TPR_10.name)
    return {
        n: Interval(v, float(a), float(b))
        for n, v, a, b in zip(names, values, low, high, strict=True)
    }
