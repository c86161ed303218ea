import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from hcegan_lib import cli, course, data
from hcegan_lib.course import handout
from hcegan_lib.experiment import records
from tests.cli.calls import KERNEL

SMOKE = ["--profile", "smoke", "--set", "batch_size=4", "--set", "epochs=1"]


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """A kit with two small notebooks, so that no command touches the real kit."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    monkeypatch.setattr(course, "NOTEBOOKS", notebooks)
    monkeypatch.setattr(course, "OUTPUT", tmp_path / "build" / "course")
    monkeypatch.setattr(handout, "STUDENT", tmp_path / "build" / "student")
    monkeypatch.chdir(tmp_path)
    for name, code in {"00_start": "profile: str = 'tour'  # size", "08_train": "steps: int = 2  # how many"}.items():
        cell = new_code_cell(code, metadata={"tags": ["parameters"]})
        nbformat.write(new_notebook(cells=[cell], metadata=KERNEL), notebooks / f"{name}.ipynb")
    return tmp_path


@pytest.fixture
def photos(kit, monkeypatch):
    """A folder of ten small photographs, in a kit that also has its own cache and runs."""
    monkeypatch.setattr(data, "KIT_ROOT", kit)
    monkeypatch.setattr(records, "RUNS", kit / "runs")
    folder = kit / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(10):
        Image.fromarray(random.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def trained(photos, kit, capsys):
    """A run of two steps: its folder, what the command printed, and the command."""
    (photos / "broken.png").write_bytes(b"not a picture")
    Image.new("RGB", (40, 40), "gray").save(photos / "gray.png")
    words = ["train", "--model", "SA'+Hinge+BCE", "--data", str(photos), "--seed", "3", "--device", "cpu", *SMOKE]
    assert cli.main(words) == 0
    return kit / "runs" / "smoke" / "photos-SAp+Hinge+BCE-seed3", capsys.readouterr(), words
