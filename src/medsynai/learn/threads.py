"""One thread for networks of rows: their steps are too small to share out."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """While this lasts, PyTorch and linear algebra use one thread; a decorator as well.

    Measured with `vae`, 150 steps on SUPPORT2, on two busy cores: 17 s with one thread and 100 s
    with two, which mostly wait for each other.
    """
    before = torch.get_num_threads()
    with threadpool_limits(limits=1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
