import json
import os
import sys
import time
from dataclasses import asdict

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hcegan_lib import course
from hcegan_lib.course import execute

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PARAMETERS = "profile: str = 'tour'  # how large\nsteps: int = 3  # how many\nrate: float = 0.5  # how fast"
FAILING_WIDGETS = [
    "from ipywidgets import Output, VBox, interact",
    "@interact(a=(0, 3))\ndef show(a=1):\n    print('a is', a)\n    raise RuntimeError('nobody\\nsees me')",
    "out = Output()\ndisplay(VBox([VBox([out])]))\nwith out:\n    {}['deep']",
    "hidden = Output()\nwith hidden:\n    [].pop()",
]


def write_notebook(path, *cells, parameters=None):
    """Write a notebook: title and goal, an optional cell of parameters, then the code cells."""
    texts = [new_markdown_cell(f"# About {path.stem}\n\nSay **what** $x^2$ is.\n\nMore.")]
    tagged = [new_code_cell(parameters, metadata={"tags": ["parameters"]})] if parameters else []
    codes = [cell if isinstance(cell, dict) else new_code_cell(cell) for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=texts + tagged + codes, metadata=KERNEL), path)
    return path


@pytest.fixture
def folder(tmp_path):
    """A course that is planned but not run."""
    write_notebook(tmp_path / "00_start.ipynb", "1")
    write_notebook(tmp_path / "04_hinge.ipynb", "1", parameters=PARAMETERS)
    write_notebook(tmp_path / "10_end.ipynb", "1", parameters="steps: int = 9")
    write_notebook(tmp_path / "train_and_score.ipynb", "1", parameters="lonely: int = 1")
    return tmp_path


def names(jobs):
    return [path.stem for path in jobs]


def test_the_course_is_the_numbered_notebooks_in_order(folder):
    assert names(course.plan(folder)) == ["00_start", "04_hinge", "10_end"]


@pytest.mark.parametrize("word", ["4", "04", "04_hinge", "04_hinge.ipynb", "notebooks/04_hinge.ipynb"])
def test_a_notebook_is_chosen_by_number_or_name(folder, word):
    assert names(course.plan(folder, ["10", word])) == ["04_hinge", "10_end"]


def test_an_unknown_notebook_is_refused_with_the_closest_name(folder):
    with pytest.raises(
        ValueError, match=r"unknown notebook '04_hing', did you mean '04_hinge'\? valid: 00_start, 04_h"
    ):
        course.plan(folder, ["00", "04_hing"])
    with pytest.raises(ValueError, match="unknown notebook '1'; valid"):
        course.plan(folder, ["1"])  # neither 10 nor all that contain a 1


def test_a_folder_without_notebooks_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no notebook named like 00_title\.ipynb"):
        course.plan(tmp_path)


def test_a_parameter_goes_to_the_notebooks_that_declare_it(folder):
    jobs = course.plan(folder, parameters={"steps": "5", "rate": "1"})
    assert list(jobs.values()) == [{}, {"steps": "5", "rate": "1"}, {"steps": "5"}]


def test_a_misspelled_parameter_is_refused(folder):
    with pytest.raises(
        ValueError, match=r"unknown parameter 'stepz', did you mean 'steps'\? valid: profile, steps, rate"
    ):
        course.plan(folder, parameters={"stepz": "9"})


def test_a_parameter_that_only_other_notebooks_declare_is_refused(folder):
    with pytest.raises(ValueError, match=r"unknown parameter 'rate'.* valid: steps$"):
        course.plan(folder, ["10"], {"rate": "1"})
    with pytest.raises(ValueError, match="unknown parameter 'steps'; valid: none"):
        course.plan(folder, ["00"], {"steps": "1"})


@pytest.mark.parametrize(("name", "value"), [("steps", "many"), ("steps", "2.5"), ("steps", "True"), ("rate", "fast")])
def test_a_value_of_the_wrong_type_is_refused(folder, name, value):
    with pytest.raises(ValueError, match=f"parameter '{name}' must be of type .*, got '{value}'"):
        course.plan(folder, parameters={name: value})


def test_a_wrong_value_of_a_switch_is_refused_with_both_choices(tmp_path):
    write_notebook(tmp_path / "00_start.ipynb", "1", parameters="fresh: bool = False")
    with pytest.raises(ValueError, match="parameter 'fresh' must be True or False, got 'true'"):
        course.plan(tmp_path, parameters={"fresh": "true"})


def test_an_unknown_profile_is_refused_with_all_known_ones(folder):
    with pytest.raises(ValueError, match="'laptpo'") as refusal:
        course.plan(folder, parameters={"profile": "laptpo"})
    assert all(name in str(refusal.value) for name in ("smoke", "tour", "laptop", "paper"))
    assert course.plan(folder, ["04"], {"profile": "smoke"}) == {folder / "04_hinge.ipynb": {"profile": "smoke"}}


def test_a_half_written_notebook_has_no_finished_cells(tmp_path):
    path = write_notebook(tmp_path / "00_start.ipynb", "1", "2")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][0]["metadata"]["papermill"] = {"status": "completed"}
    notebook["cells"][1]["metadata"]["papermill"] = {"status": "running"}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert execute._finished_cells(path) == 1
    path.write_text(json.dumps(notebook)[:-5], encoding="utf-8")
    assert execute._finished_cells(path) == 0
    assert execute._finished_cells(tmp_path / "none.ipynb") == 0


# --- real runs, shared by all tests below -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run three notebooks in place, in a folder whose name has braces and a space."""
    folder = tmp_path_factory.mktemp("course") / "note {books}"
    write_notebook(
        folder / "00_fine.ipynb",
        "import os\nprint(os.path.basename(os.getcwd()))",
        "import time\nx = bytearray(150_000_000)",
        "time.sleep(5 * 0.2)\n2 + 2",
    )
    told = "print('steps', steps, type(steps).__name__)"
    write_notebook(folder / "01_fails.ipynb", told, "", "1 / 0", "x = 2", parameters=PARAMETERS)
    write_notebook(folder / "02_widgets.ipynb", *FAILING_WIDGETS)
    before = {path.stem: path.read_bytes() for path in folder.glob("*.ipynb")}
    seen = []
    output = folder.parent / "out"
    jobs = course.plan(folder, parameters={"steps": "5"})
    outcomes = list(course.run(jobs, output, in_place=True, watch=lambda *looked: seen.append(looked)))
    return {"folder": folder, "output": output, "outcomes": outcomes, "before": before, "seen": seen}


def executed(ran, name):
    return nbformat.read(ran["output"] / f"{name}.ipynb", as_version=4)


@pytest.mark.slow
def test_a_failure_does_not_stop_the_notebooks_after_it(ran):
    outcomes = {outcome.name: outcome.errors for outcome in ran["outcomes"]}
    assert list(outcomes) == ["00_fine", "01_fails", "02_widgets"]
    assert outcomes["00_fine"] == []
    assert outcomes["01_fails"] == ["cell 4: ZeroDivisionError: division by zero"]


@pytest.mark.slow
def test_a_notebook_runs_in_its_own_folder(ran):
    assert executed(ran, "00_fine").cells[1].outputs[0].text == "note {books}\n"


@pytest.mark.slow
def test_a_parameter_arrives_with_its_type(ran):
    (cell,) = [cell for cell in executed(ran, "01_fails").cells if cell.source.startswith("print")]
    assert cell.outputs[0].text == "steps 5 int\n"


@pytest.mark.slow
def test_errors_inside_widgets_are_found_although_papermill_reports_none(ran):
    notebook = executed(ran, "02_widgets")
    assert not notebook.metadata.papermill.exception
    assert not [o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    assert ran["outcomes"][2].errors == [
        "cell 2: RuntimeError: nobody sees me",
        "cell 3: KeyError: 'deep'",
        "a hidden widget: IndexError: pop from empty list",
    ]


@pytest.mark.slow
def test_time_and_memory_include_the_kernel(ran):
    fine, fails = ran["outcomes"][:2]
    assert fine.memory > fails.memory + 100
    assert 0.5 < fine.seconds < 120


@pytest.mark.slow
def test_the_watcher_sees_how_many_cells_are_finished(ran):
    assert {name for name, _ in ran["seen"]} == {outcome.name for outcome in ran["outcomes"]}
    assert max(cells for _, cells in ran["seen"]) >= 1


@pytest.mark.slow
def test_every_notebook_leaves_a_page_and_the_index_links_it(ran):
    index = (ran["output"] / "index.html").read_text(encoding="utf-8")
    for outcome in ran["outcomes"]:
        assert f'href="{outcome.name}.html"' in index
        assert f'href="{outcome.name}.ipynb"' in index
        assert f"About {outcome.name}</a>" in index
        assert f"About {outcome.name}" in (ran["output"] / f"{outcome.name}.html").read_text(encoding="utf-8")
    assert "cell 4: ZeroDivisionError: division by zero" in index
    assert index.count('class="failed"') == 2
    assert "<strong>what</strong> <math" in index
    assert "steps = 5" in index
    assert "<script" not in index
    left = {path.name for path in ran["output"].iterdir()}
    pages = {f"{outcome.name}.{kind}" for outcome in ran["outcomes"] for kind in ("html", "ipynb")}
    assert left == {"index.html", *pages}  # nothing temporary


@pytest.mark.slow
def test_in_place_stores_only_the_outputs_of_successful_notebooks(ran):
    after = {path.stem: path.read_bytes() for path in ran["folder"].glob("*.ipynb")}
    assert {name for name in after if after[name] != ran["before"][name]} == {"00_fine"}
    stored = nbformat.read(ran["folder"] / "00_fine.ipynb", as_version=4)
    original = nbformat.reads(ran["before"]["00_fine"].decode(), as_version=4)
    nbformat.validate(stored)
    assert [cell.execution_count for cell in stored.cells[1:]] == [1, 2, 3]
    assert [(cell.id, cell.source) for cell in stored.cells] == [(cell.id, cell.source) for cell in original.cells]
    assert stored.cells[3].outputs[0].data == {"text/plain": "4"}
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert all(dict(cell.metadata) == {} for cell in stored.cells)
    assert not [path for path in ran["folder"].iterdir() if path.suffix != ".ipynb"]


@pytest.mark.slow
def test_running_a_part_of_the_course_again_keeps_the_rows_of_the_rest(ran, tmp_path):
    for path in ran["output"].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write_notebook(tmp_path / "07_foreign.ipynb", "1")  # not executed by the course
    (tmp_path / "08_half.ipynb").write_text('{"cells": [', encoding="utf-8")
    (tmp_path / "01_fails.html").unlink()
    index = course.index(tmp_path)
    rows = [name for name in ("00_fine", "01_fails", "02_widgets", "07_foreign", "08_half") if name in index]
    assert rows == ["00_fine", "02_widgets"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_if_the_course_is_killed_its_kernel_ends_too_and_nothing_half_done_is_left(tmp_path):
    write_notebook(tmp_path / "00_long.ipynb", "import time\ntime.sleep(300)")
    code = (
        "import sys\nfrom pathlib import Path\nfrom hcegan_lib import course\n"
        "list(course.run(course.plan(Path(sys.argv[1])), Path(sys.argv[1], 'out')))"
    )
    process = psutil.Popen([sys.executable, "-c", code, tmp_path])
    while len(children := process.children(recursive=True)) < 2 or not files(tmp_path / "out"):
        assert process.poll() is None
        time.sleep(0.05)  # papermill, its kernel and its file
    process.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert files(tmp_path / "out") == {}


# --- folders that hold something else ---------------------------------------------------------------------------------


def files(folder):
    """Map each file in a folder to its content."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def write_executed(path, **changed):
    """Write a notebook as the course leaves it."""
    notebook = nbformat.read(write_notebook(path, "1"), as_version=4)
    notebook.metadata["hcegan"] = asdict(course.Outcome(path.stem, 1.0, 2.0)) | changed
    nbformat.write(notebook, path)
    path.with_suffix(".html").touch()
    return path


def test_the_notebooks_themselves_are_not_replaced_by_their_executed_copies(folder):
    before = files(folder)
    with pytest.raises(ValueError, match=r"00_start\.ipynb was not written by `hcegan course`: choose a different"):
        course.run(course.plan(folder), folder)
    assert files(folder) == before


@pytest.mark.parametrize("name", ["index.html", "04_hinge.ipynb", "04_hinge.html"])
def test_a_file_that_the_course_did_not_write_is_not_replaced(name, folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=f"{name} was not written by `hcegan course`"):
        course.run(course.plan(folder), tmp_path / "out")


def test_what_the_course_has_written_is_replaced(folder, tmp_path):
    output = tmp_path / "out"
    write_executed(output / "04_hinge.ipynb")
    (output / "index.html").write_text(course.index(output), encoding="utf-8")
    course.run(course.plan(folder), output)


@pytest.mark.parametrize("changed", [{"seconds": "long"}, {"colour": 1}, {"errors": 3}])
def test_an_executed_notebook_with_changed_metadata_is_named(changed, tmp_path):
    path = write_executed(tmp_path / "04_hinge.ipynb", **changed)
    with pytest.raises(ValueError, match=f"{path} cannot be read"):
        course.index(tmp_path)
