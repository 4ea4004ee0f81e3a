"""In which order the columns are drawn, and which rare levels are not drawn at all."""

import numpy as np
from jaxtyping import Integer

from medsynai.codec.table import CodeMatrix, TableCodec
from medsynai.data.levels import patients_of_levels
from medsynai.data.schema import Schema

MANY_LEVELS = 50


def order_of(schema: Schema, first: tuple[str, ...]) -> tuple[str, ...]:
    """Columns asked for first, the outcome, then levels, numbers, columns with very many levels.

    Levels first measured better than the file's order: numbers are then drawn within groups. The
    outcome before them all measured best for models trained on the synthetic rows, and makes
    conditions on it exact without weights. A column of hundreds of codes says little that its
    successors could be split by.
    """

    def place(name: str) -> int:
        column = schema[name]
        if name == schema.target:
            return -1
        if column.kind.is_number:
            return 1
        return 2 if len(column.categories or ()) > MANY_LEVELS else 0

    rest = [name for name in schema.names if name not in first]
    return (*first, *sorted(rest, key=place))


def withhold(
    codes: CodeMatrix,
    codec: TableCodec,
    min_level: int,
    patients: Integer[np.ndarray, " rows"],
    rng: np.random.Generator,
) -> tuple[CodeMatrix, dict[str, int]]:
    """Codes with every level of fewer than `min_level` patients exchanged for a commoner one.

    The commoner level is drawn by its share, so that as much is missing as before. A column with no
    common level becomes missing.

    Returns:
        The new codes, and how many levels of which column are withheld.
    """
    kept, withheld = codes.copy(), {}
    for place, column in enumerate(codec.columns):
        if column.column.kind.is_number:
            continue
        counts = np.bincount(codes[:, place], minlength=column.size)
        have = patients_of_levels(codes[:, place], patients, column.size)
        rare = (have > 0) & (have < min_level)
        rare[-1] = False  # missing is not a level
        if not rare.any():
            continue
        common = np.where(rare, 0, counts)
        common[-1] = 0
        mine = rare[codes[:, place]]
        some = common.any()
        kept[mine, place] = _draw(common, int(mine.sum()), rng) if some else column.size - 1
        withheld[column.column.name] = int(rare.sum())
    return kept, withheld


def _draw(
    counts: Integer[np.ndarray, " codes"], n: int, rng: np.random.Generator
) -> Integer[np.ndarray, " n"]:
    return rng.choice(len(counts), size=n, p=counts / counts.sum())
