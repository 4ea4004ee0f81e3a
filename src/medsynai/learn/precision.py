"""Convolutions in bfloat16 where the processor multiplies such numbers by itself."""

from functools import cache
from pathlib import Path

import torch

PROCESSOR = Path("/proc/cpuinfo")
FLAGS = ("amx_bf16", "avx512_bf16")


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
    return torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16())
