"""Networks in bfloat16 where the processor multiplies such numbers by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import torch

PROCESSOR = Path("/proc/cpuinfo")
FLAGS = ("amx_bf16", "avx512_bf16")
EXACT: ContextVar[bool] = ContextVar("exact", default=False)


@cache
def multiplies_bfloat16() -> bool:
    """Whether the processor says so (Linux alone tells it); its flags, never a clock, decide.

    A clock would let the same seeds give other bytes from one run to the next.
    """
    try:
        flags = set(PROCESSOR.read_text(encoding="utf-8").split())
    except OSError:
        return False
    return any(flag in flags for flag in FLAGS)


def brisk() -> torch.autocast:
    """While this lasts, layers work in bfloat16 where that is quicker; weights stay as they are.

    Each network opens its own, so that no weight rounded without a gradient is taken for another.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16() and not EXACT.get())


@contextmanager
def exact() -> Iterator[None]:
    """While this lasts nothing is `brisk`: for what is clipped to a norm."""
    before = EXACT.set(True)
    try:
        yield
    finally:
        EXACT.reset(before)


@contextmanager
def brisk_products(wanted: bool) -> Iterator[None]:
    """While this lasts, matrices of float32 are rounded to bfloat16 on their way into a product.

    Sums and all other work stay in float32, so no layer has to say where it rounds; where `brisk`
    rounds tensors of its own, small networks lose in rounding what they gain in products. Not for
    what is clipped to a norm: a bound has to hold to the last digit.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if wanted and multiplies_bfloat16() else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
