"""How much a download still needs, and whether the disk has room for it."""

import shutil
from pathlib import Path

from hcegan_lib.sources.catalogue import Remote
from hcegan_lib.sources.fetch import FetchError, resumable_bytes


def remaining_bytes(name: str, remote: Remote, downloads: Path) -> int:
    """Count the bytes of a file that still have to be downloaded."""
    if (downloads / name).exists():
        return 0
    return max(0, remote.bytes - resumable_bytes(downloads / f"{name}.part", remote))


def require_space(folder: Path, needed: int) -> None:
    """Raise FetchError unless the disk of `folder` has `needed` bytes free."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        shortage = f"needs {human_bytes(needed)} of free disk space, but only {human_bytes(free)} are free"
        raise FetchError(f"{folder}: {shortage}. Free some space and run the command again")


def human_bytes(count: int) -> str:
    """Format a number of bytes as MB or GB."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
