"""Feed damaged photographs, archives, logs and grid files to the library: python -m tests.fuzz --inputs 20000 (Linux)

Each input must give a result or the documented error, within `SECONDS` and `MEMORY`. Group, seed and number decide an
input, so that a failure repeats: python -m tests.fuzz --only archives --seed 0 --first 123 --inputs 1
"""

import argparse
import collections
import faulthandler
import io
import json
import os
import random
import resource
import signal
import sys
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import yaml
from PIL import Image

from hcegan_lib import data
from hcegan_lib.backend import checkpoints
from hcegan_lib.experiment import Grid, read_grid, steps_done
from hcegan_lib.sources import candidates
from hcegan_lib.sources.crop import free_name

SECONDS = 20  # of computing for one input; then the process ends with a traceback of where it hangs
MEMORY = 2 * 2**30  # bytes above what the imports take
STRANGE = [
    None,
    True,
    -1,
    0,
    1e999,
    float("nan"),
    2**70,
    "",
    "x" * 300,
    "\x1b[31m",
    "\0",
    "../..",
    [],
    {},
    [[1]],
    "1e3",
]
NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0"]


def damaged(content: bytes, source: random.Random) -> bytes:
    """Change a few places of a file, cut it, or repeat a part; or make random bytes."""
    if source.random() < 0.05:
        return source.randbytes(source.randrange(200))
    content = bytearray(content)
    for _ in range(source.choice([1, 1, 2, 4, 16])):
        place = source.randrange(len(content) or 1)
        end = place + source.choice([1, 4, 16, 200])
        kind = source.choice(["bit", "byte", "number", "cut", "drop", "repeat", "swap"])
        if kind == "bit" and content:
            content[place] ^= 1 << source.randrange(8)
        elif kind == "byte":
            content[place : place + 1] = source.randbytes(1)
        elif kind == "number":
            content[place : place + 4] = source.choice(NUMBERS)
        elif kind == "cut" and source.random() < 0.3:
            del content[place:]
        elif kind == "drop":
            del content[place:end]
        elif kind == "repeat":
            content[place:place] = content[place:end] * source.choice([1, 1, 50])
        elif kind == "swap":
            other = source.randrange(len(content) or 1)
            content[place:end] = content[other : other + end - place]
    return bytes(content)


def refused(error: ValueError, path: Path) -> str:
    """Make sure that a message names the file in one reasonable line."""
    if str(path) not in str(error) or len(str(error)) > 2000:
        raise AssertionError(str(error)[:2000]) from error
    return "refused"


# --- photographs ------------------------------------------------------------------------------------------------------


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """Encode a picture."""
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def whole_photos() -> list[bytes]:
    """Small pictures in every format that is read, and in some that are not."""
    color = Image.effect_noise((19, 17), 90).convert("RGB")
    gray, clear, ink = color.convert("L"), color.convert("RGBA"), color.convert("CMYK")
    turned = Image.Exif()
    turned[0x0112] = 6
    pages = {"save_all": True, "append_images": [gray.convert("RGB")]}
    photos = [encoded(color, "JPEG", exif=turned), encoded(color, "JPEG", progressive=True), encoded(ink, "JPEG")]
    photos += [encoded(image, "PNG") for image in (color, clear, gray, gray.convert("I;16"), gray.convert("1"))]
    photos += [encoded(color.quantize(8), "PNG", transparency=3), encoded(gray.convert("F"), "TIFF")]
    photos += [
        encoded(color, "TIFF", compression=way) for way in ("raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits")
    ]
    photos += [encoded(gray.convert("1"), "TIFF", compression="group4"), encoded(color, "TIFF", **pages)]
    photos += [encoded(color, "WEBP"), encoded(clear, "WEBP", lossless=True), encoded(color, "WEBP", **pages)]
    return [*photos, encoded(color, "BMP"), encoded(color, "GIF"), encoded(color.quantize(8), "GIF", **pages)]


def read_photo(path: Path, content: bytes) -> str:
    """Open a photograph."""
    path.write_bytes(content)
    try:
        photo = data.open_photo(path)
    except data.DataError as error:
        return refused(error, path)
    assert photo.mode == "RGB"
    assert min(photo.size) > 0
    return "read"


# --- archives ---------------------------------------------------------------------------------------------------------


def whole_archives() -> list[bytes]:
    """Zips and tars with photographs, folders, a list of photographers and long names."""
    photo = whole_photos()[0]
    credit = b"flowers/a.jpg CC-BY by Ada - https://example.org/1\n"
    entries = {"f/train/a.jpg": photo, "f/train/b.jpg": photo, "f/test/c.jpg": photo, "f/LICENSE.txt": credit}
    entries |= {f"f/train/{'long' * 40}.png": b"no picture", "f/.hidden.jpg": b"", "f/test/\xe9\u4e2d.JPG": photo}
    archives = []
    for way in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with io.BytesIO() as file:
            with zipfile.ZipFile(file, "w", way) as archive:
                for name, content in entries.items():
                    archive.writestr(name, content)
            archives.append(file.getvalue())
    for mode in ("w", "w", "w:gz", "w:bz2", "w:xz"):
        with io.BytesIO() as file:
            kind = tarfile.GNU_FORMAT if len(archives) == 4 else tarfile.PAX_FORMAT
            with tarfile.open(fileobj=file, mode=mode, format=kind) as archive:
                for name, content in entries.items():
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mtime = len(content), 1.5
                    archive.addfile(entry, io.BytesIO(content))
            archives.append(file.getvalue())
    return archives


def with_right_sums(content: bytes) -> bytes:
    """Write the checksums of a tar's headers anew, because a wrong one ends the reading at once."""
    content = bytearray(content)
    for start in range(0, len(content) - 511, 512):
        header = content[start : start + 512]
        if header[257:262] == b"ustar":
            header[148:156] = b" " * 8
            content[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return bytes(content)


def read_archive(path: Path, content: bytes) -> str:
    """Read all photographs of an archive."""
    path.write_bytes(with_right_sums(content))
    taken = set()
    try:
        for candidate in candidates.photographs(path, "archive"):
            assert isinstance(candidate.read(), bytes)
            name = free_name(candidate.name, taken)
            assert (path.parent / f"{name}.jpg").resolve().parent == path.parent.resolve()
    except data.DataError as error:
        return refused(error, path)
    return "read"


# --- logs and grids ---------------------------------------------------------------------------------------------------


def whole_logs() -> list[bytes]:
    """Logs of a few steps, with and without attention."""
    row = dict.fromkeys(checkpoints.COLUMNS, 0.5)
    logs = [[row | {"step": step, "gain": gain} for step in range(1, 6)] for gain in (None, 0.1)]
    return ["".join(json.dumps(row) + "\n" for row in log).encode() for log in logs]


def strange_log(content: bytes, source: random.Random) -> bytes:
    """Replace some values of a log, or damage its bytes."""
    if source.random() < 0.5:
        return damaged(content, source)
    rows = [json.loads(line) for line in content.splitlines()]
    for _ in range(source.randrange(1, 3)):
        row = source.randrange(len(rows))
        if source.random() < 0.1 or not isinstance(rows[row], dict):
            rows[row] = source.choice(STRANGE)
        else:
            rows[row][source.choice(checkpoints.COLUMNS)] = source.choice(STRANGE)
    return "\n".join(map(json.dumps, rows)).encode()


def read_log(path: Path, content: bytes) -> str:
    """Read a log, and its last step."""
    (path.parent / "log.jsonl").write_bytes(content)
    assert isinstance(steps_done(SimpleNamespace(folder=path.parent)), int | float)
    try:
        rows = checkpoints.read_log(path.parent)
    except checkpoints.CheckpointError as error:
        return refused(error, path.parent / "log.jsonl")
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    return "read"


def whole_grids() -> list[bytes]:
    """Grid files, the last one written as people write them."""
    grid = {"profile": "smoke", "models": ["pix2pix", "SA'+Hinge+BCE"], "data": ["mini"], "seeds": [0, 1]}
    more = grid | {"set": {"epochs": 2, "learning_rate": 1e-3, "precision": "bfloat16"}, "device": "cpu"}
    text = "profile: smoke # size\nmodels: all\ndata: [mini, flowers]\nseeds:\n- 0\n- &one 1\nset: {epochs: 1}\n"
    return [yaml.safe_dump(grid).encode(), yaml.safe_dump(more, default_flow_style=True).encode(), text.encode()]


def strange_grid(content: bytes, source: random.Random) -> bytes:
    """Replace some values of a grid, insert what YAML reads in its own way, or damage its bytes."""
    way = source.random()
    if way < 0.4:
        return damaged(content, source)
    if way < 0.6:
        word = source.choice(
            [
                "*one",
                "&a [*a]",
                "!!set {}",
                "!!binary a",
                "!!python/name:os.system",
                "<<: 1",
                "? [a]",
                "%",
                "2001-99-99",
                "0x",
                "1:99",
                "~",
            ]
        )
        place = source.choice([place for place, letter in enumerate(content) if letter in b" \n:,["])
        return content[: place + 1] + word.encode() + content[place + 1 :]
    grid = yaml.safe_load(content)
    for _ in range(source.randrange(1, 3)):
        value = source.choice(
            [*STRANGE, [source.choice(STRANGE)], {source.choice(STRANGE[:7]): source.choice(STRANGE)}]
        )
        if source.random() < 0.3:
            grid["set"] = grid["set"] if isinstance(grid.get("set"), dict) else {}
            grid["set"][source.choice(["epochs", "depth", "image_size", "precision", "l1_weight", "decay_from"])] = (
                value
            )
        else:
            grid[source.choice(["profile", "models", "data", "seeds", "set", "device", "more"])] = value
    return yaml.safe_dump(grid).encode()


def read_strange_grid(path: Path, content: bytes) -> str:
    """Read a grid file."""
    path = path.with_name("grid.yaml")
    path.write_bytes(content)
    try:
        assert isinstance(read_grid(path), Grid)
    except ValueError as error:
        return refused(error, path)
    return "read"


GROUPS: dict[str, tuple[Callable[[], list[bytes]], Callable, Callable[[Path, bytes], str]]] = {
    "photographs": (whole_photos, damaged, read_photo),
    "archives": (whole_archives, damaged, read_archive),
    "logs": (whole_logs, strange_log, read_log),
    "grids": (whole_grids, strange_grid, read_strange_grid),
}


def fuzz(group: str, numbers: range, seed: int, folder: Path) -> collections.Counter:
    """Try some inputs of a group; print each failure, with the numbers that repeat it."""
    whole, damage, read = GROUPS[group]
    files, outcomes, path = whole(), collections.Counter(), folder / "input"
    for content in files:  # undamaged
        read(path, content)
    for number in numbers:
        source = random.Random(f"{group} {seed} {number}")
        content = damage(source.choice(files), source)
        (folder / "last").write_text(f"{group} --seed {seed} --first {number}")
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        faulthandler.dump_traceback_later(30 * SECONDS, exit=True)  # in case it waits and computes nothing
        try:
            outcomes[read(path, content)] += 1
        except Exception:
            outcomes["FAILED"] += 1
            print(
                f"--only {group} --seed {seed} --first {number} --inputs 1\n{traceback.format_exc()}", file=sys.stderr
            )
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
    return outcomes


def main() -> int:
    """Fuzz all groups, print a row for each, and exit with 1 after a failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=2000, help="in all groups together")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=GROUPS, nargs="+", default=[*GROUPS])
    args = parser.parse_args()
    failed, each = 0, -(-args.inputs // len(args.only))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    faulthandler.register(signal.SIGPROF, chain=True)  # prints where, then the signal ends the process
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for group in args.only:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            outcomes = fuzz(group, range(args.first, args.first + each), args.seed, Path(folder))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        print(f"{group:12}  {counts}; {time.monotonic() - begun:.0f} s, peak memory {peak:.0f} MB", flush=True)
        failed += outcomes["FAILED"]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
