"""k-anonymity, l-diversity, t-closeness of what is released, and what its classes tell of presence.

Sweeney 2002 (k), Machanavajjhala et al. 2007 (l, distinct), Li, Li and Venkatasubramanian 2007 (t).
They were made for real rows that are coarsened and released. Where rows are synthetic they describe
the file and are no evidence: a model may keep every class large and memorise what stands in it, or
have classes of one that belong to nobody. Where real rows are released (`--keep`, `--mix-real`)
they are what they always were. Delta-presence (Nergiz, Atzori and Clifton 2007) is asked as an
attack: whoever finds a person's quasi-identifiers in the release says that he is in the data.
"""

from typing import Any

import numpy as np

from medsynai.data.schema import Kind, Role
from medsynai.data.table import Table
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.classes import NOBODY, classes, known_and_other
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import WHOLE, Round, obstacle, rounds
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

SMALL = 11  # of a class this large nobody is picked with more than 1/11 = .09
CAPTION = "describes the released file; for synthetic rows no evidence of privacy"
K = Heading("k_anonymity", "Rows in the smallest class of the release", "Sweeney 2002", 0, "info")
SHARE = Heading(
    "k_small", f"Released rows in classes of fewer than {SMALL}", "Sweeney 2002", 0, "info"
)
L = Heading(
    "l_diversity",
    "Distinct secrets in the poorest class of the release",
    "Machanavajjhala et al. 2007, distinct l-diversity",
    0,
    "info",
)
T = Heading(
    "t_closeness",
    "Farthest that a class of the release lies from all of it",
    "Li, Li and Venkatasubramanian 2007, earth mover's distance",
    0,
    "info",
)
PRESENCE = Heading(
    "presence",
    "Presence by quasi-identifiers that occur in the release: residual risk",
    "after Nergiz, Atzori and Clifton 2007, delta-presence; control after Giomi et al. 2022",
    silent=True,
)
_DESCRIBING = (K, SHARE, L, T)


def measure(trial: Trial) -> Findings:
    """The four descriptions and presence, with exhibit "anonymity".

    Quasi-identifiers are the columns of that role and the protected ones, numbers of many values in
    20 bins; secrets are those of role sensitive, else the target.
    """
    known, _ = known_and_other(trial)
    reason = obstacle(trial) or ("" if known else NOBODY)
    if reason:
        return Findings(tuple(h.absent(reason) for h in (*_DESCRIBING, PRESENCE)))
    played = rounds(trial, WHOLE, WHOLE)
    secrets = _secrets(trial, known)
    seen = {name: _describe(r, trial, known, secrets) for name, r in played.items()}
    n = len(played["synthetic"].released)
    note = f"{len(known)} columns known: {', '.join(known)}; {CAPTION}"
    scores = []
    for heading in _DESCRIBING:
        found = {name: s[heading.name] for name, s in seen.items() if heading.name in s}
        missing = "the schema declares no sensitive column and no target"
        scores.append(heading.score(found, n, note) if found else heading.absent(missing))
    present = {name: _presence(r, known) for name, r in played.items()}
    scores.append(PRESENCE.score(present, len(trial.train), f"{len(known)} columns known"))
    own = {name: seen["synthetic"][name].value for name in seen["synthetic"]}
    return Findings(tuple(scores), {"anonymity": {"synthetic": own}})


def _secrets(trial: Trial, known: list[str]) -> list[str]:
    sensitive = trial.train.schema.having(Role.SENSITIVE)
    asked = sensitive or ((trial.target,) if trial.target else ())
    return [c for c in asked if c in trial.encoding.names and c not in known]


def _describe(
    round_: Round, trial: Trial, known: list[str], secrets: list[str]
) -> dict[str, Interval]:
    """k, l, t of the rows released in this round, and the marketer's risk (classes over rows)."""
    group = classes(round_, known, round_.released)[0]
    size = np.bincount(group)
    small = int((size[group] < SMALL).sum())
    told = {
        K.name: _exactly(float(size.min())),
        SHARE.name: intervals.wilson(small, len(group)),
        "marketer_risk": _exactly(len(size) / len(group)),
    }
    if secrets:
        spread = [_spread(group, round_.released, trial, name) for name in secrets]
        told[L.name] = _exactly(float(min(d for d, _ in spread)))
        told[T.name] = _exactly(max(t for _, t in spread))
    return told


def _exactly(value: float) -> Interval:
    return Interval(value, value, value)


def _spread(group: Numbers, released: Table, trial: Trial, name: str) -> tuple[int, float]:
    """The fewest distinct levels of a secret in a class, and the largest distance of a class.

    The distance is the earth mover's: over ordered levels the mean gap of the distribution
    functions, over unordered ones half the sum of gaps.
    """
    place = trial.encoding.names.index(name)
    part = trial.encoding.only([place])
    code = part.codes(released.only((name,)))[:, 0]
    levels = int(part.sizes[0])
    table = np.bincount(group * levels + code, minlength=(group.max() + 1) * levels)
    table = table.reshape(-1, levels)
    table = table[:, table.any(axis=0)]  # a level that nobody has is no step on the way
    distinct = int((table > 0).sum(axis=1).min())
    gap = table / table.sum(axis=1, keepdims=True) - table.sum(axis=0) / len(code)
    kind = trial.train.schema[name].kind
    if kind.is_number or kind is Kind.ORDINAL:
        far = np.abs(np.cumsum(gap, axis=1)).sum(axis=1) / max(1, table.shape[1] - 1)
    else:
        far = np.abs(gap).sum(axis=1) / 2
    return distinct, float(far.max())


def _presence(round_: Round, known: list[str]) -> Interval:
    """How much oftener train rows' classes occur in the release than holdout rows' do."""
    train, holdout, released = classes(round_, known, round_.train, round_.holdout, round_.released)
    held = np.unique(released)
    rates = [
        intervals.wilson(int(np.isin(side, held).sum()), len(side)) for side in (train, holdout)
    ]
    return intervals.residual_risk(rates[0], rates[1])
