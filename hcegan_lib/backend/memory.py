"""Turn an out-of-memory error into advice."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


class OutOfMemoryError(RuntimeError):
    """Training does not fit into memory; the message names settings that need less."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means that memory is full. PyTorch has a type for it on a GPU, but only a message on a CPU."""
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


@contextlib.contextmanager
def explain_out_of_memory(settings: Any, device: str) -> Iterator[None]:
    """Replace an out-of-memory error by one that names which of a TrainConfig's settings to change, best first."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        smaller = []
        if settings.batch_size > 1:
            smaller.append(f"batch_size={settings.batch_size // 2}")
        if settings.gamma_init is not None:
            smaller.append("attend_max_positions=4096 (attention on maps of up to 64 x 64 only)")
        if settings.precision == "float32":
            smaller.append("precision=bfloat16")
        smaller.append(f"base_channels={max(1, settings.base_channels // 2)}")
        message = f"training does not fit into the memory of {device}; try one of {', '.join(smaller)}"
        raise OutOfMemoryError(message) from None
