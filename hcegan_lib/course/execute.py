"""The course from the command line: the notebooks in order, each in a process of its own, and a page that lists them.

A notebook has failed when papermill says so or when an error stands in its outputs. The second is looked for in the
widgets too: what a callback raises is shown by its widget, and papermill reports success.
"""

import contextlib
import copy
import difflib
import html
import json
import os
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
import psutil
from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

from hcegan_lib import KIT_ROOT
from hcegan_lib.course.pages import heading, markdown, page, widget_models, widget_outputs, widget_state

NOTEBOOKS = KIT_ROOT / "notebooks"
OUTPUT = KIT_ROOT / "build" / "course"

NUMBERED = "[0-9][0-9]_*.ipynb"  # the course; a notebook without a number is a tool and not run here
POLL = 0.2  # seconds between two looks at a running notebook: its memory, its finished cells
KINDS = {"int": (int,), "float": (int, float), "bool": (bool,)}  # annotation -> types that a value may have


@dataclass(frozen=True)
class Outcome:
    """What one notebook came to.

    Attributes
    ----------
    name
        The notebook's file name without its suffix.
    seconds
        From the start of its process to the end; the kernel's start is in it.
    memory
        Peak of the resident memory of papermill, the kernel and what they started, in MB (10^6 bytes). A peak that
        falls between two looks, `POLL` seconds apart, goes unseen.
    errors
        A line each: the cell's number as the notebook shows it, the error's name, its text. Empty when all is well.
    parameters
        What was passed to the notebook.
    """

    name: str
    seconds: float
    memory: float
    errors: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)


def plan(
    folder: Path, only: Iterable[str] | None = None, parameters: Mapping[str, str] | None = None
) -> dict[Path, dict[str, str]]:
    """Say which notebooks to run, in order, and with which parameters; refuse what cannot be meant.

    Parameters
    ----------
    folder
        Where the notebooks lie; those whose names begin with two digits are the course.
    only
        Numbers or names of the notebooks to run; all when None.
    parameters
        Values as papermill takes them on its command line. Each goes to the notebooks that have a parameter of its
        name.

    Returns
    -------
    dict[Path, dict[str, str]]
        Notebook -> its share of the parameters.

    Raises
    ------
    ValueError
        If `only` names no notebook, none of those chosen has a parameter of that name, its type is another, or the
        profile is unknown. papermill itself would warn, run the defaults and report success.
    """
    notebooks = _select(folder, only)
    if not parameters:
        return {path: {} for path in notebooks}
    from papermill import inspect_notebook  # slow to import, and of no use without parameters

    declared = {path: inspect_notebook(_literal(path)) for path in notebooks}
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
    """Run notebooks one after the other and go on after a failure.

    Each leaves its executed notebook and a page in `output`, where index.html links all that were run so far. An
    exception in `watch`, Ctrl-C for one, ends the notebook that is running and keeps the finished ones.

    Parameters
    ----------
    jobs
        From `plan`.
    output
        Folder for the results; made when missing.
    in_place
        Also write each notebook that succeeded back to where it came from, in the form of `golden`, and its figures
        into the folder `figures` beside the notebooks' one.
    watch
        Called every `POLL` seconds with the running notebook's name and the number of its cells that are done.

    Yields
    ------
    Outcome
        One a notebook, as soon as its files are written.
    """
    output.mkdir(parents=True, exist_ok=True)
    for source, parameters in jobs.items():
        running = output / f"{source.stem}.running.ipynb"
        try:
            outcome = _execute(source, running, dict(parameters), watch)
            notebook = _read(running) or nbformat.read(source, as_version=4)
        finally:
            running.unlink(missing_ok=True)
        notebook.metadata["hcegan"] = asdict(outcome)
        _write(output / f"{source.stem}.html", page(notebook, source.parent, output))
        _write(output / f"{source.stem}.ipynb", nbformat.writes(notebook) + "\n")
        _write(output / "index.html", index(output))
        if in_place and not outcome.errors:
            _write(source, nbformat.writes(golden(notebook)) + "\n")
            save_figures(notebook, source.parent.parent / "figures")
        yield outcome


def errors(notebook: NotebookNode) -> list[str]:
    """Find every error that an executed notebook shows, those inside its widgets too.

    Parameters
    ----------
    notebook
        After its execution, with the widgets' state in its metadata.

    Returns
    -------
    list[str]
        One line each, such as "cell 3: ValueError: no photographs".

    Notes
    -----
    An exception in a callback of `interact`, or under ``with Output():``, stops neither the kernel nor papermill. It
    is in the state of an OutputModel and nowhere else.
    """
    state, found = widget_state(notebook), []
    for number, cell in _code_cells(notebook):
        for output in cell.outputs:
            inside = [caught for model in widget_models(output, state) for caught in widget_outputs(model)]
            found += [f"cell {number}: {error}" for error in map(_error, [output, *inside]) if error]
    everywhere = [_error(output) for model in state.values() for output in widget_outputs(model)]
    found += [f"a hidden widget: {e}" for e in everywhere if e and not any(line.endswith(e) for line in found)]
    return list(dict.fromkeys(found))


def golden(notebook: NotebookNode) -> NotebookNode:
    """Strip an executed notebook of what differs between two runs or two machines.

    Parameters
    ----------
    notebook
        As papermill leaves it; not changed.

    Returns
    -------
    NotebookNode
        A copy without timings, paths, the exact Python and the seams in printed text; outputs and widgets stay.
    """
    notebook = copy.deepcopy(notebook)
    for key in ("papermill", "hcegan"):
        notebook.metadata.pop(key, None)
    if not widget_state(notebook):
        notebook.metadata.pop("widgets", None)  # without a state GitHub calls the whole notebook invalid
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    return CoalesceStreamsPreprocessor().preprocess(notebook, {})[0]


def save_figures(notebook: NotebookNode, folder: Path) -> list[Path]:
    """Write the pictures of cells tagged ``figure:NAME`` as NAME.png, so that a figure has one source: its notebook.

    Parameters
    ----------
    notebook
        After its execution.
    folder
        Where the pictures go; made when missing.

    Returns
    -------
    list[Path]
        What was written.
    """
    written = []
    for _, cell in _code_cells(notebook):
        names = [tag.removeprefix("figure:") for tag in cell.metadata.get("tags", []) if tag.startswith("figure:")]
        pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
        for name, picture in zip(names, pictures):
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / f"{name}.png", b64decode(picture))
            written.append(folder / f"{name}.png")
    return written


def index(output: Path) -> str:
    """Write the contents page from what lies in a folder.

    Parameters
    ----------
    output
        Folder of executed notebooks and their pages. Those of earlier runs are listed too, so that running a part of
        the course again keeps the rest.

    Returns
    -------
    str
        HTML without scripts.
    """
    rows, total = [], 0.0
    for path in sorted(output.glob(NUMBERED)):
        notebook = _read(path)
        if notebook and "hcegan" in notebook.metadata and path.with_suffix(".html").exists():
            outcome = Outcome(**notebook.metadata["hcegan"])
            total += outcome.seconds
            rows.append(_row(outcome, *heading(notebook), output))
    return INDEX.replace("TOTAL", f"{total:.0f}").replace("ROWS", "\n".join(rows))


def _select(folder: Path, only: Iterable[str] | None) -> list[Path]:
    notebooks = {path.stem: path for path in sorted(folder.glob(NUMBERED))}
    if not notebooks:
        raise ValueError(f"no notebook named like 00_title.ipynb in {folder}: the course runs from a clone of the kit")
    chosen = set(notebooks) if only is None else set()
    for name in only or []:
        wanted = Path(name).stem
        found = {stem for stem in notebooks if wanted == stem or wanted.zfill(2) == stem[:2]}
        if not found:
            raise ValueError(f"unknown notebook {name!r}{_suggest(wanted, notebooks)}")
        chosen |= found
    return [path for stem, path in notebooks.items() if stem in chosen]


def _check_parameter(name: str, value: str, declared: list[dict]) -> None:
    kinds = [parameters[name]["inferred_type_name"] for parameters in declared if name in parameters]
    if not kinds:
        raise ValueError(f"unknown parameter {name!r}{_suggest(name, dict.fromkeys(n for d in declared for n in d))}")
    for kind in kinds:
        if kind in KINDS and type(_typed(value)) not in KINDS[kind]:
            wanted = "True or False" if kind == "bool" else f"of type {kind}"
            raise ValueError(f"parameter {name!r} must be {wanted}, got {value!r}")
    if name == "profile":
        from hcegan_lib import train  # brings torch, which nothing else here needs

        train.config(value)


def _typed(value: str) -> bool | int | float | str | None:
    """Read a value as papermill will."""
    if value in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[value]
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(value)
    return value


def _suggest(name: str, choices: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(choices), n=1)
    hint = f", did you mean {close[0]!r}?" if close else ";"
    return f"{hint} valid: {', '.join(choices) or 'none'}"


def _literal(path: Path) -> str:
    """Keep papermill from reading the braces in a folder's name as a format."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _execute(source: Path, target: Path, parameters: dict[str, str], watch: Callable[[str, int], None]) -> Outcome:
    command = [sys.executable, "-m", "hcegan_lib.course.engine", _literal(source), _literal(target)]
    command += ["--cwd", str(source.parent), "--kernel", "python3", "--no-progress-bar"]
    for name, value in parameters.items():
        command += ["-p", name, value]
    start, peak, cells = time.perf_counter(), 0, 0
    with tempfile.TemporaryFile() as log:
        # papermill takes a pipe on its input for a notebook, so it gets none.
        process = psutil.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environment())
        tree = [process]
        try:
            while process.poll() is None:
                tree = _tree(process) or tree
                peak = max(peak, sum(map(_resident, tree)))
                cells = max(cells, _cells_done(target))
                watch(source.stem, cells)
                time.sleep(POLL)
        finally:
            _end(tree)
        log.seek(0)
        found = _failures(_read(target), process.returncode, log.read().decode(errors="replace"))
    return Outcome(source.stem, round(time.perf_counter() - start, 1), round(peak / 1e6), found, parameters)


def _environment() -> dict[str, str]:
    """Give each kernel the physical cores that this process may use, unless the user has decided."""
    cores = psutil.cpu_count(logical=False) or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return {"OMP_NUM_THREADS": str(cores), **os.environ}


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def _end(tree: list[psutil.Process]) -> None:
    """End what still runs of a process and all that it started: a kernel does not end with papermill."""
    for process in {child for root in tree for child in _tree(root)}:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(tree, timeout=5)


def _cells_done(path: Path) -> int:
    """Count finished cells in the file that papermill writes after each."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError):
        return 0  # not there yet, or half-written
    return sum(cell["metadata"].get("papermill", {}).get("status") == "completed" for cell in cells)


def _failures(notebook: NotebookNode | None, returned: int, log: str) -> list[str]:
    found = errors(notebook) if notebook else []
    if not returned or found:
        return found
    # No cell tells what went wrong: the kernel died, or never started.
    last = ([line.strip() for line in log.splitlines() if line.strip()] or [f"papermill returned {returned}"])[-1]
    cells = _code_cells(notebook) if notebook else []
    started = [number for number, cell in cells if cell.metadata.get("papermill", {}).get("start_time")]
    return [f"cell {started[-1]}: {last}" if started else last]


def _code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Give the code cells with the numbers that a reader sees beside them."""
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip():
            number = cell.execution_count or number + 1
            yield number, cell


def _error(output: Mapping) -> str | None:
    if output["output_type"] != "error":
        return None
    text = " ".join(f"{output['ename']}: {output['evalue']}".split())
    return text if len(text) <= 200 else text[:199] + "…"


def _row(outcome: Outcome, title: str, goal: str, output: Path) -> str:
    status = "failed" if outcome.errors else "ok"
    passed = ", ".join(f"{name} = {value}" for name, value in outcome.parameters.items())
    notes = "".join(f'<p class="error">{html.escape(error)}</p>' for error in outcome.errors)
    notes += f"<p>{html.escape(passed)}</p>" if passed else ""
    return (
        f'<tr class="{status}"><th scope="row"><a href="{outcome.name}.html">{html.escape(title or outcome.name)}</a>'
        f"{markdown(goal, output, output)}{notes}</th><td>{status}</td><td>{outcome.seconds:.1f}</td>"
        f'<td>{outcome.memory:.0f}</td><td><a href="{outcome.name}.ipynb">{outcome.name}.ipynb</a></td></tr>'
    )


def _read(path: Path) -> NotebookNode | None:
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError):
        return None  # not there, or cut short


def _write(path: Path, content: str | bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    os.replace(partial, path)


INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The HCEGAN course, executed</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding-bottom: 0.5rem; }
th, td { text-align: left; vertical-align: top; padding: 0.6rem; border-top: 1px solid #8886; font-weight: normal; }
thead th, th a { font-weight: bold; }
th p { margin: 0.2rem 0 0; font-size: 0.9rem; }
td:nth-of-type(2), td:nth-of-type(3) { text-align: right; font-variant-numeric: tabular-nums; }
tr.failed td:first-of-type, .error { color: #c62828; font-weight: bold; }
</style>
</head>
<body>
<h1>The HCEGAN course, executed</h1>
<table>
<caption>Every notebook that was run into this folder; TOTAL s in all.</caption>
<thead><tr><th scope="col">Notebook</th><th scope="col">Status</th><th scope="col">Time (s)</th>
<th scope="col">Peak memory (MB)</th><th scope="col">Open in JupyterLab</th></tr></thead>
<tbody>
ROWS
</tbody>
</table>
</body>
</html>
"""
