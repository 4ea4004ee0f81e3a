"""Noise that nobody can repeat: all of it comes from the operating system's entropy.

There is no seed and no generator to hand in. Counts get exact discrete noise on a fine lattice
(OpenDP), so that the low bits of a float tell nothing (Mironov 2012). Sums of gradients are put on
a lattice as well, and their noise is the sum of two Gaussian draws, whose float artefacts hide each
other (Holohan and Braghin 2021, Secure random sampling in differential privacy, section 4); its
bits come from OpenSSL's cryptographic generator, which the operating system's entropy keys: noise
for a network takes megabytes a step.
"""

import os
import secrets
import ssl
from typing import Any

import numpy as np

from medsynai.errors import BudgetError, MissingExtra
from medsynai.privacy.accounting import Kind, Spend

GRAIN = 16  # counts are noised on a lattice of 1 / 16
LEAST = 2.0  # spread on that lattice: from here on a discrete Gaussian costs what a Gaussian does
DRAWS = 2  # Gaussian draws that are summed
FINE = 2.0**26  # points of the lattice of sums to one spread of their noise
BLOCK = 2**15  # numbers drawn at once, or nearly: they stay in the processor's cache
Floats = np.ndarray[Any, np.dtype[np.float64]]


def noisy_counts(counts: np.ndarray, spend: Spend, reach: int = 1) -> Floats:
    """Counts with discrete Gaussian or Laplace noise, each exactly a multiple of 1/16.

    **Guarantee:** that of `spend`, for counts that one patient changes by at most `reach` in L1.
    On the lattice the spread is at least 2, where the discrete Gaussian's privacy loss differs from
    the Gaussian's by less than exp(-2 pi^2 4) in relative terms (Canonne, Kamath and Steinke 2020,
    The discrete Gaussian for differential privacy, section 2).

    Args:
        counts: whole numbers of any shape.
        spend: the mechanism and its noise, already charged.
        reach: rows that one patient has at most.

    Raises:
        BudgetError: noise too small for the lattice.
        MissingExtra: OpenDP is not installed.
    """
    scale = spend.noise * reach * GRAIN
    if scale < LEAST:
        raise BudgetError("this little noise is no protection; ask for a smaller epsilon")
    whole = np.asarray(counts, dtype=np.int64).ravel() * GRAIN
    noised = _lattice(whole, scale, spend.kind)
    found: Floats = (noised / GRAIN).reshape(np.shape(counts))
    return found


def _lattice(whole: np.ndarray, scale: float, kind: Kind) -> np.ndarray:
    """Whole numbers with exact discrete noise; OpenDP draws from the system's entropy."""
    try:
        import opendp.prelude as dp
    except ImportError:
        raise MissingExtra("differential privacy", "opendp", "dp") from None
    dp.enable_features("contrib")
    domain: Any = dp.vector_domain(dp.atom_domain(T="i64"))
    mechanism: Any
    if kind is Kind.GAUSSIAN:
        mechanism = dp.m.make_gaussian(domain, dp.l2_distance(T="f64"), scale=scale)
    elif kind is Kind.LAPLACE:
        mechanism = dp.m.make_laplace(domain, dp.l1_distance(T="i64"), scale=scale)
    else:
        raise BudgetError("counts take Gaussian or Laplace noise")
    return np.array(mechanism(whole.tolist()), dtype=np.int64)


def noisy_sums(sums: np.ndarray, spread: float) -> np.ndarray:
    """The sums, now with Gaussian noise of this spread, each a multiple of spread / 2^26.

    **Guarantee:** that of a Gaussian of `spread`, for sums that one patient moves by at most its
    sensitivity in L2; putting d sums on the lattice may add sqrt(d) / 2^26 spreads to that, for a
    million weights 0.000015 spreads. Rounding the result to the type of the sums adds nothing.

    Args:
        sums: (d,) finite numbers; the noised ones take their place: no copy without noise stays.
        spread: standard deviation of the noise; 0 is none, and is refused.

    Raises:
        BudgetError: no noise.
    """
    if not spread > 0:
        raise BudgetError("sums without noise are no protection; ask for a smaller epsilon")
    grain, blocks = spread / FINE, max(1, round(len(sums) / BLOCK))
    for part in np.array_split(sums, blocks):
        here = part.astype(np.float64)
        here *= 1 / grain
        np.rint(here, out=here)  # on the lattice before the noise: so no low bit tells
        drawn = _gaussians(len(here), FINE)
        np.rint(drawn, out=drawn)
        here += drawn
        here *= grain
        part[:] = here
    return sums


def _gaussians(size: int, spread: float = 1.0) -> Floats:
    """`size` Gaussian numbers, each the sum of `DRAWS` by Box and Muller 1958."""
    half = (size + 1) // 2
    total, pair = np.empty((2, half)), np.empty((2, half), np.float32)
    square = 2 * spread**2 / DRAWS
    for draw in range(DRAWS):
        words = np.frombuffer(ssl.RAND_bytes(8 * half), dtype=np.uint32)
        radius, angle = words.astype(np.float32).reshape(2, half)
        if words[:half].min() < 2**12:  # the far tail, to more than 32 bits
            low = np.flatnonzero(words[:half] < 2**12)
            radius[low] = words[low] + uniform(len(low)) + 2.0**-53
        np.log(radius, out=radius)
        radius *= np.float32(-square)
        radius += np.float32(square * 32 * np.log(2))
        np.sqrt(radius, out=radius)
        angle *= np.float32(2 * np.pi * 2.0**-32)
        np.cos(angle, out=pair[0])
        np.sin(angle, out=pair[1])
        pair *= radius
        np.copyto(total, pair) if draw == 0 else np.add(total, pair, out=total)
    flat: Floats = total.ravel()[:size]
    return flat


def uniform(size: int) -> Floats:
    """`size` numbers in [0, 1) with 53 bits from the system's entropy."""
    words = np.frombuffer(os.urandom(8 * size), dtype=np.uint64)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def choose(scores: np.ndarray, epsilon: float, reach: float = 1.0) -> int:
    """The exponential mechanism: the place of a high score (McSherry and Talwar 2007).

    Scores far below the best are lifted to where their weight is 2^-30 of it: that changes by no
    more than `reach` either, and every whole-numbered weight is then exact to 2^-20.

    Args:
        scores: (m,) each changed by one patient by at most `reach`.
        epsilon: range of the privacy loss, already charged.
        reach: by how much one patient changes a score.
    """
    exponent = epsilon / (2 * reach) * (np.asarray(scores, float) - np.max(scores))
    weights = np.exp(np.maximum(exponent, -30 * np.log(2)))
    ends = np.cumsum([int(w * 2.0**50) for w in weights], dtype=object)
    ticket = secrets.randbelow(int(ends[-1]))
    return int(next(i for i, end in enumerate(ends) if ticket < end))
