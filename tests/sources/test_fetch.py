"""Downloads of one file, against a server on this machine."""

import contextlib
import errno
import hashlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hcegan_lib.sources import fetch as fetching
from hcegan_lib.sources.catalogue import Remote
from hcegan_lib.sources.fetch import BLOCK, RETRIES, Access, FetchError, MissingError, fetch
from tests.sources.server import files_of, remote

CONTENT = np.random.default_rng(0).bytes(10 * BLOCK + 7)
KEPT = 6 * BLOCK  # bytes of a part that tests leave behind


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


@pytest.fixture
def access(downloads):
    return Access(downloads)


@pytest.fixture
def known(server):
    """Put one file with a checksum on the server."""
    return remote(server, "a.zip", CONTENT)


@contextlib.contextmanager
def broken(server, name, length):
    """Break the connection after `length` bytes, and immediately whenever it is retried."""
    server.cut_once[name], server.cut[name] = length, 0
    yield
    del server.cut[name]


@pytest.fixture
def part(server, known, access):
    """Leave the first bytes of the file as a part, and forget the requests."""
    with broken(server, "a.zip", KEPT), pytest.raises(FetchError, match=r"a\.zip: the connection keeps breaking"):
        fetch("a.zip", known, access)
    server.requests.clear()
    return access.downloads / "a.zip.part"


def test_a_broken_connection_is_resumed_where_it_broke(server, known, access):
    server.cut_once["a.zip"] = KEPT
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert server.ranges("a.zip") == [None, f"bytes={KEPT}-"]


def test_a_connection_that_keeps_breaking_succeeds_as_long_as_it_makes_progress(server, known, access):
    server.cut["a.zip"] = len(CONTENT) // (2 * RETRIES + 3)
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert len(server.requests) > 2 * RETRIES


def test_the_next_call_resumes_a_part(server, known, access, part):
    assert part.read_bytes() == CONTENT[:KEPT]
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert server.ranges("a.zip") == [f"bytes={KEPT}-"]
    assert files_of(access.downloads) == ["a.zip"]


def test_a_server_that_cannot_resume_sends_the_file_from_the_beginning(server, known, access, part):
    server.without_range.add("a.zip")
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert files_of(access.downloads) == ["a.zip"]


@pytest.mark.parametrize(
    ("content", "requests"),
    [
        (CONTENT + b"more", [None]),
        (CONTENT, []),
        (b"<html>", ["bytes=6-", None]),
        (bytes(len(CONTENT)), [None]),
    ],
    ids=["too long", "complete", "wrong", "complete and wrong"],
)
def test_a_part_is_verified_and_replaced_if_it_is_wrong(content, requests, server, known, access):
    access.downloads.mkdir()
    (access.downloads / "a.zip.part").write_bytes(content)
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert server.ranges("a.zip") == requests
    assert files_of(access.downloads) == ["a.zip"]


def test_a_part_that_is_complete_and_wrong_is_deleted_even_if_no_server_has_the_file(server, known, access):
    access.downloads.mkdir()
    (access.downloads / "a.zip.part").write_bytes(bytes(len(server.files.pop("a.zip"))))
    with pytest.raises(MissingError):
        fetch("a.zip", known, access)
    assert files_of(access.downloads) == []


@pytest.mark.parametrize("wrong", ["a page", "a page without a length", "a shorter copy"])
def test_a_wrong_copy_on_a_mirror_does_not_replace_a_good_part(wrong, server, known, access, part):
    server.files["mirror/a.zip"] = CONTENT[:100] if wrong == "a shorter copy" else b"<html>Please sign in</html>"
    if wrong == "a page without a length":
        server.without_length.add("mirror/a.zip")
        server.without_range.add("mirror/a.zip")
    with broken(server, "a.zip", 0), pytest.raises(FetchError):
        fetch("a.zip", known, Access(access.downloads, f"{server.address}/mirror"))
    assert part.read_bytes() == CONTENT[:KEPT]
    server.requests.clear()
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert server.ranges("a.zip") == [f"bytes={KEPT}-"]


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"?", CONTENT[:100]], ids=["same length", "shorter"])
def test_a_wrong_copy_in_a_folder_does_not_replace_a_good_part(wrong, server, known, access, part, tmp_path):
    (tmp_path / "a.zip").write_bytes(wrong)
    mirrored = Access(access.downloads, str(tmp_path))
    with broken(server, "a.zip", 0), pytest.raises(FetchError) as error:
        fetch("a.zip", known, mirrored)
    assert f"({tmp_path}/a.zip: does not match the published checksum; http" in str(error.value)
    server.requests.clear()
    assert fetch("a.zip", known, mirrored).read_bytes() == CONTENT
    assert server.ranges("a.zip") == [f"bytes={KEPT}-"]


def test_a_file_without_a_checksum_starts_over_because_it_may_have_changed(server, access):
    unknown = remote(server, "a.csv", b"old" * BLOCK, checksum=False)
    with broken(server, "a.csv", BLOCK), pytest.raises(FetchError, match="the connection keeps breaking"):
        fetch("a.csv", unknown, access)
    server.files["a.csv"] = b"new" * BLOCK
    assert fetch("a.csv", unknown, access).read_bytes() == b"new" * BLOCK
    assert set(server.ranges("a.csv")) == {None}


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_checksum_of_either_kind_is_verified(kind, server, access):
    checksum = f"{kind}:{hashlib.new(kind, b'right').hexdigest()}"
    server.files |= {"right": b"right", "wrong": b"wrong"}
    addresses = (f"{server.address}/wrong", f"{server.address}/right")
    assert fetch("a.csv", Remote(5, checksum, addresses), access).read_bytes() == b"right"
    with pytest.raises(FetchError, match="wrong: does not match the published checksum"):
        fetch("b.csv", Remote(5, checksum, addresses[:1]), access)
    assert files_of(access.downloads) == ["a.csv"]


def test_a_file_of_the_wrong_length_is_refused_before_it_is_downloaded(server, known, access):
    server.files["a.zip"] = b"<html>Sign in</html>"
    with pytest.raises(FetchError, match=f"a.zip: 20 bytes instead of {len(CONTENT):,}, so this is a different file"):
        fetch("a.zip", known, access)
    assert files_of(access.downloads) == []


def test_a_download_that_was_damaged_later_is_replaced(server, known, access):
    access.downloads.mkdir()
    path = access.downloads / "a.zip"
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    path.write_bytes(CONTENT[:-1] + b"?")
    del server.files["a.zip"]
    with pytest.raises(MissingError):
        fetch("a.zip", known, access)
    assert files_of(access.downloads) == []


def test_a_missing_file_is_requested_once_per_address(server, known, access):
    moved = known._replace(addresses=(f"{server.address}/moved.zip", *known.addresses))
    assert fetch("a.zip", moved, access).read_bytes() == CONTENT
    assert server.paths() == ["moved.zip", "a.zip"]


def test_a_file_that_no_server_has_is_reported_with_its_addresses(server, known, access):
    del server.files["a.zip"]
    with pytest.raises(MissingError) as error:
        fetch("a.zip", known, access)
    assert f"cannot download a.zip ({server.address}/a.zip: 404 Not Found)" in str(error.value)
    assert "--mirror" in str(error.value)


@pytest.mark.parametrize(
    ("address", "problem"),
    [("http://127.0.0.1:9/a.zip", "no connection"), ("http://[bad/a.zip", ".*Failed to parse")],
)
def test_an_address_that_does_not_work_is_one_line(address, problem, known, access):
    with pytest.raises(FetchError, match=f"{problem}") as error:
        fetch("a.zip", known._replace(addresses=(address,)), access)
    assert address in str(error.value)
    assert "\n" not in str(error.value)


class Clock(threading.Event):
    """Records how long it would wait."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return self.is_set()


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [("7", 7), ("Wed, 01 Jan 2020 00:00:00 GMT", 0), ("99999", fetching.MAX_RETRY_AFTER)],
)
def test_a_busy_server_is_retried_after_the_time_it_asks_for_up_to_a_limit(retry_after, wait, server, known, downloads):
    server.busy["a.zip"], server.retry_after = 2, retry_after
    clock = Clock()
    assert fetch("a.zip", known, Access(downloads, stopped=clock)).read_bytes() == CONTENT
    assert clock.waits == [wait, wait]


def test_a_server_that_stays_busy_is_named_with_its_answer(server, known, access):
    server.busy["a.zip"] = 99
    with pytest.raises(FetchError, match=r"a\.zip: 429 Too Many Requests"):
        fetch("a.zip", known, access)
    assert len(server.requests) == 1 + RETRIES


def test_a_stop_ends_the_wait_for_a_busy_server(server, known, access):
    server.busy["a.zip"], server.retry_after = 1, "100"
    threading.Timer(0.1, access.stopped.set).start()
    start = time.monotonic()
    with pytest.raises(FetchError):
        fetch("a.zip", known, access)
    assert time.monotonic() - start < 30
    assert len(server.requests) == 1


def test_a_stop_ends_a_transfer_and_keeps_the_part(server, known, access):
    class StopAfterFirstBlock(threading.Event):
        def is_set(self):
            return (access.downloads / "a.zip.part").exists()

    with pytest.raises(FetchError, match="stopped"):
        fetch("a.zip", known, Access(access.downloads, stopped=StopAfterFirstBlock()))
    assert (access.downloads / "a.zip.part").read_bytes() == CONTENT[:BLOCK]
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert server.ranges("a.zip") == [None, f"bytes={BLOCK}-"]


def test_a_mirror_is_tried_first_and_its_checksums_are_verified(server, access):
    right, wrong = remote(server, "right.zip", CONTENT), remote(server, "wrong.zip", CONTENT)
    server.files |= {"school/right.zip": CONTENT, "school/wrong.zip": CONTENT[:-1] + b"?"}
    mirrored = Access(access.downloads, f"{server.address}/school/")
    assert fetch("right.zip", right, mirrored).read_bytes() == CONTENT
    assert fetch("wrong.zip", wrong, mirrored).read_bytes() == CONTENT
    assert server.paths() == ["school/right.zip", "school/wrong.zip", "wrong.zip"]


def test_a_mirror_can_be_a_folder(server, known, access, tmp_path):
    (tmp_path / "usb stick").mkdir()
    (tmp_path / "usb stick" / "a.zip").write_bytes(CONTENT)
    assert fetch("a.zip", known, Access(access.downloads, str(tmp_path / "usb stick"))).read_bytes() == CONTENT
    assert server.requests == []


@pytest.mark.parametrize("checksum", [True, False])
def test_an_unreadable_file_in_a_mirror_folder_is_skipped(checksum, server, access, tmp_path, monkeypatch):
    described = remote(server, "a.zip", CONTENT, checksum=checksum)
    (tmp_path / "a.zip").write_bytes(CONTENT)

    def refuse(path, *args, **options):
        if Path(path) == tmp_path / "a.zip":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open(path, *args, **options)

    monkeypatch.setattr(fetching, "open", refuse, raising=False)
    assert fetch("a.zip", described, Access(access.downloads, str(tmp_path))).read_bytes() == CONTENT
    assert server.paths() == ["a.zip"]


def test_an_interrupt_while_the_checksum_is_computed_keeps_the_download(server, known, access, monkeypatch):
    def interrupt(file, kind):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(hashlib, "file_digest", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch("a.zip", known, access)
    assert files_of(access.downloads) == ["a.zip.part"]
    server.requests.clear()
    assert fetch("a.zip", known, access).read_bytes() == CONTENT
    assert server.requests == []
