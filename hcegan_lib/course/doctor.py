"""Checks whether this machine can run the course, and says what to do where it cannot."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from hcegan_lib import KIT_ROOT

MEMORY, DISK = 3.0, 2.0  # GB (10^9 bytes) that a notebook and a batch of runs need


class Finding(NamedTuple):
    """What a check found."""

    ok: bool
    name: str
    text: str  # what is there, or what to do


def findings() -> Iterator[Finding]:
    """Yield one finding per check; a check that fails in an unexpected way is a finding too."""
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            yield Finding(False, check.__name__.strip("_"), f"{text}; install the kit again")


def _python() -> Finding:
    new = sys.version_info >= (3, 11)
    here = f"{platform.python_version()} in {sys.prefix}"
    return Finding(new, "Python", here + "; the kit needs 3.11 or newer" * (not new))


def _torch() -> Finding:
    import torch
    import torchvision

    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)  # fails if the two builds do not fit together
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    return Finding(True, "PyTorch", f"torch {torch.__version__} ({build}), torchvision {torchvision.__version__}")


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        found = ", ".join(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count()))
    elif torch.backends.mps.is_available():
        found = "Apple GPU (mps)"
    else:
        found = f"no GPU that PyTorch can use; {os.cpu_count()} CPU cores are enough for the course"
    return Finding(True, "device", found)


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available / 1e9
    advice = f"; close other programs: a notebook needs {MEMORY:.0f} GB" * (free < MEMORY)
    return Finding(free >= MEMORY, "memory", f"{free:.1f} GB free{advice}")


def _disk() -> Finding:
    free = shutil.disk_usage(KIT_ROOT).free / 1e9
    advice = f"; free some: runs need up to {DISK:.0f} GB" * (free < DISK)
    return Finding(free >= DISK, "disk", f"{free:.1f} GB free in {KIT_ROOT}{advice}")


def _writing() -> Finding:
    try:
        with tempfile.TemporaryFile(dir=KIT_ROOT):
            return Finding(True, "writing", f"files can be written to {KIT_ROOT}")
    except OSError as error:
        return Finding(False, "writing", f"{error.strerror} in {KIT_ROOT}: copy the kit to a folder of your own")


def _kernel() -> Finding:
    from jupyter_client.kernelspec import KernelSpecManager

    command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    own = command == "python" or Path(command).resolve() == Path(sys.executable).resolve()
    advice = f"; it starts {command}, not the Python of the kit: run `python -m ipykernel install --sys-prefix`"
    return Finding(own, "kernel", f"ipykernel {version('ipykernel')}" + advice * (not own))


def _widgets() -> Finding:
    names = ("jupyterlab", "ipywidgets", "jupyterlab_widgets", "anywidget")
    return Finding(True, "widgets", ", ".join(f"{name} {version(name)}" for name in names))


def _fonts() -> Finding:
    from matplotlib import font_manager

    path = font_manager.findfont("DejaVu Sans", fallback_to_default=False)  # ValueError if there is none
    return Finding(True, "fonts", Path(path).name)


def _data() -> Finding:
    missing = [name for name in ("notebooks", "data/mini", "data/flowers") if not (KIT_ROOT / name).is_dir()]
    advice = f"{', '.join(missing)} missing in {KIT_ROOT}: use a clone of the kit, and install it with pip install -e ."
    return Finding(not missing, "kit", advice if missing else f"notebooks and photographs in {KIT_ROOT}")


CHECKS: tuple[Callable[[], Finding], ...] = (
    *(_python, _torch, _device, _memory, _disk),
    *(_writing, _kernel, _widgets, _fonts, _data),
)
