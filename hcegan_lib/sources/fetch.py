"""One file from the network: whole, and the one that was meant, or not there.

`pooch` computes the checksums. Its own transfers begin anew after each stop, and one that is stopped while its checksum
is computed is deleted. So ours are here: a part stays under its name until it is whole and right, and goes on from the
middle after whatever stopped it; there are several addresses for one file, and manners towards a busy server.
"""

import contextlib
import email.utils
import errno
import itertools
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pooch
import requests
from tqdm.auto import tqdm

from hcegan_lib import __version__
from hcegan_lib.data import to_disk

RETRIES = 3  # fruitless attempts in a row at one address, after the first
BACKOFF = 1.0  # seconds before the second attempt, twice as long before each further one
PATIENCE = 120.0  # seconds at most that a server may ask us to wait
TIMEOUT = (10, 30)  # seconds for a connection, and for the next bytes
BLOCK = 2**14  # bytes; what a break may lose


class FetchError(OSError):
    """What could not be fetched, why, and what to do about it, in one line."""


class MissingError(FetchError):
    """The server answers, and has no such file."""


class Remote(NamedTuple):
    """An official file."""

    bytes: int  # exact if there is a checksum, else about
    checksum: str | None  # "sha256:..." or "md5:..."; None: none is published
    read_in: str  # where size and checksum were read
    addresses: tuple[str, ...]  # the official one first, then copies


@dataclass(frozen=True)
class Access:
    """Where files come from and go to."""

    downloads: Path
    mirror: str | None = None  # asked first: an address, or a folder, with the names that `downloads` has
    progress: bool = False  # bars for what is larger than 10 MB
    session: requests.Session = field(default_factory=requests.Session)
    stopped: threading.Event = field(default_factory=threading.Event)  # ends waits and transfers in other threads


def fetch(name: str, remote: Remote, access: Access) -> Path:
    """Fetch a file unless it is there and right, from the first address that has it.

    Parameters
    ----------
    name
        Below `access.downloads`, with forward slashes. Beside it lies `<name>.part` until the file is whole.
    remote
        What is wanted. Without a checksum, the length that the server announces is all that is verified.
    access
        Where from and where to.

    Returns
    -------
    Path
        The whole file.

    Raises
    ------
    MissingError
        If every address answers that it has no such file.
    FetchError
        If it cannot be had for any other reason. A part that is not whole yet stays for the next call; a whole one that
        has not the published checksum is deleted.
    """
    access.session.headers["User-Agent"] = f"hcegan/{__version__} (course kit)"
    path = access.downloads / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        if _is_right(path, remote, access):
            return path
        path.unlink()
    own = [f"{access.mirror.rstrip('/')}/{name}"] if access.mirror else []
    problems = []
    for address in [*own, *remote.addresses]:
        try:
            return _fetch_from(address, path, remote, access)
        except FetchError as problem:
            problems.append(problem)
        except ValueError as problem:  # a length that is no number, an address that is none
            problems.append(FetchError(f"{address}: an answer that makes no sense ({problem})"))
    kind = MissingError if all(isinstance(problem, MissingError) for problem in problems) else FetchError
    told = "; ".join(map(str, problems))
    raise kind(f"{name} could not be fetched ({told}). Call again to go on, or name a copy with --mirror")


def left(name: str, remote: Remote, downloads: Path) -> int:
    """Count the bytes of a file that are still to be fetched."""
    if (downloads / name).exists():
        return 0
    return max(0, remote.bytes - _bytes(downloads / f"{name}.part"))


def room(folder: Path, needed: int) -> None:
    """Raise FetchError unless a disk has room for a number of bytes."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise FetchError(f"{folder} has room for {size(free)}, {size(needed)} are needed: make room and call again")


@contextlib.contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Say of a disk that becomes full on the way what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):  # Windows has no quota of its own
            raise
        raise FetchError(f"the disk of {folder} is full; what is fetched is kept: make room and call again") from error


def size(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _fetch_from(url: str, path: Path, remote: Remote, access: Access) -> Path:
    """Fetch from one address; what is wrong once more. A part keeps its name until it is known to be right."""
    part = path.with_name(f"{path.name}.part")
    for _ in range(2):
        _download(url, part, remote, access)
        if _is_right(part, remote, access):
            to_disk(part)
            os.replace(part, path)
            _tag(part).unlink(missing_ok=True)
            return path
        part.unlink()
    raise FetchError(f"{url}: not the published checksum, so it was deleted")


def _is_right(path: Path, remote: Remote, access: Access) -> bool:
    """Compare a file with the published checksum, if there is one."""
    if remote.checksum is None:
        return True
    kind, _, published = remote.checksum.partition(":")
    hidden = not access.progress or remote.bytes < 10**7
    with tqdm(desc=f"{path.name}: its checksum", bar_format="{desc}", leave=False, disable=hidden):
        return pooch.file_hash(str(path), alg=kind) == published


def _download(url: str, part: Path, remote: Remote, access: Access) -> None:
    """Fetch what a part lacks, in as many attempts as it takes while they bring anything."""
    failures, best = 0, _bytes(part)
    while True:
        try:
            _transfer(url, part, remote, access)
            break
        except requests.RequestException as error:
            failures = 0 if _bytes(part) > best else failures + 1
            best = max(best, _bytes(part))
            if failures > RETRIES:
                raise FetchError(f"{url}: {_reason(error)}") from None
            if access.stopped.wait(getattr(error, "pause", BACKOFF * 2 ** max(0, failures - 1))):
                raise FetchError("stopped") from None


def _transfer(url: str, part: Path, remote: Remote, access: Access) -> None:
    """Append what a part lacks; start over where the server cannot go on from the middle."""
    if not re.match("https?://", url):
        _copy(Path(url), part, remote, access)
        return
    if remote.checksum and _bytes(part) >= remote.bytes:
        return  # stopped between the last byte and the move
    with _ask(url, part, remote, access) as answer:
        _refuse(answer)
        start, total = _announced(answer)
        other = not remote.checksum and answer.headers.get("ETag") != _tagged(part)  # some servers heed no If-Range
        if start not in (0, _bytes(part)) or (start and other):
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("the server went on from another place, or in another file")
        if remote.checksum and total not in (None, remote.bytes):
            raise FetchError(f"{url}: {total:,} bytes, wanted {remote.bytes:,}: that is another file")
        blocks = answer.iter_content(BLOCK)
        first = next(blocks, b"")
        if not first and total != 0:
            raise requests.ConnectionError("the connection broke off")
        if remote.checksum and total is None and not start and _differ(part, first):  # a page that wants a sign-in
            raise FetchError(f"{url}: it begins otherwise than {part.name}: that is another file")
        if not start and not remote.checksum:
            part.unlink(missing_ok=True)  # first, so that a tag never stands beside the part of another file
            _tag(part).write_text(answer.headers.get("ETag", ""), encoding="latin-1")
        shown = {"desc": part.stem, "total": total, "initial": start, "unit": "B", "unit_scale": True, "leave": False}
        hidden = not access.progress or (total or remote.bytes) < 10**7
        with open(part, "ab" if start else "wb") as file, tqdm(**shown, disable=hidden) as bar:
            for block in itertools.chain([first], blocks):
                file.write(block)
                bar.update(len(block))
                if access.stopped.is_set():
                    raise FetchError("stopped")
    if total is not None and _bytes(part) != total:
        raise requests.ConnectionError("the connection broke off")


def _ask(url: str, part: Path, remote: Remote, access: Access) -> requests.Response:
    """Ask for what a part lacks, and a server that refuses such a question for the whole file."""
    headers, how = _headers(part, remote), {"stream": True, "timeout": TIMEOUT}
    answer = access.session.get(url, headers=headers, **how)
    if "Range" in headers and answer.status_code in (400, 403, 405, 416, 501):
        answer.close()
        answer = access.session.get(url, headers={"Accept-Encoding": headers["Accept-Encoding"]}, **how)
    return answer


def _differ(part: Path, first: bytes) -> bool:
    """Compare how a part and another file begin."""
    if not part.exists():
        return False
    with open(part, "rb") as file:
        begins = file.read(len(first))
    return begins != first[: len(begins)]


def _headers(part: Path, remote: Remote) -> dict[str, str]:
    """Ask for the rest of a file, if it will show that the rest belongs to what is there."""
    headers, have = {"Accept-Encoding": "identity"}, _bytes(part)
    if have and remote.checksum:
        headers["Range"] = f"bytes={have}-"
    elif have and (tag := _tagged(part)):  # else half of it might be from before a change unseen
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    return headers


def _refuse(answer: requests.Response) -> None:
    """Raise what an unwanted answer means."""
    status = f"{answer.status_code} {answer.reason}"
    if answer.status_code in (403, 404, 410):  # Amazon says 403 of what is not there
        raise MissingError(f"{answer.url}: {status}")
    if answer.status_code not in (200, 206):
        error = requests.HTTPError(status)
        pause = _retry_after(answer.headers.get("Retry-After", ""))
        if pause is not None:
            error.pause = min(pause, PATIENCE)
        raise error


def _announced(answer: requests.Response) -> tuple[int, int | None]:
    """Say at which byte an answer begins, and how long the whole file is, if the server tells."""
    if answer.status_code == 206:
        place = re.match(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        return (int(place[1]), None if place[2] == "*" else int(place[2])) if place else (-1, None)
    length = answer.headers.get("Content-Length")
    return 0, int(length) if length else None


def _retry_after(text: str) -> float | None:
    """Read seconds, or a date: HTTP has both."""
    if text.isdecimal():
        return float(text)
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return None


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError):
        return str(error)
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "no answer in time"
    broke = isinstance(error, requests.exceptions.ChunkedEncodingError) or "broke" in str(error)
    return "the connection broke off" if broke else "no connection"


def _copy(path: Path, part: Path, remote: Remote, access: Access) -> None:
    if not path.is_file():
        raise MissingError(f"{path}: no such file")
    try:
        with open(path, "rb"):
            right = _is_right(path, remote, access)
    except OSError as error:
        raise FetchError(f"{path}: {error.strerror}") from error
    if not right:  # found before it takes the place of a part that may be right
        raise FetchError(f"{path}: not the published checksum")
    _tag(part).unlink(missing_ok=True)
    shutil.copyfile(path, part)


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _tagged(part: Path) -> str:
    """Read the tag of a part's file; one that is damaged, or only says that two files are alike, is none."""
    tag = _tag(part).read_text(encoding="latin-1") if _tag(part).exists() else ""
    return tag if re.fullmatch(r'"[!#-~\x80-\xff]*"', tag) else ""


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
