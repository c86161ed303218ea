import json
from pathlib import Path

import nbformat
import pytest
from kits import act, runs_of

from hcegan_lib import train
from hcegan_lib.experiment import code_hash, made_from, worker


@pytest.fixture
def job(stub_kit, monkeypatch):
    """A run of the stub, as a batch sends it to a worker; this process is the worker."""
    monkeypatch.setattr(worker, "KIT_ROOT", stub_kit)
    folder = runs_of(stub_kit) / "mini-pix2pix-seed0"
    parameters = {"profile": "smoke", "grid": "grid", "model": "pix2pix", "data": "mini", "seed": 0}
    made = made_from(train.config("smoke"), "photos", code_hash())
    where = {"kit": str(stub_kit), "folder": str(folder)}
    return where | {"parameters": parameters, "made_from": made, "batch": "b", "key": "k"}


@pytest.mark.slow
def test_a_failed_run_keeps_its_notebook_and_its_traceback(job, stub_kit):
    act(stub_kit, "print('before'); {}['deep']")
    folder = Path(job["folder"])
    folder.mkdir(parents=True)
    (folder / "notebook.ipynb").write_text("of an earlier attempt")
    outcome = worker.execute(job)
    assert outcome["errors"] == ["cell 3: KeyError: 'deep'"]
    assert outcome["memory"] > 50
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    assert any("before" in str(cell.get("outputs")) for cell in notebook.cells)
    error = (folder / "error.txt").read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in error
    assert "\x1b[" not in error
    begun = json.loads((folder / "run.json").read_text())
    assert begun == job["made_from"] | {"batch": "b", "attempt": 1}

    act(stub_kit, "")
    assert worker.execute(job)["errors"] == []
    assert not (folder / "error.txt").exists()
    assert (folder / "record.json").exists()
    assert worker.attempts(folder, "b") == 2
    assert worker.attempts(folder, "another batch") == 0
    with pytest.raises(RuntimeError, match="its worker died twice"):
        worker.execute(job)


def test_a_worker_with_another_kit_or_other_code_refuses_the_run(job):
    with pytest.raises(ValueError, match=r"the worker uses the kit in .*, the batch /elsewhere"):
        worker.execute(job | {"kit": "/elsewhere"})
    with pytest.raises(ValueError, match="the library has changed since the batch began: start it again with --resume"):
        worker.execute(job | {"made_from": job["made_from"] | {"code": "old"}})
    assert not Path(job["folder"]).exists()
