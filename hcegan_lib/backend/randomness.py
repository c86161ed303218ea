"""Random choices that depend on the seed and the step alone, so a resumed run repeats those of an unbroken one."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hcegan_lib.backend import parallel


def random_generator(seed: int, count: int, *, kind: int) -> torch.Generator:
    """Random generator for one purpose (`kind`) in one step or epoch (`count`), equal in all runs with this seed."""
    return torch.Generator().manual_seed((seed * 1_000_003 + count) * 3 + kind)


@contextmanager
def seeded_dropout(seed: int, step: int, device: str) -> Iterator[None]:
    """Seed the dropout of one step, differently in each process; restore torch's global generators afterwards."""
    kind = torch.device(device).type
    with torch.random.fork_rng(devices=[] if kind == "cpu" else [torch.device(device)], device_type=kind):
        torch.manual_seed(random_generator(seed, step, kind=2).initial_seed() + parallel.rank() * 2**48)
        yield
