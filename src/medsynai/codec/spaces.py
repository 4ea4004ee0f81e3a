"""Spaces: what a network sees of a row of codes, and the way back to codes.

A code becomes a cell, read one-hot or as a vector, and in some columns a position inside the cell,
one number. Missing is always a cell of its own: a mask, never a filled-in value. Every way back
ends at a code, so that numbers return on the lattice they were written on, whatever the space.

| space | a number | a level |
|---|---|---|
| bins | each bin a cell | a cell |
| modes | the mode of a mixture that it is likeliest in, and how far from its mean | a cell |
| quantile | its rank as a normal score | a cell |
| minmax | its value from -1 to 1 between the column's least and greatest | a cell |
| ordinal | as minmax | its place in the list, from -1 to 1 |

Sources: modes, Xu et al. 2019, Modeling tabular data using conditional GAN, section 4.2; ordinal,
Park et al. 2018, Data synthesis based on generative adversarial networks, section 5.1.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Integer

from medsynai.codec.layout import Layout
from medsynai.codec.numbers import NumberCodec
from medsynai.codec.table import ColumnCodec, TableCodec
from medsynai.errors import PlanError
from medsynai.store import Arrays

SPACES = ("bins", "modes", "quantile", "minmax", "ordinal")
MODES = 10  # Gaussians of a column at most
LEAST_MODE = 0.005  # share of the rows below which a mode is dropped
DEVIATIONS = 4.0  # a mode's positions -1 to 1 span so many standard deviations to each side
MIXTURE_ROWS = 20_000

Counts = Integer[np.ndarray, " codes"]
Codes = Integer[np.ndarray, " n"]
Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # cell, position and lower border of each code


@dataclass(frozen=True)
class Space:
    """What each code of a table looks like to a network.

    Attributes:
        codes: a place for each code.
        cells: a place for each cell; the last of a column is that of missing.
        cell: (width,) the cell of each code, counted within its column.
        at: (width,) its position there; 0 in columns without positions.
        border: (width,) the least position that is still this code's: the code before it in the
            same cell has those below. Minus infinity for the first one of a cell.
        placed: the columns that have positions.
    """

    codes: Layout
    cells: Layout
    cell: Integer[np.ndarray, " width"]
    at: Float[np.ndarray, " width"]
    border: Float[np.ndarray, " width"]
    placed: tuple[int, ...]

    @staticmethod
    def fit(
        name: str, codec: TableCodec, codes: Integer[np.ndarray, "n columns"], seed: int
    ) -> "Space":
        """The space of this name for the codes of some train rows.

        Args:
            name: one of SPACES.
            codec: what the codes mean.
            codes: (n, columns) of the train rows.
            seed: of the mixtures of `modes`.

        Raises:
            PlanError: no such space.
        """
        check_space("a network", name)
        parts = []
        for place, column in enumerate(codec.columns):
            counts = np.bincount(codes[:, place].astype(np.int64), minlength=column.size)
            parts.append(_PARTS[name](column, counts, seed=seed))
        return _joined(Layout.of_codec(codec), parts)

    def arrays(self) -> Arrays:
        """For a safetensors file."""
        return {"space.cell": self.cell, "space.at": self.at, "space.border": self.border}

    @staticmethod
    def load(codes: Layout, arrays: Arrays) -> "Space":
        """The inverse of `arrays`."""
        named = [arrays[f"space.{part}"] for part in ("cell", "at", "border")]
        spans = [s.places for s in codes]
        return _joined(codes, [(named[0][s], named[1][s], named[2][s]) for s in spans])

    def back(self, column: int, cell: Codes, position: Float[np.ndarray, " n"]) -> Codes:
        """The code of each cell and position of a column; the inverse of `cell` and `at`."""
        mine = self.codes.spans[column].places
        found = np.empty(len(cell), dtype=np.int64)
        for one in np.unique(cell):
            members = np.flatnonzero(self.cell[mine] == one)
            here = cell == one
            place = np.searchsorted(self.border[mine][members][1:], position[here], side="right")
            found[here] = members[place]
        return found


def check_space(model: str, name: str) -> None:
    """Refuse a space that does not exist.

    Raises:
        PlanError: which model was asked for what, and which spaces there are.
    """
    if name not in SPACES:
        raise PlanError(f"{model}: no space {name!r}; spaces: {', '.join(SPACES)}")


def _joined(codes: Layout, parts: list[Part]) -> Space:
    cell, at, border = (np.concatenate(p) if p else np.zeros(0) for p in zip(*parts, strict=True))
    sizes = tuple(int(p[0][-1]) + 1 for p in parts)
    names, ordered = tuple(s.name for s in codes), tuple(s.ordered for s in codes)
    placed = tuple(j for j, p in enumerate(parts) if len(p[0]) > p[0][-1] + 1)
    cells = Layout.of(names, sizes, ordered)
    return Space(codes, cells, cell.astype(np.int64), at, border, placed)


def _own_cells(column: ColumnCodec, counts: Counts, seed: int = 0) -> Part:
    """A cell for every code."""
    size = len(counts)
    return np.arange(size), np.zeros(size), np.full(size, -np.inf)


def _in_cells(cell: Codes, at: Float[np.ndarray, " codes"]) -> Part:
    """Codes at known positions of some cells, in order; a border halfway between neighbours."""
    border = np.full(len(at), -np.inf)
    for one in np.unique(cell):
        members = np.flatnonzero(cell == one)
        border[members[1:]] = (at[members[1:]] + at[members[:-1]]) / 2
    last = cell.max(initial=-1) + 1
    return np.append(cell, last), np.append(at, 0.0), np.append(border, -np.inf)


def _scaled(values: Float[np.ndarray, " codes"]) -> Part:
    """Values from -1 to 1 in one cell."""
    if not len(values):
        return _in_cells(np.zeros(0, np.int64), np.zeros(0))
    span = float(values.max() - values.min())
    at = 2 * (values - values.min()) / span - 1 if span else np.zeros(len(values))
    return _in_cells(np.zeros(len(values), np.int64), at)


def _minmax(column: ColumnCodec, counts: Counts, seed: int = 0, levels: bool = False) -> Part:
    if isinstance(column.inner, NumberCodec):
        return _scaled(column.inner.centre)
    return _scaled(np.arange(len(counts) - 1.0)) if levels else _own_cells(column, counts)


def _quantile(column: ColumnCodec, counts: Counts, seed: int = 0) -> Part:
    """Each bin at the mean normal score of its rows; borders at the scores of the ranks between."""
    from scipy.special import ndtri

    if not isinstance(column.inner, NumberCodec) or not counts[:-1].any():
        return _own_cells(column, counts)
    share = counts[:-1] / counts[:-1].sum()
    ends = np.append(0.0, np.cumsum(share).clip(0, 1))
    density = np.exp(-(ndtri(ends) ** 2) / 2) / np.sqrt(2 * np.pi)  # 0 at both infinities
    middle = ndtri(((ends[1:] + ends[:-1]) / 2).clip(1e-9, 1 - 1e-9))
    at = np.where(share > 0, -np.diff(density) / np.where(share > 0, share, 1.0), middle)
    border = np.append(-np.inf, ndtri(ends[1:-1]))
    return np.append(np.zeros(len(at)), 1), np.append(at, 0.0), np.append(border, -np.inf)


def _modes(column: ColumnCodec, counts: Counts, seed: int = 0) -> Part:
    """Each bin in the mode that it is likeliest in, `DEVIATIONS` standard deviations to a side."""
    if not isinstance(column.inner, NumberCodec) or np.count_nonzero(counts[:-1]) < 2:
        return _own_cells(column, counts)
    centre = column.inner.centre
    mean, spread, mode = _mixture(centre, counts[:-1], seed)
    cell = np.unique(mode, return_inverse=True)[1]
    return _in_cells(cell.astype(np.int64), (centre - mean[mode]) / (DEVIATIONS * spread[mode]))


def _mixture(
    centre: Float[np.ndarray, " bins"], counts: Integer[np.ndarray, " bins"], seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means and spreads of a variational mixture of Gaussians, and each bin's likeliest one."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    values = np.repeat(centre, counts)
    rng = np.random.default_rng(seed)
    if len(values) > MIXTURE_ROWS:
        values = rng.choice(values, MIXTURE_ROWS, replace=False)
    scale = values.std() or 1.0
    model = BayesianGaussianMixture(
        n_components=min(MODES, len(np.unique(values))),
        weight_concentration_prior=1e-3,
        reg_covar=1e-4,
        random_state=seed,
        max_iter=60,
    )
    with warnings.catch_warnings():
        # modes short of their optimum are modes as well; 60 steps bound the time
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(values[:, None] / scale)
    kept = np.flatnonzero(model.weights_ >= LEAST_MODE)
    mode = model.predict_proba(centre[:, None] / scale)[:, kept].argmax(1)
    spread = np.sqrt(model.covariances_[kept, 0, 0])
    return model.means_[kept, 0] * scale, spread * scale, mode


_PARTS: dict[str, Callable[..., Part]] = {
    "bins": _own_cells,
    "modes": _modes,
    "quantile": _quantile,
    "minmax": _minmax,
    "ordinal": partial(_minmax, levels=True),
}
