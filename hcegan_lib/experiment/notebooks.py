"""Executed notebooks: how a run ended, and every error that a notebook shows, including those inside its widgets."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hcegan_lib.backend.files import require_plain_file

if TYPE_CHECKING:
    from nbformat import NotebookNode  # takes a second, and a process that only starts runs does not need it

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Outcome:
    """How the run of one notebook ended."""

    name: str  # the notebook's file name without its suffix, or the name of the run's folder
    seconds: float  # wall-clock time of the whole process, including the start of the kernel
    memory: float  # peak resident memory of papermill, the kernel and all their child processes, in MB (10^6 bytes)
    errors: list[str] = field(default_factory=list)  # from `errors`, one line each
    parameters: dict[str, str] = field(default_factory=dict)  # passed to the notebook


def read_notebook(path: Path) -> "NotebookNode | None":
    """Read a notebook; return None if the file is missing or cut short."""
    import nbformat

    try:
        return nbformat.read(require_plain_file(path), as_version=4)
    except (OSError, ValueError):
        return None


def escape_braces(path: Path) -> str:
    """Write a path so that papermill does not take braces in it for format fields."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def tags(cell: "NotebookNode") -> list[str]:
    """Read a cell's tags."""
    return cell.metadata.get("tags", [])


def code_cells(notebook: "NotebookNode") -> Iterator[tuple[int, "NotebookNode"]]:
    """Go through the code cells, each with the number that the notebook shows beside it."""
    number = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip():
            number = cell.execution_count or number + 1
            yield number, cell


def errors(notebook: "NotebookNode") -> list[str]:
    """Find every error that an executed notebook shows; one line each, such as "cell 3: ValueError: no photographs".

    An exception in a callback of `interact`, or under ``with Output():``, stops neither the kernel nor papermill. Only
    the state of an OutputModel, in the notebook's metadata, contains it.
    """
    state, found = widget_state(notebook), []
    for number, cell in code_cells(notebook):
        for output in cell.outputs:
            inside = [caught for model in widget_models(output, state) for caught in widget_outputs(model)]
            found += [f"cell {number}: {error}" for error in map(_error, [output, *inside]) if error]
    everywhere = [_error(output) for model in state.values() for output in widget_outputs(model)]
    found += [f"a hidden widget: {e}" for e in everywhere if e and not any(line.endswith(e) for line in found)]
    return list(dict.fromkeys(found))


def explain_failure(notebook: "NotebookNode | None", status: int, log: str) -> list[str]:
    """List the errors of a run; if papermill failed but no cell shows an error, quote the last line of its log."""
    found = errors(notebook) if notebook else []
    if found or not status:
        return found
    # The kernel died or never started.
    last = ([line.strip() for line in log.splitlines() if line.strip()] or [f"papermill returned {status}"])[-1]
    cells = code_cells(notebook) if notebook else []
    started = [number for number, cell in cells if cell.metadata.get("papermill", {}).get("start_time")]
    return [f"cell {started[-1]}: {last}" if started else last]


def tracebacks(notebook: "NotebookNode") -> list[str]:
    """Collect the tracebacks that the cells show, without color codes."""
    outputs = [output for _, cell in code_cells(notebook) for output in cell.outputs]
    shown = ["\n".join(output["traceback"]) for output in outputs if output["output_type"] == "error"]
    return [re.sub(r"\x1b\[[\d;]*m", "", text) for text in shown]


def widget_state(notebook: "NotebookNode") -> dict:
    """Look up the models of all widgets of an executed notebook, by their names."""
    return notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})


def widget_models(output: Mapping, state: Mapping) -> list[dict]:
    """List the model of the widget that an output of a cell shows, if any, then the models that it contains."""
    found, waiting = {}, [output.get("data", {}).get(WIDGET_VIEW, {}).get("model_id")]
    while waiting:
        name = waiting.pop(0)
        if name in state and name not in found:
            found[name] = state[name]
            waiting += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state[name]["state"].get("children", [])))
    return list(found.values())


def widget_outputs(model: Mapping) -> list["NotebookNode"]:
    """List the prints, pictures and errors that an OutputModel has captured; other models capture none."""
    from nbformat import from_dict

    captured = model["state"].get("outputs", []) if model["model_name"] == "OutputModel" else []
    return [from_dict(output) for output in captured]


def _error(output: Mapping) -> str | None:
    if output["output_type"] != "error":
        return None
    text = " ".join(f"{output['ename']}: {output['evalue']}".split())
    return text if len(text) <= 200 else text[:199] + "…"
