"""A whole set: its record, what stops a build, and checking it."""

import errno
import hashlib
import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from hcegan_lib import data, sources
from hcegan_lib.backend.files import lock_folder
from hcegan_lib.sources import fetch
from tests.sources.server import files_of, names_of, nothing_unfinished, photos_in, rows_of, zipped


def test_div2k_has_its_official_split(div2k, raw, build):
    assert build("div2k") == []
    train = [f"train/{n:04}.jpg" for n in range(1, 6)]
    assert files_of(raw / "div2k") == ["build.json", "manifest.csv", "test/0801.jpg", "test/0802.jpg", *train]
    for row in rows_of(raw / "div2k" / "manifest.csv"):
        entry = row["origin"].split(".zip/")[1]
        assert row["file"] == f"{row['split']}/{Path(entry).stem}.jpg"
        assert row["sha256"] == hashlib.sha256(div2k[entry]).hexdigest()
    photos = data.load("div2k", 64, cache=raw.parent / "cache")
    assert (photos.name, len(photos.train), len(photos.test)) == ("div2k", 5, 2)


def test_a_finished_set_is_left_unchanged_without_a_request(div2k, raw, server, build):
    build("div2k")
    before = {path: path.stat().st_mtime_ns for path in (raw / "div2k").rglob("*")}
    server.requests.clear()
    assert sources.build("div2k") == json.loads((raw / "div2k" / "build.json").read_text(encoding="utf-8"))
    assert server.requests == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_plan_states_what_is_downloaded_and_the_license(div2k, server):
    plan = sources.plan("div2k")
    total = sum(len(content) for content in server.files.values())
    assert plan.sure == plan.at_most == total
    assert f"{total / 1e6:.1f} MB  to download in all" in plan.text
    assert f"{server.address}/DIV2K_train_HR.zip" in plan.text
    assert "license: academic research only" in plan.text
    assert server.requests == []


def test_the_seed_selects_the_test_photographs_and_a_set_of_a_different_seed_is_kept(coco, raw, build, refused):
    splits = {}
    for seed in (0, 1, 2):
        build("coco-bird", seed=seed)
        splits[seed] = [row["file"] for row in rows_of(raw / "coco-bird" / "manifest.csv")]
        assert names_of(raw / "coco-bird") == coco[:6]
        (raw / "coco-bird").rename(raw / f"seed{seed}")
    assert len({tuple(files) for files in splits.values()}) > 1
    build("coco-bird")
    assert [row["file"] for row in rows_of(raw / "coco-bird" / "manifest.csv")] == splits[0]
    assert "was built with a different seed: move or delete it" in refused("coco-bird", seed=5)


def test_a_set_with_too_few_photographs_is_refused_with_the_first_reasons(coco, raw, server, refused):
    for stem in coco[3:8]:
        del server.files[f"train2017/{stem}.jpg"]
    line = refused("coco-bird")
    assert "coco-bird: found" in line
    assert "needs 6 in all; 5 left out: " in line
    assert "404 Not Found" in line
    assert nothing_unfinished(raw)


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("div2k", {"mirror": "nowhere"}, "--mirror must be a folder or start with http:// or https://, got 'nowhere'"),
        ("div2k", {"mirror": "ftp://example.org"}, "--mirror must be a folder or start with"),
        ("div2", {}, "unknown set 'div2', did you mean 'div2k'? valid: div2k, coco-bird"),
        ("holiday", {}, "unknown set 'holiday'; valid: div2k"),
        ("holiday", {"origin": "nowhere"}, "--from nowhere: no such file or folder"),
        ("../holiday", {"origin": "."}, "may contain letters, digits"),
        ("mini", {"origin": "."}, "'mini' is taken"),
        ("flowers", {"origin": "."}, "'flowers' is taken"),
        ("div2k", {"seed": -5}, "seed must be 0 or more, got -5"),
        ("holiday", {"origin": os.devnull}, f"{os.devnull} is not a plain file"),
        ("div2k", {"origin": "."}, "use --mirror for a copy of the official files"),
    ],
)
def test_invalid_input_is_refused_and_nothing_is_written(name, options, line, raw, refused):
    assert line in refused(name, **options)
    assert not raw.exists()


def test_a_folder_that_is_not_a_set_is_left_alone(div2k, raw, refused):
    (raw / "div2k").mkdir(parents=True)
    (raw / "div2k" / "mine.txt").write_text("mine", encoding="utf-8")
    assert "was not built by hcegan: move or delete it" in refused("div2k")
    assert files_of(raw) == ["div2k/mine.txt"]


def test_a_disk_without_space_is_noticed_before_anything_is_downloaded(div2k, server, refused, monkeypatch):
    full = type("Usage", (), {"free": 100_000})
    with monkeypatch.context() as disk:
        disk.setattr(fetch.shutil, "disk_usage", lambda path: full)
        line = refused("div2k")
    assert "of free disk space, but only 0.1 MB are free. Free some space and run the command again" in line
    assert server.requests == []


def no_space(*args, **options):
    raise OSError(errno.ENOSPC, "No space left on device")


class FullDisk(io.FileIO):
    """Accepts one block and no more."""

    def write(self, block):
        return super().write(block) if self.tell() == 0 else no_space()


@pytest.mark.parametrize(
    ("place", "name", "fails"), [(fetch, "open", FullDisk), (Image.Image, "save", no_space)], ids=["download", "crop"]
)
def test_a_disk_that_fills_up_is_explained_and_the_next_call_completes(
    place, name, fails, div2k, raw, build, refused, monkeypatch
):
    with monkeypatch.context() as disk:
        disk.setattr(place, name, fails, raising=False)
        line = refused("div2k")
    assert f"downloads in {raw} are kept: free some space and run the command again" in line
    assert nothing_unfinished(raw)
    build("div2k")


def test_every_file_is_on_the_disk_before_it_is_moved_to_its_name(div2k, raw, build, monkeypatch):
    """Otherwise a power cut can leave a file that is there, but empty."""
    on_disk, fsync = set(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: on_disk.add(os.fstat(file).st_ino) or fsync(file))
    build("div2k")
    files = [path for path in raw.rglob("*") if path.is_file() and path.name != ".lock"]
    assert len(files) == 11
    assert {path.stat().st_ino for path in files} <= on_disk


def test_a_second_build_is_refused_and_cannot_clean_the_downloads_of_the_first(div2k, raw, build, refused):
    with lock_folder(raw, "build"):
        assert "another build is running" in refused("div2k")
    build("div2k")
    with lock_folder(raw, "build"), pytest.raises(ValueError, match="another build is running"):
        sources.clean("div2k")
    assert files_of(raw / ".downloads") == ["DIV2K_train_HR.zip", "DIV2K_valid_HR.zip"]


def test_check_names_what_is_missing_changed_or_extra(div2k, raw, build):
    build("div2k")
    (raw / "div2k" / "train" / "0001.jpg").unlink()
    (raw / "div2k" / "train" / "0002.jpg").write_bytes(b"changed")
    (raw / "div2k" / "test" / "0803.jpg").write_bytes(b"extra")
    (raw / "div2k" / "test" / ".DS_Store").write_bytes(b"metadata")
    assert sources.check("div2k") == [
        "train/0001.jpg: missing",
        "train/0002.jpg: changed",
        "test/0803.jpg: not in the manifest",
    ]


@pytest.mark.parametrize("table", ["manifest.csv", "attribution.csv"])
def test_check_notices_a_changed_or_missing_table(table, coco, raw, build):
    build("coco-bird")
    path = raw / "coco-bird" / table
    path.write_text(path.read_text(encoding="utf-8").replace("0", "1"), encoding="utf-8")
    assert sources.check("coco-bird") == [f"{table}: changed"]
    path.unlink()
    assert sources.check("coco-bird") == [f"{table}: missing"]


OTHER = '{"tables": {"manifest.csv": "0"}}'  # without what a build counts


@pytest.mark.parametrize("content", ["[]", "{", '{"tables": ["manifest.csv"]}', '{"tables": null}', OTHER])
def test_a_folder_with_a_damaged_record_is_not_a_set(content, raw, tmp_path, build, refused):
    (tmp_path / "mine.zip").write_bytes(zipped(photos_in("photos", 3)))
    build("mine", origin=tmp_path / "mine.zip")
    (raw / "mine" / "build.json").write_text(content, encoding="utf-8")
    with pytest.raises(data.DataError, match="is not a set built by hcegan"):
        sources.check("mine")
    assert "was not built by hcegan" in refused("mine", origin=tmp_path / "mine.zip")
    assert sources.own_sets() == []
    assert not sources.is_built("mine")


@pytest.mark.parametrize("name", ["div2k", "nothing", "../raw", ""])
def test_check_refuses_a_name_that_is_not_a_set(name, raw):
    with pytest.raises(data.DataError):
        sources.check(name)


def test_clean_deletes_the_downloads_of_one_set_only(coco, raw, build):
    (raw / ".downloads" / "other").mkdir(parents=True)
    (raw / ".downloads" / "other" / "a.jpg").write_bytes(b"of another set")
    build("coco-bird")
    size = sum(path.stat().st_size for path in (raw / ".downloads").rglob("*") if path.is_file())
    assert sources.clean("coco-bird") == size - len(b"of another set")
    assert files_of(raw / ".downloads") == ["other/a.jpg"]
    assert sources.check("coco-bird") == []
