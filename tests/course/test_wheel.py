"""The wheel, used without the clone: it sets up the course in a folder and never writes to where it is installed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the unpacked wheel, as pip would install it."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    assert wheel.stat().st_size < 40e6
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def call(installed):
    """Call `hcegan` of the wheel in a folder."""

    def call(*words, cwd):
        environment = os.environ | {"PYTHONPATH": str(installed)}
        command = [sys.executable, "-m", "hcegan_lib", *map(str, words)]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)

    return call


@pytest.fixture(scope="module")
def course(call, tmp_path_factory):
    """A folder that `hcegan start` has made."""
    above = tmp_path_factory.mktemp("started")
    run = call("start", "course", cwd=above)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "the course is in course; open it with: cd course && jupyter lab notebooks\n"
    return above / "course"


def contents(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_a_started_folder_holds_the_notebooks_and_data_of_the_repository(course):
    for folder, pattern in (("notebooks", "*.ipynb"), ("notebooks/grids", "*.yaml"), ("data/flowers/train", "*.jpg")):
        names = {path.name for path in (ROOT / folder).glob(pattern)}
        assert names
        assert {path.name for path in (course / folder).glob(pattern)} == names
    assert not (course / "data" / "raw").exists()


def test_the_course_runs_in_a_started_folder_and_leaves_the_installation_as_it_was(call, course, installed, tmp_path):
    before = contents(installed)
    grid = tmp_path / "tiny.yaml"
    grid.write_text("{profile: smoke, models: [pix2pix], data: [mini], seeds: [0]}", encoding="utf-8")
    for words in (
        ["doctor"],
        ["course", "--profile", "smoke", "--only", "01"],
        ["train", "--profile", "smoke", "--model", "pix2pix", "--data", "mini"],
        ["batch", grid, "--workers", "1"],
        ["verdict", "laptop", "--format", "short"],
    ):
        run = call(*words, cwd=course)
        assert run.returncode == 0, (words, run.stdout[-2000:], run.stderr[-2000:])
    photo = tmp_path / "photo.png"
    Image.new("RGB", (40, 30), (90, 120, 60)).save(photo)
    run = call("color", photo, "--output", tmp_path / "colored", cwd=course / "notebooks")
    assert run.returncode == 0, run.stderr
    assert len(list((tmp_path / "colored").iterdir())) == 1
    assert (course / "build" / "course" / "index.html").exists()
    assert list((course / "data" / "runs").rglob("record.json"))
    assert contents(installed) == before


def test_elsewhere_the_command_says_how_to_begin(call, tmp_path):
    run = call("train", "--profile", "smoke", "--model", "pix2pix", cwd=tmp_path)
    line = "hcegan: no course here: run hcegan start DIR, then cd into that folder\n"
    assert (run.returncode, run.stderr) == (2, line)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_is_not_started(call, course, tmp_path):
    (tmp_path / "mine.txt").touch()
    run = call("start", tmp_path, cwd=tmp_path)
    assert (run.returncode, "exists and is not an empty folder" in run.stderr) == (2, True)
    (tmp_path / "empty").mkdir()
    assert call("start", tmp_path / "empty", cwd=tmp_path).returncode == 0
    (tmp_path / "here").mkdir()
    assert call("start", ".", cwd=tmp_path / "here").returncode == 2
    assert not list(tmp_path.glob(".*part"))
    assert (tmp_path / "empty" / ".hcegan").is_file()


def test_a_clone_is_told_that_it_holds_the_course_already(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "hcegan_lib", "start", str(tmp_path / "x")], cwd=ROOT, capture_output=True, text=True
    )
    assert (run.returncode, "this is a clone, which holds the course already" in run.stderr) == (2, True)
