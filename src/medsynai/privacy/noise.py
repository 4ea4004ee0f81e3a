"""Noise that nobody can repeat: all of it comes from the operating system's entropy.

There is no seed and no generator to hand in. Counts get exact discrete noise on a fine lattice
(OpenDP), so that the low bits of a float tell nothing (Mironov 2012). Sums of gradients are put on
a lattice as well, no finer than the floats of their noise are, and that noise is the sum of two
Gaussian draws, whose float artefacts hide each other (Holohan and Braghin 2021, Secure random
sampling in differential privacy, section 4); its bits come from OpenSSL's cryptographic generator,
which the operating system's entropy keys: noise for a network takes megabytes a step.
"""

import math
import os
import secrets
import ssl
from typing import Any

import numpy as np

from medsynai.errors import BudgetError, MissingExtra
from medsynai.privacy.accounting import Kind, Spend

# Counts are noised on a lattice of so many points to one. Beside the accountant's continuous noise,
# discrete noise has a delta in excess: of one part in 10^5 from the `LEAST` spread on (on 16 points
# it was of half of it), and of less the more noise there is.
GRAIN = 2**12
LEAST = GRAIN / 8
DRAWS = 2  # Gaussian draws that are summed
# points of the lattice of sums to one spread of their noise, at least; less than twice as many, so
# that every draw is a whole number below 2^24, which a float of 32 bits holds with its last bit:
# on a finer lattice the noise is mostly even, and does not hide whether a sum is
FINE = 2.0**20
BLOCK = 2**15  # numbers drawn at once, or nearly: they stay in the processor's cache
Floats = np.ndarray[Any, np.dtype[np.float64]]


def noisy_counts(counts: np.ndarray, spend: Spend, reach: int = 1) -> Floats:
    """Counts with discrete Gaussian or Laplace noise, each exactly a multiple of 1 / `GRAIN`.

    **Guarantee:** that of `spend`, for counts that one patient changes by at most `reach` in L1,
    but for one part in 10^5 of delta (Canonne, Kamath and Steinke 2020, The discrete Gaussian for
    differential privacy, theorem 7, beside Balle and Wang 2018, theorem 8).

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
    """The sums, now with Gaussian noise of this spread, on a lattice.

    **Guarantee:** that of a Gaussian of `spread`, for sums that one patient moves in L2 by at most
    the sensitivity less `slack`. All steps are exact in the sums' own floats but the last, and
    rounding what is noised adds nothing.

    Args:
        sums: (d,) finite numbers; the noised ones take their place: no copy without noise stays.
        spread: standard deviation of the noise; 0 is none, and is refused.

    Raises:
        BudgetError: no noise.
    """
    if not spread > 0:
        raise BudgetError("sums without noise are no protection; ask for a smaller epsilon")
    grain, blocks = _grain(spread), max(1, round(len(sums) / BLOCK))
    for part in np.array_split(sums, blocks):
        part *= 1 / grain
        np.rint(part, out=part)  # on the lattice before the noise: so no low bit tells
        part += _gaussians(len(part), spread / grain)
        part *= grain
    return sums


def slack(size: int, spread: float) -> float:
    """By how much more, in L2, `size` sums may differ once they are on the lattice.

    Each of two numbers is moved by half a grain at most.

    Raises:
        BudgetError: no noise.
    """
    if not spread > 0:
        raise BudgetError("sums without noise are no protection; ask for a smaller epsilon")
    return math.sqrt(size) * _grain(spread)


def _grain(spread: float) -> float:
    """A power of two: scaling by it is exact."""
    return 2.0 ** math.floor(math.log2(spread / FINE))


def _gaussians(size: int, spread: float) -> np.ndarray:
    """`size` whole Gaussian numbers, each the sum of `DRAWS` by Box and Muller 1958."""
    half = (size + 1) // 2
    total, more = np.empty((2, 2, half), np.float32)
    for draw in range(DRAWS):
        words = np.frombuffer(ssl.RAND_bytes(8 * half), dtype=np.uint32)
        radius, angle = words.astype(np.float32).reshape(2, half)
        if words[:half].min() < 2**12:  # the far tail, to more than 32 bits
            low = np.flatnonzero(words[:half] < 2**12)
            radius[low] = words[low] + uniform(len(low)) + 2.0**-53
        radius *= np.float32(2.0**-32)
        np.log(radius, out=radius)
        radius *= np.float32(-2 * spread**2 / DRAWS)
        np.sqrt(radius, out=radius)
        angle *= np.float32(2 * np.pi * 2.0**-32)
        pair = more if draw else total
        np.cos(angle, out=pair[0])
        np.sin(angle, out=pair[1])
        pair *= radius
        # one down and one up: to the nearest would be mostly even, as large floats end in halves
        (np.floor if draw else np.ceil)(pair, out=pair)
        if draw:
            total += pair
    return total.ravel()[:size]


def uniform(size: int) -> Floats:
    """`size` numbers in [0, 1) with 53 bits from the system's entropy."""
    words = np.frombuffer(os.urandom(8 * size), dtype=np.uint64)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(rows: int, columns: int) -> np.ndarray:
    """Standard normal numbers beside private rows, as 32-bit floats; not to hide a sum by.

    Torch's generator begins from 32 bits of its seed: whoever tried them all would know which
    numbers stood beside which row, and then that one row more had moved them along.
    """
    size = rows * columns
    drawn = _gaussians(max(1, size), FINE)[:size] / np.float32(FINE)
    return drawn.reshape(rows, columns)


def choose(scores: np.ndarray, epsilon: float, reach: float = 1.0) -> int:
    """The exponential mechanism: the place of a high score (McSherry and Talwar 2007).

    Scores far below the best are lifted to where their weight is 2^-30 of it: that changes by no
    more than `reach` either, and every whole-numbered weight is then exact to a float's 53 bits.

    Args:
        scores: (m,) each changed by one patient by at most `reach`.
        epsilon: range of the privacy loss, already charged.
        reach: by how much one patient changes a score.
    """
    exponent = epsilon / (2 * reach) * (np.asarray(scores, float) - np.max(scores))
    weights = np.exp(np.maximum(exponent, -30 * np.log(2)))
    ends = np.cumsum([int(w * 2.0**83) for w in weights], dtype=object)
    ticket = secrets.randbelow(int(ends[-1]))
    return int(next(i for i, end in enumerate(ends) if ticket < end))
