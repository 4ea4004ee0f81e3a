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

    grid = np.indices(space).reshape(len(space), -1) / np.array(space)[:, None]
    order = np.argsort((grid**2).sum(0), kind="stable")[:most]
    ones = np.zeros((len(order), grid.shape[1]))  # of a volume the whole basis would not fit
    ones[np.arange(len(order)), order] = 1.0
    flat = idctn(ones.reshape(-1, *space), axes=range(1, len(space) + 1), norm="ortho").reshape(
        len(order), -1
    )
    whole: np.ndarray = np.kron(np.eye(channels), flat)
    return whole
