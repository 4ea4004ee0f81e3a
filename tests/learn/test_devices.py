"""A device that was asked for is honoured or refused, and the processor's bytes hang on none."""

import numpy as np
import pytest
import torch
from torch import nn

from medsynai.errors import PlanError
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.tune import Search, tune
from medsynai.learn import devices
from medsynai.learn.core import Batch, Phase, Update
from medsynai.learn.desk import Desk, at_desk, desk, trained_on
from medsynai.learn.devices import device_of
from medsynai.learn.job import Job, Pace
from medsynai.learn.loop import train
from medsynai.learn.mechanism import DpSgd, Plain
from medsynai.learn.nets.mlp import mlp
from medsynai.seeds import Seeds

ROWS = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))


def miss(modules, batch):
    return ((modules["guess"](batch.noise) - batch.real) ** 2).sum(1)


def job(mechanism=None) -> Job:
    phase = Phase((Update(("guess",), miss, True, lr=1e-2),), 12)
    nets = nn.ModuleDict({"guess": mlp(2, 8, 3, 1)})
    pace = Pace(batch=32, check=5)
    return Job(nets, (phase,), 2, pace, watched=miss, mechanism=mechanism or Plain())


@pytest.fixture
def moved(monkeypatch):
    """Where networks and batches were sent, of a machine that says it has a GPU; none leaves."""
    sent = {"networks": [], "batches": []}
    monkeypatch.setattr(devices, "_sees_cuda", lambda: True)
    monkeypatch.setattr(
        nn.ModuleDict, "to", lambda self, where: sent["networks"].append(where) or self
    )
    monkeypatch.setattr(Batch, "to", lambda self, where: sent["batches"].append(where) or self)
    return sent


@pytest.mark.parametrize(("asked", "taken"), [("auto", "cuda"), ("cuda", "cuda"), ("cpu", "cpu")])
def test_networks_and_every_batch_go_where_the_desk_says(asked, taken, moved):
    with at_desk(Desk(device=asked)):
        found = train(job(), ROWS, ROWS[:40], Seeds(1))
    assert moved["networks"] == [taken]
    assert len(moved["batches"]) >= 12 and set(moved["batches"]) == {taken}
    assert all(p.device.type == "cpu" for p in found.modules.parameters())


def test_a_noised_run_stays_on_the_processor(moved):
    noised = DpSgd(1.0, patients=np.arange(len(ROWS)), divisor=200.0)
    with at_desk(Desk(device="cuda")):
        train(job(noised), ROWS, ROWS[:0], Seeds(1))
    assert set(moved["networks"] + moved["batches"]) == {"cpu"}


def test_the_processor_gives_the_same_bytes_whether_it_is_named_or_found():
    runs = []
    for asked in ("auto", "cpu") if device_of("auto") == "cpu" else ("cpu", "cpu"):
        with at_desk(Desk(device=asked)):
            runs.append(train(job(), ROWS, ROWS[:40], Seeds(1)).modules.state_dict())
    assert all(torch.equal(runs[0][k], runs[1][k]) for k in runs[0])


@pytest.mark.parametrize("run", [make, lambda plan: tune(plan, Search(1.0))], ids=["make", "tune"])
def test_a_device_that_is_not_there_is_refused_before_a_file_is_read(run, monkeypatch):
    monkeypatch.setattr(devices, "_sees_cuda", lambda: False)
    assert device_of("auto") == "cpu"
    with pytest.raises(PlanError, match="no CUDA device"):
        run(Plan("nowhere.csv", model="vae", device="cuda"))


def test_a_device_of_no_known_name_is_refused():
    with pytest.raises(PlanError, match="auto, cpu, cuda"):
        Plan("some.csv", device="tpu")


def test_what_is_set_for_a_run_reaches_its_desk_and_no_further():
    with trained_on("cpu"):
        assert desk().device == "cpu"
    assert desk().device == "auto"
