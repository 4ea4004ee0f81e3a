"""Where networks are trained: the processor, which is the tested path, or a GPU by the same code.

Batches, noise and every generator of random numbers stay on the processor, and so do the weights
that are kept and drawn from: a step moves what it needs. So the processor's bytes are the same
whether or not there is a GPU; those of a GPU are its own, and not promised to repeat.
"""

from medsynai.errors import PlanError

DEVICES = AUTO, CPU, CUDA = ("auto", "cpu", "cuda")


def device_of(wanted: str) -> str:
    """`cpu` or `cuda`: what was asked for, or for `auto` the GPU if PyTorch sees one.

    Raises:
        PlanError: a device that is not there.
    """
    if wanted == CPU:
        return CPU
    there = _sees_cuda()
    if wanted == CUDA and not there:
        raise PlanError(
            "PyTorch sees no CUDA device on this machine: leave device at auto, or take cpu"
        )
    return CUDA if there else CPU


def _sees_cuda() -> bool:
    import torch  # a second: whoever names the processor does without

    return torch.cuda.is_available()
