"""A Dask cluster that only pretends: it neither starts processes nor trains."""

import json
import os
from pathlib import Path

from distributed import KilledWorker
from kits import stub_record

from hcegan_lib.experiment.worker import attempts


class Done:
    """A future that has ended."""

    status = "finished"

    def __init__(self, outcome):
        self.result = lambda: outcome

    def done(self):
        return True

    def cancelled(self):
        return False


class Killed(Done):
    """A future whose worker died."""

    status = "error"

    def exception(self):
        return KilledWorker("task", None, 0)


class Client:
    """Every run leaves a record at once, except in four cases.

    Runs in `failing` fail, those in `deadly` kill their worker as often as it says, those in `signaled` send this
    process a signal, and the scheduler is gone when the run `lost` is submitted.
    """

    status = "running"

    def __init__(self):
        self.executed, self.failing, self.deadly, self.signaled, self.lost = [], (), {}, {}, None

    def submit(self, function, job, **options):
        folder = Path(job["folder"])
        self.executed.append(folder.name)
        if folder.name in self.signaled:
            os.kill(os.getpid(), self.signaled[folder.name])
        if folder.name == self.lost:
            self.status = "closed"
            return Done(None)
        attempt = attempts(folder, job["batch"]) + 1
        if attempt <= self.deadly.get(folder.name, 0):
            folder.mkdir(parents=True, exist_ok=True)
            begun = job["made_from"] | {"batch": job["batch"], "attempt": attempt}
            (folder / "run.json").write_text(json.dumps(begun))
            return Killed(None)
        errors = ["cell 4: NonFiniteLossError: d_loss became nan"] if folder.name in self.failing else []
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(job["made_from"]))
        (folder / "error.txt").unlink(missing_ok=True)
        (folder / "notebook.ipynb").touch()
        if not errors:
            stub_record(folder, job["parameters"])
        return Done({"name": folder.name, "seconds": 1.0, "memory": 2.0, "errors": errors})

    def cancel(self, futures):
        pass
