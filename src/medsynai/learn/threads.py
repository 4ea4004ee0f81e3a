"""One thread for networks of rows: their steps are too small to share out."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch
from joblib import cpu_count
from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Found = TypeVar("Found")


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


def shared_out(work: Callable[[Part], Found], parts: Sequence[Part]) -> list[Found]:
    """What `work` makes of each part, in their order, no gradient behind it.

    As many parts at once as there are cores, each by one thread from beginning to end: none waits
    for another, and what is found does not hang on how many cores there are.
    """

    @torch.no_grad()  # holds in its own thread alone
    def one(part: Part) -> Found:
        return work(part)

    with one_thread(), ThreadPoolExecutor(min(cpu_count(), max(1, len(parts)))) as pool:
        return list(pool.map(one, parts))
