"""Train one model with several processes: each takes its share of every batch, and all share the same weights.

`torchrun` starts the processes, one per GPU (or a few on a CPU), on one or several machines. DistributedDataParallel
averages their gradients; this module splits the batches and computes batch norm over all processes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def find_device(wanted: str = "auto") -> str:
    """Pick the fastest available device ("auto"), or check that "cpu", "cuda" or "mps" is available.

    In process N of those that torchrun started on this machine, "cuda" becomes "cuda:N". If the device is missing, a
    ValueError lists the available ones.
    """
    available = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    kind = available[0] if wanted == "auto" else wanted.partition(":")[0]
    if kind not in available:
        raise ValueError(f"device {wanted!r} is not available; available: {', '.join(available)}")
    if kind == "cuda" and wanted in ("auto", "cuda") and "LOCAL_RANK" in os.environ:
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return kind if wanted == "auto" else wanted


@contextmanager
def process_group(device: str) -> Iterator[None]:
    """Join the processes that torchrun started; do nothing in a process that was started by hand."""
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    # DistributedDataParallel imports this module, whose functions take the default group as a default argument. If it
    # were imported while a group exists, they would keep the group and its threads alive, and a thread still working
    # while Python shuts down aborts the process ("terminate called without an active exception").
    import torch.distributed.nn.functional

    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    on_gpu = device.startswith("cuda")
    dist.init_process_group("nccl" if on_gpu else "gloo", device_id=torch.device(device) if on_gpu else None)
    yield
    # Not after an error: the error keeps the networks alive, and they would be the last to hold the group. Freed with
    # them, it would wait for its threads without releasing Python's lock, which those threads need to end.
    dist.destroy_process_group()


def world_size() -> int:
    """Count the processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def is_first() -> bool:
    """Whether this process writes the files of the run."""
    return rank() == 0


def barrier() -> None:
    """Wait until all processes get here."""
    if world_size() > 1:
        dist.barrier()


def check_batch_size(batch_size: int) -> None:
    """Raise ValueError if a batch cannot be split evenly among the processes."""
    if batch_size % world_size():
        raise ValueError(f"batch_size must be a multiple of the {world_size()} processes, got {batch_size}")


def split_batch(batch: Tensor) -> Tensor:
    """Take this process's part of a batch, (B, ...) -> (B / processes, ...)."""
    return batch.chunk(world_size())[rank()]


def mean_over_processes(row: dict[str, float], device: str) -> dict[str, float]:
    """Average a log row over the processes, so that all see the same curve and stop at the same NaN."""
    if world_size() == 1:
        return row
    return dict(zip(row, _mean(torch.tensor(list(row.values()), device=device)).tolist()))


def all_agree(number: int, device: str) -> bool:
    """Whether all processes have the same number."""
    if world_size() == 1:
        return True
    largest = torch.tensor([number, -number], device=device)
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    return largest[0].item() == -largest[1].item()


def distribute(network: nn.Module, device: str) -> nn.Module:
    """Return what to call in place of `network` to average gradients and batch norm's statistics over the processes."""
    if world_size() == 1:
        return network
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.forward = partial(batch_norm, layer)
    devices = [torch.device(device)] if device.startswith("cuda") else None
    # No buffers to send: `batch_norm` moves the running averages of all processes by the same amount.
    return DistributedDataParallel(network, devices, broadcast_buffers=False)


def batch_norm(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Normalize (B, C, H, W) with the statistics of all processes, so that 2 GPUs compute what 1 would.

    PyTorch's SyncBatchNorm does the same, but on GPUs only.
    """
    if not layer.training:
        return nn.BatchNorm2d.forward(layer, x)
    count = x.numel() // x.shape[1] * world_size()
    full = x.float()  # sum in float32, whatever the precision of x
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
    """Average a tensor over all processes; the gradient of the mean is the mean of the gradients."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """Return the mean to every process."""
        return _mean(x)

    @staticmethod
    def backward(ctx, d_mean: Tensor) -> Tensor:
        """Average the gradients: each process's loss depends on the x of all processes."""
        return _mean(d_mean)


def _mean(x: Tensor) -> Tensor:
    total = x.clone()
    dist.all_reduce(total)
    return total / world_size()
