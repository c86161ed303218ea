"""A server on this machine that fails on request, and small files in the official layouts."""

import csv
import functools
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
from PIL import Image

from hcegan_lib import data
from hcegan_lib.sources.catalogue import Remote

MINI = sorted((data.KIT_ROOT / "data" / "mini" / "train").glob("*-c.jpg"))
GRAY = Image.fromarray(np.random.default_rng(0).integers(60, 200, (280, 320, 1), dtype=np.uint8).repeat(3, 2))


class Server(ThreadingHTTPServer):
    """Serves `files`. Each other dict or set names the paths that fail, and how."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {}  # path -> content
        self.requests = []  # (path, Range header)
        self.cut = {}  # path -> bytes sent before the connection breaks
        self.cut_once = {}
        self.stalled = {}  # path -> bytes sent before the server falls silent
        self.busy = {}  # path -> number of answers that are 429
        self.retry_after = "0"
        self.without_range = set()  # paths that are always sent from the beginning
        self.without_length = set()  # paths sent without Content-Length
        self.released = threading.Event()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"

    def ranges(self, name):
        """List the Range headers of the requests for a path."""
        return [wanted for path, wanted in self.requests if path == name]

    def paths(self):
        return [path for path, _ in self.requests]

    def handle_error(self, request, client_address):
        """Ignore clients that disconnect: that is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server, path, wanted = self.server, self.path.lstrip("/"), self.headers.get("Range")
        server.requests.append((path, wanted))
        if server.busy.get(path, 0) > 0:
            server.busy[path] -= 1
            return self.answer(429, b"", {"Retry-After": server.retry_after})
        if path not in server.files:
            return self.answer(404, b"no such file")
        content = server.files[path]
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        if not wanted or path in server.without_range:
            return self.answer(200, content, path=path)
        if start >= len(content):
            return self.answer(416, b"")
        return self.answer(
            206, content[start:], {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}, path
        )

    def answer(self, status, content, headers=None, path=None):
        server = self.server
        self.send_response(status)
        length = {"Connection": "close"} if path in server.without_length else {"Content-Length": str(len(content))}
        for key, value in {**length, **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        limit = server.cut_once.pop(path, server.cut.get(path, server.stalled.get(path)))
        self.wfile.write(content[:limit])
        if limit is not None:
            self.wfile.flush()
            if path in server.stalled:
                server.released.wait(60)
            self.close_connection = True
            self.connection.close()


def remote(server: Server, name: str, content: bytes, *, checksum: bool = True) -> Remote:
    """Put a file on the server and describe it as the catalogue does."""
    server.files[name] = content
    published = f"sha256:{hashlib.sha256(content).hexdigest()}" if checksum else None
    return Remote(len(content), published, (f"{server.address}/{name}",))


@functools.cache
def photo(number: int, width: int = 320, height: int = 280) -> Image.Image:
    return Image.open(MINI[number]).convert("RGB").resize((width, height))


def encoded(image: Image.Image, form: str = "JPEG", **options) -> bytes:
    with io.BytesIO() as file:
        image.save(file, form, **({"quality": 90} if form == "JPEG" else {}), **options)
        return file.getvalue()


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", compression) as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
        return file.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w:gz") -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode=mode) as archive:
            for name, content in entries.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return file.getvalue()


def photos_in(folder: str, count: int) -> dict[str, bytes]:
    """Make the entries of an archive with `count` photographs."""
    return {f"{folder}/{number}.jpg": encoded(photo(number)) for number in range(count)}


def table(columns: str, rows: list[dict]) -> bytes:
    with io.StringIO(newline="") as file:
        writer = csv.DictWriter(file, columns.split(","), restval="0", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue().encode()


def rows_of(path: Path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_of(folder: Path) -> list[str]:
    """List the photographs of a built set, without split and suffix."""
    return sorted(Path(row["file"]).stem for row in rows_of(folder / "manifest.csv"))


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def nothing_unfinished(raw: Path) -> bool:
    """Tell whether data/raw holds neither a set nor half of one."""
    return not list(raw.glob("[!.]*")) and not list(raw.glob(".*.building"))
