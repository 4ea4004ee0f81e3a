"""What contract tests of all kinds of data share."""

import pytest
from torch import Generator, Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from medsynai.learn import codes, fitted, images
from medsynai.learn.mechanism import Plain


class Caught(Exception):
    """A job, in place of its training."""


class OneDevice(TorchFunctionMode):
    """Refuses what a GPU would: tensors of two devices in one operation, single numbers apart."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        tensors = [x for x in tree_leaves((args, kwargs or {})) if isinstance(x, Tensor)]
        found = {x.device for x in tensors if x.dim()}
        assert len(found) < 2, f"{getattr(func, '__name__', func)} of tensors of {found}"
        return func(*args, **kwargs or {})


@pytest.fixture
def learns_elsewhere(monkeypatch):
    """Ask that every loss of a fit is worked out where its networks and batch are.

    On PyTorch's `meta` device nothing is computed, and a look at a number is refused. Gives the
    devices on which slopes were found.
    """

    def caught(job, rows, *rest):
        raise Caught(job, rows)

    for home in (codes, fitted, images):
        monkeypatch.setattr(home, "train", caught)

    def asked(fit) -> set[str]:
        with pytest.raises(Caught) as found:
            fit()
        job, rows = found.value.args
        batch = Plain().batch(job, rows, Generator().manual_seed(0)).to("meta")
        modules = job.modules.to("meta")
        found_on = set()
        for update in (u for phase in job.phases for u in phase.updates):
            with OneDevice():
                Plain().gradients(update.at(0), modules, update.trains, batch)
            slopes = [p.grad for name in update.trains for p in modules[name].parameters()]
            found_on |= {"nowhere" if x is None else x.device.type for x in slopes}
        return found_on

    return asked
