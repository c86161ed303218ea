"""One run on a Dask worker: the notebook `train_and_score` in its own process, supervised.

`execute` runs in the worker and starts the process `python -m hcegan_lib.experiment.worker JOB`. All functions that are
sent to workers are defined here because nothing here loads torch: so workers stay small.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend.files import read_json, write_atomically
from hcegan_lib.experiment.notebooks import Outcome, escape_braces, explain_failure, read_notebook, tracebacks
from hcegan_lib.experiment.provenance import code_hash
from hcegan_lib.experiment.supervise import Ended, end_with_parent, supervise, threads_per_run

NOTEBOOK = KIT_ROOT / "notebooks" / "train_and_score.ipynb"
UNFINISHED = ".notebook.ipynb"  # while it is being executed
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ATTEMPTS = 2  # how often a batch begins a run whose worker dies
WORKER_DIED = "its worker died twice"


class Unwanted(Exception):
    """The batch was stopped, or is gone."""


def execute(job: dict) -> dict:
    """Execute one run in a process of its own and return its `Outcome` as a dict.

    The job has kit and folder (paths), parameters (of the notebook), made_from (content of run.json), batch (its name)
    and key (of the Dask task). notebook.ipynb appears when the run has ended; after a failure, it shows how far the
    notebook came, and error.txt is beside it.

    Raises
    ------
    ValueError
        If this worker's kit or code differs from the batch's: the run would not be what its hash says.
    RuntimeError
        If this batch has begun the run before, and the worker died each time.
    Unwanted
        If nobody waits for the run any more.
    """
    if job["kit"] != str(KIT_ROOT):
        raise ValueError(f"the worker uses the kit in {KIT_ROOT}, the batch {job['kit']}: they must share one")
    if job["made_from"]["code"] != code_hash():
        raise ValueError("the library has changed since the batch began: start it again with --resume")
    folder = Path(job["folder"])
    attempt = attempts(folder, job["batch"]) + 1
    if attempt > ATTEMPTS:
        raise RuntimeError(WORKER_DIED)
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("error.txt", "notebook.ipynb", UNFINISHED):
        (folder / old).unlink(missing_ok=True)
    begun = job["made_from"] | {"batch": job["batch"], "attempt": attempt}
    write_atomically(folder / "run.json", json.dumps(begun, indent=1) + "\n")
    ended = _supervise(job)
    notebook = read_notebook(folder / UNFINISHED)
    found = explain_failure(notebook, ended.status, ended.log)
    if found:
        shown = tracebacks(notebook) if notebook else []
        write_atomically(folder / "error.txt", "\n".join([*found, "", *shown, ended.log]))
    if notebook:
        (folder / UNFINISHED).replace(folder / "notebook.ipynb")
    return asdict(Outcome(folder.name, ended.seconds, ended.memory, found))


def ignore_ctrl_c() -> None:
    """Let a worker survive a Ctrl-C, which a terminal sends to every process; the batch stops its workers in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def attempts(folder: Path, batch: str) -> int:
    """Count how often a batch has begun the run in a folder."""
    begun = read_json(folder / "run.json")
    return begun["attempt"] if begun.get("batch") == batch else 0


def _supervise(job: dict) -> Ended:
    kit = job["kit"]
    command = [sys.executable, "-m", "hcegan_lib.experiment.worker", json.dumps(job)]
    paths = [kit, *filter(None, [os.environ.get("PYTHONPATH")])]  # the kernel, too, imports the library from this kit
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | dict.fromkeys(THREADS, threads_per_run())
    # In a session of its own, the run does not receive the terminal's Ctrl-C; the batch stops its runs in order.
    options = {"cwd": kit, "env": environment, "start_new_session": True}
    return supervise(command, _stop_if_unwanted(job["key"]), **options)


def _stop_if_unwanted(key: str) -> Callable[[], None]:
    """Ask the scheduler once per second whether a batch still waits for the task with this key.

    Dask does not interrupt a running task. The scheduler drops it when its batch cancels it or disappears.
    """
    looks = itertools.count()

    def watch() -> None:
        if next(looks) % 5 == 0 and not _is_wanted(key):
            raise Unwanted

    return watch


def _is_wanted(key: str) -> bool:
    from distributed import get_client, get_worker

    try:
        address = get_worker().address
    except ValueError:  # not on a worker
        return True
    return key in get_client().processing([address])[address]


def main(job: dict) -> int:
    """Execute the notebook of one run."""
    end_with_parent()
    import papermill

    target = Path(job["folder"], UNFINISHED)
    paths = escape_braces(NOTEBOOK), escape_braces(target)
    options = {"cwd": str(NOTEBOOK.parent), "kernel_name": "python3", "progress_bar": False}
    try:
        papermill.execute_notebook(*paths, job["parameters"], **options)
    except papermill.PapermillExecutionError:
        return 1  # the notebook shows the error
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
