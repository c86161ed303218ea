"""Files that are whole or not there, and folders that only one process works in."""

import contextlib
import errno
import json
import os
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", None))  # Windows has no EDQUOT
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # file systems without locks
LARGEST = 2**30  # bytes of a text or photograph; checkpoints may have more


def write_atomically(path: Path, content: bytes | str | Callable[[Path], object]) -> None:
    """Write to a temporary name beside `path`, wait for the disk, and move the file into place.

    Parameters
    ----------
    path
        In a folder that exists.
    content
        Bytes, text (written as UTF-8), or a function that writes to the path it is given.

    Raises
    ------
    OSError
        If the file cannot be written. The error names `path`, and a file of that name is unchanged.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")  # two processes may write the same file
    try:
        if callable(content):
            content(part)
        else:
            part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        fsync_file(part)
        os.replace(part, path)
    except OSError as error:
        if error.errno is None or (error.filename is not None and os.path.basename(str(error.filename)) != part.name):
            raise  # another file's; older versions of Pillow name ours by its absolute path
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        part.unlink(missing_ok=True)


def fsync_file(path: Path) -> None:
    """Wait until a file is on the disk. Otherwise a power cut after a rename can leave it empty."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def require_plain_file(path: Path, at_most: float = LARGEST) -> Path:
    """Return the path; raise ValueError if it is a folder, a pipe or device, or has more than `at_most` bytes.

    To read a pipe or device may never end, and to read a file as large as the disk would fill the memory.
    """
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is not a plain file")
    if path.exists() and path.suffix != ".pt" and path.stat().st_size > at_most:
        raise ValueError(f"{path} is too large: {path.stat().st_size:,} bytes")
    return path


@contextlib.contextmanager
def name_file(path: Path) -> Iterator[None]:
    """Name a file in every error that its content causes while it is read: they become ValueErrors."""
    require_plain_file(path)
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path} cannot be read ({type(error).__name__}: {error})") from error


def read_json(path: Path) -> dict:
    """Read a JSON object; return an empty dict if the file is missing, damaged or something else."""
    try:
        content = json.loads(require_plain_file(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


@contextlib.contextmanager
def lock_folder(folder: Path, activity: str) -> Iterator[None]:
    """Let only one process at a time work in a folder.

    Parameters
    ----------
    folder
        Created if missing.
    activity
        What the process does there, such as "training"; used in messages.

    Raises
    ------
    ValueError
        If another process holds the lock. The system releases it when that process ends, however it ends.

    Warns
    -----
    UserWarning
        If the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(FileLock(folder / ".lock", timeout=0))
        except Timeout:
            raise ValueError(f"another {activity} is running in {folder}: wait for it or stop it") from None
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in NO_LOCKS:
                raise
            warnings.warn(f"{folder} cannot be locked: make sure no other {activity} is running there", stacklevel=3)
        yield


@contextlib.contextmanager
def explain_disk_full(advice: str) -> Iterator[None]:
    """Add advice to a disk-full error; let every other error pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise OSError(error.errno, f"{error.strerror}; {advice}", error.filename) from error
