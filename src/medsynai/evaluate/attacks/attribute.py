"""Attribute inference: do the synthetic rows tell an outsider what he did not know of a person?

WP29 opinion 05/2014 (WP216), measured as in Giomi et al. 2022: the attacker knows
some columns of a train row, takes the synthetic row that is nearest in them, and reads the secret
column there. What the same attack tells of holdout rows is knowledge of the world, which good
synthetic data ought to give; only what goes beyond it is a risk.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynai.data.schema import Role
from medsynai.data.table import Table
from medsynai.evaluate.attacks import intervals, parts
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import Effort, Round, obstacle, rounds, varies
from medsynai.evaluate.attacks.space import Space, nearest, nearest_without
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

TOLERANCE = 0.05  # a guessed number is right within this share of the true one
SECRETS = 10  # columns attacked, unless the schema declares more
KNOWN_TO_ALL = 0.9  # a secret guessed so often without the release tells nothing of the release
_SOURCE = "Giomi et al. 2022; WP216"
MEAN = Heading("attribute_inference", "Attribute inference, all else known: residual risk", _SOURCE)
WORST = Heading(
    "attribute_inference_worst",
    "Attribute inference, the most exposed column: residual risk",
    _SOURCE + "; Bonferroni over the columns",
)
QUASI = Heading(
    "attribute_inference_quasi",
    "Attribute inference from the quasi-identifiers: residual risk",
    _SOURCE,
)
TENTH, GROUP = parts.headings("attribute_inference", "Attribute inference", _SOURCE)
_EFFORT = Effort(rows=3_000, pairs=2e8)
_ANCHOR = Effort(rows=1_000, pairs=5e7)


@dataclass(frozen=True)
class Guesses:
    """Which guesses were right, (rows,) a secret; rows whose secret is missing are NaN."""

    train: dict[str, Numbers]
    holdout: dict[str, Numbers]
    naive: dict[str, float]


def measure(trial: Trial, effort: Effort | None = None) -> Findings:
    """Residual risk over the secrets, for the worst of them, and for the worst-off rows.

    With exhibit "attribute_inference", a line for each secret.

    Secrets are the columns of role sensitive or target, filled up to ten with others drawn by
    seed: one easy column would say little. Quasi-identifiers are those of that role, with the
    protected ones.
    """
    secrets, quasi = _secrets(trial), _quasi(trial)
    reason = obstacle(trial, columns=2)
    if reason or not secrets:
        headings = (MEAN, WORST, QUASI, TENTH, GROUP)
        return Findings(tuple(h.absent(reason or "no column varies") for h in headings))
    played = rounds(trial, effort or _EFFORT, _ANCHOR)
    n = len(played["synthetic"].train)
    guessed = {name: _guess(r, secrets) for name, r in played.items()}
    mean = {name: _mean_risk(g) for name, g in guessed.items()}
    worst = {name: _worst_risk(g) for name, g in guessed.items()}
    scores = [MEAN.score(mean, n), WORST.score(worst, n)]
    unknown = tuple(s for s in secrets if s not in quasi)
    if not quasi or not unknown:
        scores.append(QUASI.absent("the schema declares no quasi-identifiers"))
    else:
        known = {k: _mean_risk(_guess(r, unknown, quasi)) for k, r in played.items()}
        scores.append(QUASI.score(known, n))
    hidden = {
        name: parts.hidden(trial, r, *_row_means_of(guessed[name])) for name, r in played.items()
    }
    scores += parts.scores((TENTH, GROUP), hidden)
    groups = hidden["synthetic"].groups
    return Findings(
        tuple(scores),
        {"attribute_inference": _exhibit(guessed["synthetic"])},
        {"attribute_inference": groups} if groups else {},
    )


def _secrets(trial: Trial) -> tuple[str, ...]:
    schema = trial.train.schema
    open_ = [c for c in schema.names if varies(trial.train, c)]
    declared = {*schema.having(Role.SENSITIVE, Role.TARGET), trial.target}
    named = [c for c in open_ if c in declared]
    rest = [c for c in open_ if c not in declared]
    drawn = trial.seeds.of("secrets").numpy().permutation(rest).tolist()
    return tuple(named + drawn[: max(0, SECRETS - len(named))])


def _quasi(trial: Trial) -> set[str]:
    schema = trial.train.schema
    if not schema.having(Role.QUASI):
        return set()
    names = schema.having(Role.QUASI, Role.PROTECTED)
    return {c for c in names if schema[c].kind.is_learnt}


def _guess(round_: Round, secrets: tuple[str, ...], known: set[str] | None = None) -> Guesses:
    """Guess each secret of each row from all other columns, or from the `known` ones alone."""
    tables = (round_.train, round_.holdout, round_.released)
    space = Space.of(*tables)
    train, holdout, released = (space.place(t) for t in tables)
    right: list[dict[str, Numbers]] = []
    for table, points in ((round_.train, train), (round_.holdout, holdout)):
        if known is None:
            at = nearest_without(points, released, secrets)
        else:
            _, one = nearest(points.only(known), released.only(known))
            at = np.repeat(one, len(secrets), axis=1)
        right.append(
            {s: _right(table, round_.released, s, at[:, j]) for j, s in enumerate(secrets)}
        )
    naive = {s: _naive(round_, s) for s in secrets}
    return Guesses(right[0], right[1], naive)


def _right(table: Table, released: Table, name: str, at: Numbers) -> Numbers:
    """(rows,) 1 where the guess is right, 0 where wrong, NaN where there is nothing to guess."""
    true, guess = table.frame[name], released.frame[name]
    if table.schema[name].kind.is_number:
        t, g = true.to_numpy(float), guess.to_numpy(float)[at]
        right = np.abs(g - t) <= TOLERANCE * np.abs(t)
    else:
        right = true.astype(object).to_numpy() == guess.astype(object).to_numpy()[at]
    return np.where(true.isna().to_numpy(), np.nan, right.astype(float))


def _naive(round_: Round, name: str) -> float:
    """How often the commonest level, or the median, of the release is right on train rows."""
    values = round_.released.frame[name].dropna()
    if values.empty:
        return 0.0
    number = round_.train.schema[name].kind.is_number
    best = values.median() if number else values.astype(object).mode().iloc[0]
    guess = Table(
        round_.released.frame.head(1).assign(**{name: [best]}), round_.released.schema, "synthetic"
    )
    right = _right(round_.train, guess, name, np.zeros(len(round_.train), int))
    return float(np.nanmean(right)) if np.isfinite(right).any() else 0.0


def _mean_risk(g: Guesses) -> Interval:
    """Over all secrets: each row counts once, with the share of its secrets that were guessed."""
    return intervals.residual_risk(*(parts.rate(means) for means in _row_means_of(g)))


def _row_means_of(g: Guesses) -> tuple[Numbers, Numbers]:
    train, holdout = (_row_means(np.column_stack(list(p.values()))) for p in (g.train, g.holdout))
    return train, holdout


def _row_means(right: Numbers) -> Numbers:
    seen = np.isfinite(right).sum(axis=1)
    total = np.where(np.isfinite(right), right, 0).sum(axis=1)
    means: Numbers = np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
    return means


def _worst_risk(g: Guesses) -> Interval:
    """The largest residual risk of the secrets that are not open to everybody anyway."""
    z = intervals.quantile_of(0.95, max(1, len(g.train)))
    pairs = [(parts.rate(g.train[s], z), parts.rate(g.holdout[s], z)) for s in g.train]
    risks = [intervals.residual_risk(a, c) for a, c in pairs if c.value <= KNOWN_TO_ALL]
    return intervals.largest(risks)


def _exhibit(g: Guesses) -> list[dict[str, Any]]:
    """One line a secret: rates only."""
    lines = []
    for secret in g.train:
        a, c = parts.rate(g.train[secret]), parts.rate(g.holdout[secret])
        risk = intervals.residual_risk(a, c)
        lines.append(
            {
                "column": secret,
                "attack": a.value,
                "control": c.value,
                "naive": g.naive[secret],
                "residual": risk.value,
                "low": risk.low,
                "high": risk.high,
            }
        )
    return lines
