"""A cache of decoded photographs: one file of pixels and one record per set, valid only together."""

import json
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hcegan_lib.backend.files import read_json, write_atomically

Decoded = tuple[dict, np.ndarray]  # record: names of "train" and "test", image_size, ...; pixels (N, S, S, 3), uint8


def reuse(entry: Path, decode: Callable[[], Decoded]) -> Decoded:
    """Return what is cached as `entry`, memory-mapped; otherwise decode it and cache it, or warn that this failed."""
    stored = _read(entry)
    if stored is None:
        stored = decode()
        try:
            _write(entry, *stored)
        except OSError as error:
            problem = f"{entry.parent}: {error.strerror or error}"
            warnings.warn(f"{problem}; nothing is cached, the photographs stay in memory", stacklevel=3)
        stored = _read(entry) or stored
    return stored


def _read(entry: Path) -> Decoded | None:
    """Return what `_write` stored; None if there is nothing or any byte has changed."""
    record = read_json(entry.with_suffix(".json"))
    try:
        checksum, size = record.pop("checksum"), record["image_size"]
        shape = (len(record["train"]) + len(record["test"]), size, size, 3)
        pixels = np.memmap(entry.with_suffix(".bytes"), np.uint8, mode="r", shape=shape)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (record, pixels) if checksum == _checksum(record, pixels) else None


def _write(entry: Path, record: dict, pixels: np.ndarray) -> None:
    """Store the pixels, then the record: without a matching record the cache does not count."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(entry.with_suffix(".bytes"), pixels.tobytes())
    record = record | {"checksum": _checksum(record, pixels)}
    write_atomically(entry.with_suffix(".json"), json.dumps(record, indent=1))


def _checksum(record: dict, pixels: np.ndarray) -> int:
    return zlib.crc32(pixels, zlib.crc32(json.dumps(record, sort_keys=True).encode()))
