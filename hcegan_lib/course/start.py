"""Sets up a folder with the course for an installation without a clone.

The wheel carries notebooks and data in `PACKAGED`; nothing is ever written there.
"""

import shutil
from pathlib import Path

from hcegan_lib import MARKER, __version__

PACKAGED = Path(__file__).resolve().parents[1] / "_kit"


def start(folder: Path, packaged: Path = PACKAGED) -> None:
    """Copy the course into a new folder, all or nothing.

    Raises ValueError if the folder exists and is not empty, or if the library runs from a clone, which holds the course
    already.
    """
    if not packaged.is_dir():
        raise ValueError(f"this is a clone, which holds the course already: {packaged.parents[1]}")
    folder = folder.absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder} exists and is not an empty folder: choose another one")
    if folder == Path.cwd():
        raise ValueError("this is the current folder: name a new one")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a call that was interrupted
    shutil.copytree(packaged, part)
    (part / MARKER).write_text(f"{__version__}\n", encoding="utf-8")
    if folder.exists():
        folder.rmdir()
    part.rename(folder)
