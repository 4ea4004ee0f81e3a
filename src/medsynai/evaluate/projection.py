"""Two-dimensional pictures of all columns: grids of density, never a point that is a patient."""

from typing import Any

import numpy as np

from medsynai.data.levels import patients_of_levels
from medsynai.errors import AssessmentError
from medsynai.evaluate.encode import Codes, Floats
from medsynai.evaluate.score import Findings
from medsynai.evaluate.sides import take_sides
from medsynai.evaluate.trial import Trial

PCA_CAP = 10_000
TSNE_CAP = 600
SMALL = 11


def measure(trial: Trial) -> Findings:
    """The `pca` exhibit: both origins on the first two principal axes of the real rows.

    Raises:
        AssessmentError: too few rows, or fewer than two directions.
    """
    sides = take_sides(trial, PCA_CAP)
    real = sides.reference if sides.real is None else sides.real
    a, b = trial.encoding.flat(real), trial.encoding.flat(sides.synthetic)
    axes, shares = principal_axes(a)
    centre = a.mean(axis=0)
    exhibit = grids((a - centre) @ axes, (b - centre) @ axes, real.whose())
    return Findings((), {"pca": {**exhibit, "explained": [round(float(s), 3) for s in shares]}})


def measure_tsne(trial: Trial) -> Findings:
    """The `tsne` exhibit: t-SNE of up to 600 real and 600 synthetic rows together.

    Raises:
        AssessmentError: too few rows, or fewer than two directions.

    Source: van der Maaten and Hinton 2008, JMLR 9.
    """
    from sklearn.manifold import TSNE

    sides = take_sides(trial, TSNE_CAP)
    real = sides.reference if sides.real is None else sides.real
    both = np.vstack([trial.encoding.flat(t) for t in (real, sides.synthetic)])
    axes, _ = principal_axes(both, 20)
    placed = TSNE(
        n_components=2,
        perplexity=min(30.0, (len(both) - 1) / 3),
        max_iter=400,
        init="pca",
        random_state=trial.seeds.of("tsne").integer(),
    ).fit_transform((both - both.mean(axis=0)) @ axes)
    a, b = placed[: len(real)], placed[len(real) :]
    return Findings((), {"tsne": grids(np.asarray(a, float), np.asarray(b, float), real.whose())})


def principal_axes(rows: Floats, most: int = 2) -> tuple[Floats, Floats]:
    """The leading principal axes (width, axes) and the share of variance of each.

    Raises:
        AssessmentError: fewer than two directions in which the rows vary.
    """
    centred = rows - rows.mean(axis=0)
    scatter = centred.T @ centred
    values, vectors = np.linalg.eigh(scatter)
    order = np.argsort(-values)[:most]
    total = float(np.trace(scatter))
    if total <= 0 or len(values) < 2 or values[order[1]] <= 1e-9 * total:
        raise AssessmentError("the rows vary in fewer than two directions")
    axes = vectors[:, order]
    # An eigenvector's sign is arbitrary; fixed, so that every machine draws the same picture.
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return axes * signs, values[order] / total


def grids(real: Floats, synthetic: Floats, whose: Codes) -> dict[str, Any]:
    """Shares of rows a cell for both origins; real cells under 11 patients are blank (None)."""
    side = int(np.clip(np.sqrt(len(real) / 20), 5, 24))
    edges = [np.quantile(real[:, k], [0.01, 0.99]) for k in (0, 1)]
    places = [_cells(points, edges, side) for points in (real, synthetic)]
    counts = [np.bincount(p, minlength=side**2).reshape(side, side) for p in places]
    hidden = patients_of_levels(places[0], whose, side**2).reshape(side, side) < SMALL
    shown = np.sort(counts[0][~hidden])
    if hidden.sum() == 1 and counts[0][hidden][0] > 0 and len(shown):
        # A single blank could be had by subtraction.
        hidden |= counts[0] == shown[0]
    return {
        "real": [
            [None if h else round(float(c) / len(real), 5) for c, h in zip(*pair, strict=True)]
            for pair in zip(counts[0], hidden, strict=True)
        ],
        "synthetic": [[round(float(c) / len(synthetic), 5) for c in row] for row in counts[1]],
        "n_real": len(real),
        "note": f"Shares of rows; cells with fewer than {SMALL} real patients are blank, and the "
        "outer cells also hold what lies beyond them.",
    }


def _cells(points: Floats, edges: list[Floats], side: int) -> Codes:
    """(rows,) the cell that each point lies in, row by row of the grid."""
    cell = []
    for k, (low, high) in enumerate(edges):
        width = max(float(high - low), 1e-12)
        place = np.floor((points[:, k] - low) / width * side)
        cell.append(np.clip(place, 0, side - 1).astype(np.int64))
    return cell[1] * side + cell[0]
