"""The coarse waves of an image: a basis that hangs on no image at all."""

import numpy as np
from jaxtyping import Float


def cosines(channels: int, space: tuple[int, ...], most: int) -> Float[np.ndarray, "waves pixels"]:
    """Orthonormal cosines of lowest frequency, `most` of each channel or as many as there are.

    Source: Ahmed, Natarajan and Rao 1974, Discrete cosine transform.

    >>> cosines(1, (2, 1), 5).round(2).tolist()
    [[0.71, 0.71], [0.71, -0.71]]
    """
    from scipy.fft import idctn

    grid, order = _coarsest(space, most)
    ones = np.zeros((len(order), grid.shape[1]))  # of a volume the whole basis would not fit
    ones[np.arange(len(order)), order] = 1.0
    flat = idctn(ones.reshape(-1, *space), axes=range(1, len(space) + 1), norm="ortho").reshape(
        len(order), -1
    )
    whole: np.ndarray = np.kron(np.eye(channels), flat)
    return whole


def halves(channels: int, space: tuple[int, ...], most: int) -> Float[np.ndarray, " waves"]:
    """How many half waves of each cosine of `cosines` lie across the image, whichever its way.

    >>> halves(1, (4, 4), 4).round(2).tolist()
    [0.0, 1.0, 1.0, 1.41]
    """
    grid, order = _coarsest(space, most)
    whole: np.ndarray = np.tile(np.linalg.norm(grid[:, order], axis=0), channels)
    return whole


def _coarsest(space: tuple[int, ...], most: int) -> tuple[np.ndarray, np.ndarray]:
    """(axes, pixels) half waves of every cosine along each axis, and places of the lowest."""
    grid = np.indices(space).reshape(len(space), -1)
    finely = grid / np.array(space)[:, None]
    return grid, np.argsort((finely**2).sum(0), kind="stable")[:most]
