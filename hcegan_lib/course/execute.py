"""The course from the command line: execute the notebooks in order, each in its own process, and write pages.

A notebook has failed if papermill says so or if any output shows an error. The outputs of widgets count too: an
exception in a callback appears only in its widget, and papermill reports success.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import nbformat

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend.files import read_json, write_atomically
from hcegan_lib.backend.messages import did_you_mean
from hcegan_lib.course.contents import NUMBERED, index, is_own
from hcegan_lib.course.pages import page
from hcegan_lib.course.stored import golden, save_figures
from hcegan_lib.experiment.notebooks import Outcome, errors, escape_braces, explain_failure, read_notebook
from hcegan_lib.experiment.supervise import supervise, threads_per_run

__all__ = ["NOTEBOOKS", "OUTPUT", "Outcome", "errors", "plan", "run"]

NOTEBOOKS = KIT_ROOT / "notebooks"
OUTPUT = KIT_ROOT / "build" / "course"
KINDS = {"int": (int,), "float": (int, float), "bool": (bool,)}  # annotation -> types that a value may have


def plan(
    folder: Path, only: Iterable[str] | None = None, parameters: Mapping[str, str] | None = None
) -> dict[Path, dict[str, str]]:
    """Choose the notebooks of a folder to run, in order, and map each to its parameters.

    `only` are numbers or names of notebooks; None means all whose names begin with two digits. `parameters` are values
    as papermill's command line takes them; each goes to the notebooks that declare it. ValueError if a notebook,
    parameter or profile is unknown or a value has the wrong type: papermill would only warn, run with the defaults and
    report success.
    """
    notebooks = _select(folder, only)
    if not parameters:
        return {path: {} for path in notebooks}
    from papermill import inspect_notebook  # slow to import, and needed only for parameters

    declared = {path: inspect_notebook(escape_braces(path)) for path in notebooks}
    for name, value in parameters.items():
        _check_parameter(name, value, list(declared.values()))
    return {path: {name: parameters[name] for name in parameters if name in declared[path]} for path in notebooks}


def run(
    jobs: Mapping[Path, Mapping[str, str]],
    output: Path,
    *,
    in_place: bool = False,
    watch: Callable[[str, int], None] = lambda name, cells: None,
) -> Iterator[Outcome]:
    """Run notebooks one after the other and yield how each ended; a failure does not stop those after it.

    Each notebook leaves its executed copy and a page in `output`, where index.html links everything run so far.

    Parameters
    ----------
    jobs
        From `plan`.
    output
        Folder for the results; created if missing. ValueError if it holds other files that would be replaced.
    in_place
        Also store the outputs of each notebook that succeeded in the notebook itself, as `golden` leaves them, and save
        its figures in the folder ``figures`` next to that of the notebooks.
    watch
        Called several times per second with the running notebook's name and the number of its finished cells. If it
        raises (Ctrl-C, for example), the running notebook is stopped; finished ones are kept.
    """
    output.mkdir(parents=True, exist_ok=True)
    for path in [output / "index.html", *(output / source.name for source in jobs)]:
        if path.exists() and not is_own(path):
            raise ValueError(f"{path} was not written by `hcegan course`: choose a different --output")
    for source in jobs:
        page_of_it = output / f"{source.stem}.html"
        if page_of_it.exists() and not (output / source.name).exists():
            raise ValueError(f"{page_of_it} was not written by `hcegan course`: choose a different --output")
    index(output)  # refuses damaged notebooks of earlier runs before the first one runs
    return _run(jobs, output, in_place, watch)


def _run(
    jobs: Mapping[Path, Mapping[str, str]], output: Path, in_place: bool, watch: Callable[[str, int], None]
) -> Iterator[Outcome]:
    for source, parameters in jobs.items():
        running = output / f"{source.stem}.running.ipynb"
        try:
            outcome = _execute(source, running, dict(parameters), watch)
            notebook = read_notebook(running) or nbformat.read(source, as_version=4)
        finally:
            running.unlink(missing_ok=True)
        notebook.metadata["hcegan"] = asdict(outcome)
        write_atomically(output / f"{source.stem}.ipynb", nbformat.writes(notebook) + "\n")
        write_atomically(output / f"{source.stem}.html", page(notebook, source.parent, output))
        write_atomically(output / "index.html", index(output))
        if in_place and not outcome.errors:
            stored = golden(notebook)
            write_atomically(source, nbformat.writes(stored) + "\n")
            save_figures(stored, source.parent.parent / "figures")
        yield outcome


def _select(folder: Path, only: Iterable[str] | None) -> list[Path]:
    notebooks = {path.stem: path for path in sorted(folder.glob(NUMBERED))}
    if not notebooks:
        raise ValueError(f"no notebook named like 00_title.ipynb in {folder}: run the course from a clone of the kit")
    chosen = set(notebooks) if only is None else set()
    for name in only or []:
        wanted = Path(name).stem
        found = {stem for stem in notebooks if wanted == stem or wanted.zfill(2) == stem[:2]}
        if not found:
            raise ValueError(f"unknown notebook {name!r}{did_you_mean(wanted, notebooks)}")
        chosen |= found
    return [path for stem, path in notebooks.items() if stem in chosen]


def _check_parameter(name: str, value: str, declared: list[dict]) -> None:
    from papermill.cli import _resolve_type  # how papermill's command line reads a value

    kinds = [parameters[name]["inferred_type_name"] for parameters in declared if name in parameters]
    if not kinds:
        names = dict.fromkeys(name for parameters in declared for name in parameters)
        raise ValueError(f"unknown parameter {name!r}{did_you_mean(name, names)}")
    for kind in kinds:
        if kind in KINDS and type(_resolve_type(value)) not in KINDS[kind]:
            wanted = "True or False" if kind == "bool" else f"of type {kind}"
            raise ValueError(f"parameter {name!r} must be {wanted}, got {value!r}")
    if name == "profile":
        from hcegan_lib import train  # loads torch, which nothing else here needs

        train.config(value)


def _execute(source: Path, target: Path, parameters: dict[str, str], watch: Callable[[str, int], None]) -> Outcome:
    command = [sys.executable, "-m", "hcegan_lib.course.engine", "--supervised", *map(escape_braces, (source, target))]
    command += ["--cwd", str(source.parent), "--kernel", "python3", "--no-progress-bar"]
    for name, value in parameters.items():
        command += ["-p", name, value]
    done = 0

    def look() -> None:
        nonlocal done
        done = max(done, _finished_cells(target))  # a half-written file counts none
        watch(source.stem, done)

    ended = supervise(command, look, env=os.environ | {"OMP_NUM_THREADS": threads_per_run()})
    found = explain_failure(read_notebook(target), ended.status, ended.log)
    return Outcome(source.stem, ended.seconds, ended.memory, found, parameters)


def _finished_cells(path: Path) -> int:
    """Count finished cells in the file that papermill writes after each cell; 0 if it is missing or half-written."""
    cells = read_json(path).get("cells", [])
    return sum(cell["metadata"].get("papermill", {}).get("status") == "completed" for cell in cells)
