"""Downloads one file completely and verifies it, and tells how much a download needs.

An unfinished file is called `<name>.part`. With a published checksum, the next call resumes it.
"""

import contextlib
import functools
import hashlib
import os
import re
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm.auto import tqdm
from urllib3.util.retry import Retry

from hcegan_lib import __version__
from hcegan_lib.backend.files import fsync_file
from hcegan_lib.sources.catalogue import Remote

RETRIES = 3  # per address: consecutive attempts that add nothing, after the first
BACKOFF = 1.0  # seconds; doubled with each retry
MAX_RETRY_AFTER = 120.0  # seconds; limits how long a server may ask us to wait
TIMEOUT = (10, 30)  # seconds to connect, and to wait for more bytes
BLOCK = 2**14  # bytes; at most this much is lost when a connection breaks
LARGE = 10**7  # bytes; larger files get a progress bar


class FetchError(OSError):
    """A download failed. The message says in one line what failed and what to do."""


class MissingError(FetchError):
    """The server does not have the file, or has a different one under its name."""


@dataclass(frozen=True)
class Access:
    """Where files come from and where they are stored."""

    downloads: Path
    mirror: str | None = None  # tried first: an address or a folder with the same file names as `downloads`
    progress: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)  # ends downloads and waits in all threads

    @functools.cached_property
    def session(self) -> requests.Session:
        """Create the session that all downloads share. It retries failed requests."""
        stopped = self.stopped

        class StoppableRetry(Retry):
            def sleep(self, response=None):  # urllib3's own sleep has no limit and cannot be stopped
                asked = None if response is None else self.get_retry_after(response)
                if stopped.wait(min(asked or self.get_backoff_time(), MAX_RETRY_AFTER)):
                    raise FetchError("stopped")

        statuses = (429, 500, 502, 503, 504)
        retry = StoppableRetry(RETRIES, status_forcelist=statuses, backoff_factor=BACKOFF, raise_on_status=False)
        session = requests.Session()
        session.headers.update({"User-Agent": f"hcegan/{__version__} (course kit)", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        return session


def fetch(name: str, remote: Remote, access: Access) -> Path:
    """Download a file to `name` below `access.downloads`, unless it is there, from the first address that has it.

    Without a published checksum, only the announced length is verified. Raises MissingError if no address has the file,
    and any other FetchError if it cannot be downloaded; an unfinished part is kept.
    """
    path = access.downloads / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        if _is_right(path, remote):
            return path
        path.unlink()
    mirror = [f"{access.mirror.rstrip('/')}/{name}"] if access.mirror else []
    problems = []
    for address in [*mirror, *remote.addresses]:
        try:
            _fetch_from(address, path, remote, access)
            return path
        except FetchError as problem:
            problems.append(problem)
    kind = MissingError if all(isinstance(problem, MissingError) for problem in problems) else FetchError
    reasons = "; ".join(map(str, problems))
    raise kind(f"cannot download {name} ({reasons}). Run the command again to resume, or name a copy with --mirror")


def _fetch_from(address: str, path: Path, remote: Remote, access: Access) -> None:
    part = path.with_name(f"{path.name}.part")
    resumed = _resumable_bytes(part, remote) > 0
    if re.match("https?://", address):
        _download(address, part, remote, access)
    else:
        _copy(Path(address), part, remote)
    if _is_right(part, remote):
        fsync_file(part)
        os.replace(part, path)
        return
    part.unlink()
    if not resumed:
        raise MissingError(f"{address}: does not match the published checksum")
    _fetch_from(address, path, remote, access)  # the part may have been wrong, not this copy


def _download(url: str, part: Path, remote: Remote, access: Access) -> None:
    """Download what a part lacks. Only attempts that add nothing count as failures."""
    failures, most = 0, _size(part)
    while True:
        with contextlib.suppress(requests.RequestException):  # the connection broke
            return _receive(url, part, remote, access)
        size = _size(part)
        failures, most = (0, size) if size > most else (failures + 1, most)
        if failures > RETRIES:
            raise FetchError(f"{url}: the connection keeps breaking")
        access.stopped.wait(BACKOFF * 2**failures)


def _receive(url: str, part: Path, remote: Remote, access: Access) -> None:
    """Append what a part lacks, or start over if it cannot be resumed."""
    have = _resumable_bytes(part, remote)
    if remote.checksum and have >= remote.bytes:
        return  # complete, but not yet verified
    with _request(url, have, access) as answer:
        start = have if answer.status_code == 206 else 0
        total = start + int(answer.headers.get("Content-Length", 0))
        if remote.checksum and total != remote.bytes:  # refused here, before it overwrites a good part
            raise MissingError(f"{url}: {total:,} bytes instead of {remote.bytes:,}, so this is a different file")
        shown = {"desc": part.stem, "total": total or None, "initial": start, "unit": "B", "unit_scale": True}
        hidden = not access.progress or max(total, remote.bytes) < LARGE
        with open(part, "ab" if start else "wb") as file, tqdm(**shown, leave=False, disable=hidden) as bar:
            for block in answer.iter_content(BLOCK):
                file.write(block)
                bar.update(len(block))
                if access.stopped.is_set():
                    raise FetchError("stopped")


def _request(url: str, start: int, access: Access) -> requests.Response:
    """Request a file from byte `start` on."""
    if access.stopped.is_set():
        raise FetchError("stopped")
    wanted = {"Range": f"bytes={start}-"} if start else {}
    try:
        answer = access.session.get(url, headers=wanted, stream=True, timeout=TIMEOUT)
    except requests.ConnectionError as error:
        problem = "the server does not answer" if "timed out" in str(error) else "no connection"
        raise FetchError(f"{url}: {problem}") from None
    except requests.RequestException as error:
        raise FetchError(f"{url}: {error}") from None
    if answer.status_code not in (200, 206):
        answer.close()
        missing = answer.status_code in (403, 404, 410)  # Amazon answers 403 for a missing file
        raise (MissingError if missing else FetchError)(f"{url}: {answer.status_code} {answer.reason}")
    return answer


def _copy(source: Path, part: Path, remote: Remote) -> None:
    try:
        right = _is_right(source, remote)
    except OSError as error:
        kind = MissingError if isinstance(error, FileNotFoundError) else FetchError
        raise kind(f"{source}: {error.strerror}") from None
    if not right:  # refused here, before it overwrites a good part
        raise MissingError(f"{source}: does not match the published checksum")
    shutil.copyfile(source, part)


def _is_right(path: Path, remote: Remote) -> bool:
    """Compare a file with its published checksum, if there is one."""
    kind, _, published = (remote.checksum or "").partition(":")
    with open(path, "rb") as file:
        return not kind or hashlib.file_digest(file, kind).hexdigest() == published


def _resumable_bytes(part: Path, remote: Remote) -> int:
    """Count the bytes of a part to resume after: none without a checksum, because the file may have changed."""
    return _size(part) if remote.checksum else 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def remaining_bytes(name: str, remote: Remote, downloads: Path) -> int:
    """Count the bytes of a file that still have to be downloaded."""
    if (downloads / name).exists():
        return 0
    return max(0, remote.bytes - _resumable_bytes(downloads / f"{name}.part", remote))


def require_space(folder: Path, needed: int) -> None:
    """Raise FetchError unless the disk of `folder` has `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        shortage = f"needs {human_bytes(needed)} of free disk space, but only {human_bytes(free)} are free"
        raise FetchError(f"{folder}: {shortage}. Free some space and run the command again")


def human_bytes(count: int) -> str:
    """Format a number of bytes as MB or GB."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
