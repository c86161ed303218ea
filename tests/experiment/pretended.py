"""A Dask cluster that only pretends: it neither starts processes nor trains."""

import json
from pathlib import Path

from kits import stub_record


class Done:
    """A future that has ended."""

    status = "finished"

    def __init__(self, outcome):
        self.result = lambda: outcome

    def done(self):
        return True

    def cancelled(self):
        return False


class Client:
    """Every run leaves a record at once, except those in `failing`."""

    status = "running"

    def __init__(self):
        self.executed, self.failing = [], ()

    def submit(self, function, job, **options):
        folder = Path(job["folder"])
        self.executed.append(folder.name)
        errors = ["cell 4: NonFiniteLossError: d_loss became nan"] if folder.name in self.failing else []
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_text(json.dumps(job["made_from"]))
        if not errors:
            stub_record(folder, job["parameters"])
        return Done({"name": folder.name, "seconds": 1.0, "memory": 2.0, "errors": errors})

    def cancel(self, futures):
        assert futures == []
