"""One child process with everything it starts: run it, measure its time and memory, and leave nothing of it behind."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

POLL = 0.5  # seconds between two looks at a running process


class Ended(NamedTuple):
    """What is known of a process after its end."""

    status: int  # exit status
    seconds: float
    memory: int  # peak resident memory of the whole tree in MB (10^6 bytes), sampled every POLL seconds
    log: str  # standard output and standard error


def supervise(command: list[str], watch: Callable[[], None], **options: object) -> Ended:
    """Run a command to its end, then kill whatever it has left running.

    `watch` is called every `POLL` seconds. If it raises (Ctrl-C, for example), the process and all its children are
    killed, and the exception is passed on. The options are those of `subprocess.Popen`, such as ``cwd`` and ``env``.
    Standard input is a pipe that this process only holds open, for `end_with_parent`.
    """
    start, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, **options)
        tree = [process]
        try:
            while process.poll() is None:
                tree = process_tree(process) or tree
                peak = max(peak, sum(map(resident_memory, tree)))
                watch()
                time.sleep(POLL)
        finally:  # a kernel does not end with papermill
            for each in {child for root in tree for child in process_tree(root)}:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(tree, timeout=5)
            process.stdin.close()
        log.seek(0)
        text = log.read().decode(errors="replace")
    return Ended(process.returncode, round(time.perf_counter() - start, 1), round(peak / 1e6), text)


def end_with_parent(leftover: Path | None = None) -> None:
    """In a supervised process: when the parent ends, however it ends, kill all children, delete a file and exit."""

    def wait() -> None:
        os.read(sys.stdin.fileno(), 1)  # nothing is ever written there; it ends when the other end of the pipe closes
        for child in psutil.Process().children(recursive=True):
            child.kill()
        if leftover:
            leftover.unlink(missing_ok=True)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def process_tree(process: psutil.Process) -> list[psutil.Process]:
    """List a process and all its descendants; an empty list if it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def resident_memory(process: psutil.Process) -> int:
    """Measure the resident memory of a process in bytes; 0 if it has ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def count_cores() -> int:
    """Count the physical cores that this process may use."""
    count = psutil.cpu_count(logical=False) or 1
    return min(count, len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else count


def threads_per_run(runs: int = 1) -> str:
    """Divide the cores among simultaneous runs; OMP_NUM_THREADS, if the user has set it, takes precedence."""
    return os.environ.get("OMP_NUM_THREADS") or str(max(1, count_cores() // runs))
