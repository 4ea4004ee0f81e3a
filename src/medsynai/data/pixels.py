"""Pixels to numbers in [-1, 1] and back: the error is half a step of the stored numbers at most."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

COARSE = 16  # the range is widened outward to a power of two of at least a 16th of its width


@dataclass(frozen=True)
class PixelScale:
    """The range of stored numbers that becomes [-1, 1]. Public: it may be printed and saved.

    Attributes:
        low, high: stored numbers at -1 and at 1.
        dtype: NumPy's name of the stored type; whole numbers come back whole.
    """

    low: float
    high: float
    dtype: str

    @staticmethod
    def of(pixels: np.ndarray) -> "PixelScale":
        """The type's own range for 8 bits, else that of the train images, widened to round numbers.

        The widening keeps the brightest pixel of a single patient from being written down.

        >>> PixelScale.of(np.array([-1024, 1900], np.int16))
        PixelScale(low=-1024.0, high=1920.0, dtype='int16')
        """
        if pixels.dtype.itemsize == 1:
            facts = np.iinfo(pixels.dtype)
            return PixelScale(float(facts.min), float(facts.max), str(pixels.dtype))
        low, high = float(np.min(pixels)), float(np.max(pixels))
        step = 2.0 ** np.floor(np.log2(max(high - low, 1e-30) / COARSE))
        low, high = float(np.floor(low / step) * step), float(np.ceil(high / step) * step)
        if np.issubdtype(pixels.dtype, np.integer):
            facts = np.iinfo(pixels.dtype)
            low, high = max(low, float(facts.min)), min(high, float(facts.max))
        return PixelScale(low, high if high > low else low + 1.0, str(pixels.dtype))

    def forward(self, pixels: np.ndarray) -> Float[np.ndarray, "..."]:
        """Stored numbers as float32 in [-1, 1]; what lies outside of the range goes to its end."""
        wide = (pixels.astype(np.float64) - self.low) * (2.0 / (self.high - self.low)) - 1.0
        return np.clip(wide, -1.0, 1.0).astype(np.float32)

    def back(self, values: Float[np.ndarray, "..."]) -> np.ndarray:
        """Numbers in [-1, 1] in the stored type, whole where that is; others go to the ends."""
        inside = np.clip(values.astype(np.float64), -1.0, 1.0)
        wide = (inside + 1.0) * ((self.high - self.low) / 2.0) + self.low
        dtype = np.dtype(self.dtype)
        return (np.rint(wide) if np.issubdtype(dtype, np.integer) else wide).astype(dtype)
