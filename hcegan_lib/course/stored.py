"""What the repository stores of an executed notebook: outputs that repeat on every machine, and figures."""

import copy
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

from nbconvert.preprocessors import CoalesceStreamsPreprocessor
from nbformat import NotebookNode
from PIL import Image

from hcegan_lib.backend.files import write_atomically
from hcegan_lib.experiment.notebooks import code_cells, tags, widget_state


def golden(notebook: NotebookNode) -> NotebookNode:
    """Copy an executed notebook without what differs between two runs or machines: timings, paths, Python's version.

    Outputs and widgets stay; pieces of printed text are joined, and pictures are stored in as few bytes as PNG allows.
    """
    notebook = copy.deepcopy(notebook)
    for key in ("papermill", "hcegan"):
        notebook.metadata.pop(key, None)
    if not widget_state(notebook):
        notebook.metadata.pop("widgets", None)  # without a state, GitHub calls the whole notebook invalid
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _small(output.data["image/png"])
    return CoalesceStreamsPreprocessor().preprocess(notebook, {})[0]


def _small(picture: str) -> str:
    """Encode a picture, base64 of a PNG, again: slowly, and without a channel that says that all of it is opaque."""
    stream = BytesIO()
    with Image.open(BytesIO(b64decode(picture))) as image:
        opaque = image.mode == "RGBA" and image.getextrema()[3] == (255, 255)
        (image.convert("RGB") if opaque else image).save(stream, "PNG", optimize=True)
    return b64encode(stream.getvalue()).decode()


def save_figures(notebook: NotebookNode, folder: Path) -> list[Path]:
    """Save the pictures of cells tagged ``figure:NAME`` as NAME.png in a folder, and return their paths."""
    written = []
    for _, cell in code_cells(notebook):
        names = [tag.removeprefix("figure:") for tag in tags(cell) if tag.startswith("figure:")]
        pictures = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
        for name, picture in zip(names, pictures):
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / f"{name}.png", b64decode(picture))
            written.append(folder / f"{name}.png")
    return written
