"""Work shared out over threads."""

import threading
import time

import pytest
import torch
from torch import Tensor, nn

from medsynai.learn import threads
from medsynai.learn.threads import shared_out


def test_parts_are_worked_on_at_once_and_come_back_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "cpu_count", lambda: 3)
    together = threading.Barrier(3)  # breaks unless three parts are under way at once

    def work(part: int) -> int:
        together.wait(60)
        time.sleep((2 - part % 3) / 100)
        return part

    assert shared_out(work, range(6)) == list(range(6))


def test_each_part_keeps_to_one_thread_and_has_no_gradient() -> None:
    layer, before = nn.Linear(2, 2), torch.get_num_threads()

    def work(part: int) -> tuple[int, Tensor]:
        return torch.get_num_threads(), layer(torch.ones(1, 2))

    for count, found in shared_out(work, range(3)):
        assert count == 1
        assert not found.requires_grad
    assert torch.get_num_threads() == before
