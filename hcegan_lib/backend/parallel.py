"""Several processes train one model: each takes its share of every batch, and all end a step with the same weights.

`torchrun` starts the processes, one a GPU (or a few on a CPU), on one machine or several. DistributedDataParallel
averages their gradients. What is left to do by hand: the shares, batch norm over all of them, and one writer of files.
"""

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
from filelock import FileLock, Timeout
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what file systems without locks say


@contextmanager
def together(device: str) -> Iterator[None]:
    """Join the processes that torchrun started; do nothing in a process that was started alone.

    Parameters
    ----------
    device
        Where this process trains: "cpu", "cuda:N" or "mps".
    """
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    # DistributedDataParallel loads this module, whose functions have the group of all processes as a default value.
    # Loaded once there is a group, they would keep it for good: its threads would outlive destroy_process_group, and
    # one still at work while Python shuts down aborts the process ("terminate called without an active exception").
    import torch.distributed.nn.functional

    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    yield
    # Left out after an error. It holds the networks, and they would be the last to hold the group: freed with it, they
    # would wait for the group's threads without letting go of Python, which those threads need to end.
    dist.destroy_process_group()


def size() -> int:
    """Count the processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Tell the place of this process among them, from 0."""
    return dist.get_rank() if size() > 1 else 0


def is_first() -> bool:
    """Tell whether this process writes the files of the run."""
    return rank() == 0


def wait() -> None:
    """Wait for the others."""
    if size() > 1:
        dist.barrier()


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Keep all others out of a folder; the first process of a training does so for its companions.

    Parameters
    ----------
    folder
        Made when missing.
    what
        Is done there, such as "training".

    Raises
    ------
    ValueError
        If another process has the folder. The system frees it when that process ends, however it ends.

    Warns
    -----
    UserWarning
        If the folder is on a file system that has no locks.
    """
    if not is_first():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(FileLock(folder / ".lock", timeout=0))
        except Timeout:
            raise ValueError(f"another {what} is at work in {folder}: wait for it, or stop it") from None
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in NO_LOCKS:
                raise
            warnings.warn(f"{folder} cannot be locked: see to it that no other {what} is at work there", stacklevel=3)
        yield


def share(batch: Tensor) -> Tensor:
    """Take this process's part of a batch, (B, ...) -> (B / processes, ...)."""
    return batch.chunk(size())[rank()]


def mean(row: dict[str, float], device: str) -> dict[str, float]:
    """Average the numbers of a log row over the processes, so that all of them see one curve, and one NaN."""
    if size() == 1:
        return row
    return dict(zip(row, _mean(torch.tensor(list(row.values()), device=device)).tolist()))


def agree(number: int, device: str) -> bool:
    """Tell whether all processes have the same number."""
    if size() == 1:
        return True
    largest = torch.tensor([number, -number], device=device)
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest[0].item() == -largest[1].item()


def spread(network: nn.Module, device: str) -> nn.Module:
    """Make a network average its gradients, and the statistics of its batch norm, over the processes.

    Parameters
    ----------
    network
        With the same weights in each process.
    device
        Where it is.

    Returns
    -------
    nn.Module
        To call in place of `network`, which holds the weights; `network` itself where there is one process.
    """
    if size() == 1:
        return network
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.forward = partial(batch_norm, layer)
    return DistributedDataParallel(network, [torch.device(device)] if device.startswith("cuda") else None)


def batch_norm(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Normalize over the photographs of all processes, (B, C, H, W), where `layer` alone would take its own.

    Notes
    -----
    With one photograph a process, as at the paper's batch of 1, a mean over a process's own share would be another
    model: 2 GPUs would not compute what 1 computes. PyTorch's SyncBatchNorm does the same, on GPUs only.
    """
    if not layer.training:
        return nn.BatchNorm2d.forward(layer, x)
    count = x.numel() // x.shape[1] * size()
    full = x.float()  # sums are taken in float32, whatever the precision of x
    mean = MeanOverProcesses.apply(full.mean(dim=(0, 2, 3), keepdim=True))  # (1, C, 1, 1)
    centered = full - mean
    variance = MeanOverProcesses.apply(centered.square().mean(dim=(0, 2, 3), keepdim=True))
    with torch.no_grad():
        layer.num_batches_tracked += 1
        layer.running_mean.lerp_(mean.flatten(), layer.momentum)
        layer.running_var.lerp_(variance.flatten() * count / (count - 1), layer.momentum)
    weight, bias = layer.weight.view(1, -1, 1, 1), layer.bias.view(1, -1, 1, 1)
    return (centered * (variance + layer.eps).rsqrt() * weight + bias).to(x.dtype)


class MeanOverProcesses(torch.autograd.Function):
    """Average a tensor over all processes; the gradient of a mean is the mean of the gradients."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """Give every process the mean."""
        return _mean(x)

    @staticmethod
    def backward(ctx, d_mean: Tensor) -> Tensor:
        """Every process's loss depends on every process's x."""
        return _mean(d_mean)


def _mean(x: Tensor) -> Tensor:
    total = x.clone()
    dist.all_reduce(total)
    return total / size()
