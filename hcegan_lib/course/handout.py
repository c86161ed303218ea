"""The students' notebooks: the course without the solutions of its exercises.

A solution is a cell of its own with the tag "solution". nbgrader could remove it too, but would add a database and a
second notebook server to the installation.
"""

import hashlib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from hcegan_lib import KIT_ROOT
from hcegan_lib.backend.files import name_file, write_atomically
from hcegan_lib.experiment.notebooks import tags

STUDENT = KIT_ROOT / "build" / "student"
SUMS = "handout.sha256"  # checksums of the handed-out files, for `sha256sum --check`


def write(notebooks: Path, folder: Path) -> dict[str, int]:
    """Write the handout, or renew an earlier one that is unchanged; return the number of exercises by notebook.

    `folder` also gets a file of checksums, by which a later call tells an unchanged handout from a student's work.
    If there is no notebook, or `folder` contains anything but an unchanged handout, it raises ValueError and writes
    nothing.
    """
    sources = sorted(notebooks.glob("*.ipynb"))
    if not sources:
        raise ValueError(f"no notebook in {notebooks}: make the handout from a clone of the kit")
    handed, counts = {}, {}
    for path in sources:
        notebook = nbformat.read(path, as_version=4)
        counts[path.name] = _remove_solutions(notebook)
        handed[path.name] = (nbformat.writes(notebook) + "\n").encode("utf-8")
    outdated = _earlier(folder, handed) - set(handed)

    sums = "".join(f"{_sum(content)}  {name}\n" for name, content in handed.items())
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in [*handed.items(), (SUMS, sums.encode("ascii"))]:
        write_atomically(folder / name, content)
    for name in outdated:
        (folder / name).unlink()
    return counts


def _remove_solutions(notebook: NotebookNode) -> int:
    """Remove the cells with solutions, and count the exercises."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in tags(cell)]
    return sum("exercise" in tags(cell) for cell in notebook.cells)


def _earlier(folder: Path, handed: dict[str, bytes]) -> set[str]:
    """List the notebooks of an earlier handout; refuse a folder with other files or with changed notebooks."""
    lines = []
    if (folder / SUMS).exists():
        with name_file(folder / SUMS):
            lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
    known = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {path.name: path for path in sorted(folder.iterdir()) if path.name != SUMS} if folder.exists() else {}
    for name, path in found.items():
        if name not in {*known, *handed} or not path.is_file():
            raise ValueError(f"{folder} contains {name}, which is not part of a handout: choose another folder")
        # A handout that was interrupted contains some of the new files.
        if _sum(path.read_bytes()) not in (known.get(name), _sum(handed.get(name, b""))):
            raise ValueError(f"{path} is not an unchanged handout: choose another folder")
    return set(found)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
