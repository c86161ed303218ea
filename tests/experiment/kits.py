"""Kits in which batches can run without touching the real one, and the processes that tests start in them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import yaml
from nbformat.v4 import new_code_cell, new_notebook

from hcegan_lib.experiment import read_grid
from hcegan_lib.experiment.worker import NOTEBOOK

ROOT = Path(__file__).parents[2]
MINIMAL = {"profile": "smoke", "models": ["pix2pix"], "data": ["mini"], "seeds": [0, 1, 2]}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
TIMEOUT = 240  # seconds until a test gives up waiting
STARTED = []  # processes of the running test

# A notebook that takes a second: it does what action.py says, then writes a record with one photograph.
STUB = """
import json, os, signal, sys, time
from pathlib import Path
import psutil
worker = psutil.Process().parent().parent()  # kernel <- papermill <- worker
folder = Path("..", "data", "runs", grid, f"{data}-{model}-seed{seed}")
exec(Path("..", "action.py").read_text())
"""
STUB_RECORD = """
row = {"file": "a.png", "psnr": 20.0 + seed, "ssim": 0.5, "colorfulness": 1.0, "true_colorfulness": 2.0}
(folder / "rendered.png").touch()
record = {"model": model, "settings": {"seed": seed}, "data": {"name": data}, "scores": [row], "gray copy": [row]}
(folder / "record.json").write_text(json.dumps(record | {"curves": [{"epoch": 1}], "pictures": ["a.png"]}))
"""
WAIT_FOREVER = "(folder / 'here').touch(); time.sleep(600)"


def make_kit(folder, cache, notebook=None):
    """Copy what a batch needs; the photographs and their cache are shared."""
    shutil.copytree(ROOT / "hcegan_lib", folder / "hcegan_lib")
    (folder / "notebooks").mkdir()
    nbformat.write(notebook or nbformat.read(NOTEBOOK, as_version=4), folder / "notebooks" / NOTEBOOK.name)
    link_photos(folder, cache)
    return folder


def link_photos(folder, cache):
    (folder / "data").mkdir()
    (folder / "data" / "mini").symlink_to(ROOT / "data" / "mini", target_is_directory=True)
    (folder / "data" / "cache").symlink_to(cache, target_is_directory=True)


def make_stub_kit(folder, cache, action=""):
    """Make a kit whose notebook is the stub, with a grid of three runs."""
    parameters = new_code_cell(parameters_cell().source, metadata={"tags": ["parameters"]})
    cells = [parameters, new_code_cell(STUB), new_code_cell(STUB_RECORD)]
    make_kit(folder, cache, new_notebook(cells=cells, metadata=KERNEL))
    write_grid(folder)
    act(folder, action)
    return folder


def parameters_cell():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    return next(cell for cell in cells if cell.metadata.get("tags") == ["parameters"])


def write_grid(folder, text=None, **changed):
    """Write grid.yaml: the given text, or the minimal grid with some keys changed."""
    path = folder / "grid.yaml"
    path.write_text(yaml.safe_dump(MINIMAL | changed) if text is None else text, encoding="utf-8")
    return path


def grid_of(folder, text=None, **changed):
    return read_grid(write_grid(folder, text, **changed))


def act(folder, code):
    """Set what the stub does."""
    (folder / "action.py").write_text(code, encoding="utf-8")


def stub_record(folder, parameters):
    exec(STUB_RECORD, {"json": json, "folder": folder, **parameters})


def start(folder, *words, started=STARTED):
    """Start a Python module. Ctrl-C can reach it even if the tests run in the background of a shell."""
    process = psutil.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    started.append(process)
    return process


def start_batch(folder, *words):
    return start(folder, "hcegan_lib", "batch", *words)


def finish(process):
    """Wait for the end of a batch; return exit status, standard output and standard error."""
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


def wait_for(condition, process=None):
    """Wait until a condition is true, but not for a process that has ended."""
    end = time.monotonic() + TIMEOUT
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)
    return found


def tree_of(process):
    """List a process and its descendants; an empty list if it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def kill(tree):
    """Send kill -9 to all of them at once."""
    for process in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(tree, timeout=TIMEOUT)


def alive(processes):
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def runs_of(folder, grid="grid"):
    return folder / "data" / "runs" / grid


def at_work(folder, count):
    """Whether this many runs of a stub kit have reached WAIT_FOREVER."""
    return lambda: len(list(runs_of(folder).glob("*/here"))) == count


def recorded(folder):
    """Record of each finished run: its bytes, and when it was written."""
    return {p.parent.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in runs_of(folder).glob("*/record.json")}


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
