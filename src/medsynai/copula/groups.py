"""Groups of rows by the levels of one column, and which column parts the rows best."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medsynai.copula.cells import Floats, Owners
from medsynai.data.table import Table

MOST_LEVELS = 8

Mask = NDArray[np.bool_]


def separating(table: Table, scores: Floats, min_group: int) -> str | None:
    """The column of 2 to 8 levels that explains most of the numbers' normal scores, if any does.

    By the mean over the numbers of adjusted eta squared (Kelley 1935): the share of the variance
    that lies between levels, less what chance puts there.
    """
    numbers = [i for i, c in enumerate(table.schema.columns) if c.kind.is_number]
    best: tuple[float, str | None] = (0.0, None)
    for column in table.schema.columns:
        if not column.kind.is_level:
            continue
        members = groups_of(table.frame[column.name], min_group, table.repeated())
        if not 2 <= table.frame[column.name].nunique() <= MOST_LEVELS or len(members) < 2:
            continue
        explained = [_explained(scores[:, i], members) for i in numbers]
        best = max(best, (float(np.mean(explained or [0.0])), column.name), key=lambda b: b[0])
    return best[1]


def _explained(scores: Floats, members: list[Mask]) -> float:
    seen = ~np.isnan(scores)
    parts = [scores[g & seen] for g in members]
    n, k = int(seen.sum()), len(parts)
    total = float(scores[seen].var()) if n else 0.0
    if n <= k or total < 1e-9:
        return 0.0
    left = sum(len(p) * float(p.var()) for p in parts if len(p)) / n
    return 1 - left / total * (n - 1) / (n - k)


def groups_of(values: pd.Series, min_group: int, whose: Owners | None = None) -> list[Mask]:
    """Which rows are in each group; every row is in one.

    Levels of at least `min_group` patients are groups. The others, and missing, share one; while it
    is too small the smallest level joins it.

    Args:
        values: (rows,) levels.
        min_group: patients that a group has at least.
        whose: (rows,) whose row each is; None: every row is another patient's.
    """
    codes = values.cat.codes.to_numpy()
    whose = np.arange(len(codes)) if whose is None else whose
    levels = np.unique(codes)
    people = [set(whose[codes == level].tolist()) for level in levels]
    shared: list[int] = []
    together: set[int] = set()
    for k in np.argsort([len(p) for p in people], kind="stable"):
        too_few = bool(shared) and len(together) < min_group
        if len(people[k]) >= min_group and levels[k] >= 0 and not too_few:
            continue
        shared.append(int(levels[k]))
        together |= people[k]
    own = [codes == level for level in levels if level not in shared]
    return [*own, np.isin(codes, shared)] if shared else own
