"""Correct attribution: what an outsider who knows the quasi-identifiers reads off the release.

CAP (Elliot 2014, Final report on the disclosure risk associated with the synthetic data produced by
the SYLLS team): of the released rows with a person's quasi-identifiers, the share with the right
secret; 0 where there is no such row. TCAP (Taub, Elliot, Pampaka and Smith 2018, PSD, LNCS 11126):
the attacker speaks only where all such rows agree, in at least two rows. Holdout rows, asked alike,
tell how much of it is knowledge of the world.
"""

from typing import Any

import numpy as np

from medsynai.data.schema import Role
from medsynai.evaluate.attacks import intervals, parts
from medsynai.evaluate.attacks.classes import NOBODY, classes, known_and_other
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.lineup import WHOLE, Effort, Round, obstacle, rounds
from medsynai.evaluate.encode import Encoding
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

SECRETS = 5  # columns attacked, unless the schema declares more
AGREEING = 2  # released rows that must agree before the attacker of TCAP speaks
CAP = Heading(
    "cap", "Correct attribution (CAP): residual risk", "Elliot 2014; Taub et al. 2018", silent=True
)
TCAP = Heading(
    "tcap",
    "Correct attribution where the release is of one mind (TCAP): residual risk",
    "Taub, Elliot, Pampaka and Smith 2018, PSD",
    silent=True,
)
_EVEN = Effort(rows=100_000, pairs=1e12)


def measure(trial: Trial) -> Findings:
    """Residual risks of CAP and TCAP, with exhibit "attribution", a line for each secret.

    Secrets are the columns of role sensitive or target, filled up to five with others drawn by
    seed; numbers are asked for by their decile. Quasi-identifiers are the columns of that role and
    the protected ones.
    """
    known, other = known_and_other(trial)
    reason = obstacle(trial, columns=2) or ("" if known and other else NOBODY)
    if reason:
        return Findings((CAP.absent(reason), TCAP.absent(reason)))
    secrets = _secrets(trial, other)
    told = {n: _sides(r, trial, known, secrets) for n, r in rounds(trial, _EVEN, WHOLE).items()}
    n = len(told["synthetic"][0][0])
    note = f"{len(known)} columns known: {', '.join(known)}"
    found = []
    for which in (0, 1):
        rates = {
            name: [parts.rate(_means(side[which])) for side in sides]
            for name, sides in told.items()
        }
        found.append({name: intervals.residual_risk(*pair) for name, pair in rates.items()})
    lines = _exhibit(told["synthetic"], secrets, trial)
    scores = (CAP.score(found[0], n, note), TCAP.score(found[1], n, note))
    return Findings(scores, {"attribution": lines})


def _secrets(trial: Trial, other: list[str]) -> list[str]:
    declared = {*trial.train.schema.having(Role.SENSITIVE, Role.TARGET), trial.target}
    named = [c for c in other if c in declared]
    rest = [c for c in other if c not in declared]
    drawn = trial.seeds.of("attribution").numpy().permutation(rest).tolist()
    return named + drawn[: max(0, SECRETS - len(named))]


def _sides(
    round_: Round, trial: Trial, known: list[str], secrets: list[str]
) -> list[tuple[Numbers, Numbers]]:
    """For train and for holdout rows: CAP, and TCAP (NaN where silent), each (rows, secrets)."""
    tables = (round_.train, round_.holdout, round_.released)
    groups = classes(round_, known, *tables)
    codes = [_codes(trial.encoding, t, secrets) for t in tables]
    return [_told(groups[i], codes[i], groups[2], codes[2]) for i in (0, 1)]


def _codes(encoding: Encoding, table: Any, secrets: list[str]) -> Numbers:
    places = [encoding.names.index(c) for c in secrets]
    part = encoding.only(places)
    codes: Numbers = part.codes(table.only(tuple(secrets)))
    return codes


def _told(group: Numbers, secret: Numbers, held: Numbers, said: Numbers) -> tuple[Numbers, Numbers]:
    """CAP and TCAP of rows in `group` with `secret`, beside released rows `held`, `said`."""
    size = np.bincount(held, minlength=int(max(group.max(), held.max())) + 1)
    cap = np.zeros(secret.shape)
    tcap = np.full(secret.shape, np.nan)
    for j in range(secret.shape[1]):
        levels = int(max(secret[:, j].max(), said[:, j].max())) + 1
        table = np.bincount(held * levels + said[:, j], minlength=len(size) * levels)
        table = table.reshape(len(size), levels)
        most = table.max(axis=1)
        cap[:, j] = table[group, secret[:, j]] / np.maximum(size[group], 1)
        speaks = (most == size) & (size >= AGREEING)
        right = (table.argmax(axis=1)[group] == secret[:, j]).astype(float)
        tcap[:, j] = np.where(speaks[group], right, np.nan)
    return cap, tcap


def _means(told: Numbers) -> Numbers:
    """(rows,) mean over the secrets that something was said of."""
    seen = np.isfinite(told)
    total = np.where(seen, told, 0).sum(axis=1)
    means: Numbers = np.where(seen.any(axis=1), total / np.maximum(seen.sum(axis=1), 1), np.nan)
    return means


def _exhibit(
    told: list[tuple[Numbers, Numbers]], secrets: list[str], trial: Trial
) -> list[dict[str, Any]]:
    """One line a secret: rates only; `naive` is saying the commonest level of the release."""
    said = _codes(trial.encoding, trial.synthetic, secrets)
    true = _codes(trial.encoding, trial.train, secrets)
    lines = []
    for j, name in enumerate(secrets):
        common = np.bincount(said[:, j]).argmax()
        rates = [parts.rate(side[which][:, j]).value for which in (0, 1) for side in told]
        lines.append(
            {
                "column": name,
                "cap": rates[0],
                "cap, holdout": rates[1],
                "tcap": rates[2] if np.isfinite(rates[2]) else None,
                "tcap, holdout": rates[3] if np.isfinite(rates[3]) else None,
                "naive": float((true[:, j] == common).mean()),
            }
        )
    return lines
