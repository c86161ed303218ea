"""A grid of runs, models x data sets x seeds, on Dask: each run is the notebook `train_and_score` in its own process.

The folder of a run says what it was made from (run.json) and whether it is finished (record.json). So a batch that was
stopped, or killed, needs nothing but these folders to go on.

A worker of Dask imports this module and needs little of it. What brings torch is therefore imported where it is used.
"""

import ast
import contextlib
import hashlib
import itertools
import json
import logging
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

from hcegan_lib import KIT_ROOT
from hcegan_lib.course import execute as course
from hcegan_lib.course.execute import Outcome

if TYPE_CHECKING:
    from distributed import Client, Future

    from hcegan_lib.train import TrainConfig

KIT = KIT_ROOT  # a run takes the library and the notebook from here
UNIT = course.NOTEBOOKS / "train_and_score.ipynb"
DEVICES = ("auto", "cpu", "cuda", "mps")
KEYS = ("profile", "models", "data", "seeds", "set", "device")  # of a grid file
CHOSEN = ("gamma_init", "loss", "data", "seed")  # settings that models, data and seeds decide
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # one number for all
POLL = 0.2  # seconds between two looks at a run
ATTEMPTS = 2  # times that a batch begins a run whose worker dies under it
HANDED_OUT = 10  # times that it hands out a run at all, where workers die before they begin it
DIED = "its worker has died, and so did the next one"
PATIENCE = 20  # seconds in which a scheduler must answer


@dataclass(frozen=True)
class Grid:
    """What a grid file asks for, checked."""

    name: str  # the file's name without its suffix: where runs and results go
    profile: str
    models: list[str]
    data: list[str]  # "mini" or folders, as written
    seeds: list[int]
    settings: dict  # fields of TrainConfig that differ from the profile's
    device: str = "auto"


@dataclass(frozen=True)
class Run:
    """One run of a grid."""

    folder: Path
    parameters: dict  # of the notebook
    made_from: dict  # all that decides its numbers, and a hash of it
    steps: int  # of the whole training

    @property
    def name(self) -> str:
        """Name of the folder, such as mini-SAp+Hinge+BCE-seed0."""
        return self.folder.name


# --- what to run ------------------------------------------------------------------------------------------------------


class GridLoader(yaml.SafeLoader):
    """Refuses what YAML lets pass: a key that stands twice, of which the last would count, and aliases."""

    def compose_node(self, parent: object, index: object) -> yaml.Node:
        """Refuse aliases: nested ones make gigabytes of a few lines."""
        if self.check_event(yaml.AliasEvent):
            raise ValueError("a grid has no aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Refuse a key that stands twice."""
        keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
        twice = [key for n, key in enumerate(keys) if key in keys[:n]]
        if twice:
            raise ValueError(f"the key {twice[0]!r} stands twice")
        return super().construct_mapping(node, deep)


def read_grid(path: str | Path) -> Grid:
    """Read a grid file and refuse all that cannot be meant.

    Parameters
    ----------
    path
        A YAML file with the keys profile, models (names, or all), data (mini, or folders relative to the kit), seeds,
        and, if wanted, set (settings that differ from the profile's) and device.

    Returns
    -------
    Grid
        Named as the file.

    Raises
    ------
    ValueError
        If a key, model, data set, profile, setting or value is unknown, or stands twice.
    """
    path = Path(path)
    if not re.fullmatch(r"[A-Za-z0-9][\w-]*", path.stem) or path.stem.endswith(("-curves", "-pictures")):
        raise ValueError(f"{path.name}: a grid's file is named with letters, digits, - and _, and its results after it")
    text = path.read_text(encoding="utf-8")
    try:
        return _checked(path.stem, yaml.load(text, GridLoader))
    except (ValueError, yaml.YAMLError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _checked(name: str, asked: object) -> Grid:
    """Check what a grid file holds."""
    from hcegan_lib import paper, train

    if not isinstance(asked, dict):
        raise ValueError(f"a grid has the keys {', '.join(KEYS)}, got {asked!r}")
    for key in asked:
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}{course._suggest(str(key), KEYS)}")
    for key in ("profile", "models", "data", "seeds"):
        if key not in asked:
            raise ValueError(f"the key {key!r} is missing")
    device, settings = asked.get("device", "auto"), asked.get("set", {})
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if not isinstance(settings, dict):
        raise ValueError(f"set must hold settings and their values, got {settings!r}")
    settings = check_settings(settings)
    profile = str(asked["profile"])
    train.config(profile, **settings)
    models = list(paper.MODELS) if asked["models"] == "all" else _list(asked, "models", str)
    data, seeds = _list(asked, "data", str), _list(asked, "seeds", int)
    for model in models:
        paper.model(model)
    wrong = [seed for seed in seeds if not 0 <= seed < 2**32]
    if wrong:
        raise ValueError(f"seeds must be from 0 to {2**32 - 1}, got {wrong[0]}")
    missing = [folder for folder in data if folder != "mini" and not folder_of(folder).is_dir()]
    if missing:
        raise ValueError(
            f"there is no folder {', '.join(missing)}: hcegan data build NAME makes those that the kit knows"
        )
    return Grid(name, profile, models, data, seeds, settings, device)


def _list(asked: dict, key: str, kind: type) -> list:
    """Take a list of one type, without repetitions, from a grid file."""
    values = asked[key]
    if not isinstance(values, list) or not values or not all(type(value) is kind for value in values):
        words = {str: "names", int: "whole numbers"}[kind] + (", or all" if key == "models" else "")
        raise ValueError(f"{key} must be a list of {words}, got {values!r}")
    twice = [value for n, value in enumerate(values) if value in values[:n]]
    if twice:
        raise ValueError(f"{key} names {twice[0]!r} twice")
    return values


def check_settings(asked: Mapping[str, object]) -> dict:
    """Check settings that a grid or the notebook changes: their types here, their values in TrainConfig.

    Parameters
    ----------
    asked
        Field of TrainConfig -> value. attend_max_positions may be "all": attention on every map, TrainConfig's None.

    Returns
    -------
    dict
        Fields of TrainConfig.

    Raises
    ------
    ValueError
        If a setting or the type of its value is unknown, or the setting is decided by model, data or seed.
    """
    from hcegan_lib.train import TrainConfig

    types = {setting.name: setting.type for setting in fields(TrainConfig) if setting.name not in CHOSEN}
    for name in asked:
        if name not in types:
            raise ValueError(f"unknown setting {name!r}{course._suggest(str(name), types)}")
    return {name: _setting(name, value, types[name]) for name, value in asked.items()}


def _setting(name: str, value: object, kind: object) -> object:
    """Give a value the type that its setting has. YAML reads 1e-3 as text, so text that is a number passes for one."""
    if name == "attend_max_positions" and value == "all":
        return None
    if kind is float and type(value) in (int, str):
        with contextlib.suppress(ValueError, OverflowError):
            value = float(value)
    if kind is float and type(value) is float and math.isfinite(value):
        return value
    if kind is not float and type(value) is int and value > 0:
        return value
    wanted = "a number" if kind is float else "a whole number of at least 1"
    raise ValueError(f"{name} must be {wanted}{', or all' * (name == 'attend_max_positions')}, got {value!r}")


def folder_of(data: str) -> Path:
    """Find a folder of photographs that a grid names: relative paths start at the kit, wherever one stands."""
    return KIT / os.path.expanduser(data)


def source_of(data: str) -> str:
    """Say what `data.load` is to load: the embedded set by its name, any other by its folder."""
    return data if data == "mini" else str(folder_of(data))


def expand(grid: Grid) -> list[Run]:
    """List the runs of a grid: all models and data sets of the first seed, then those of the next.

    So a batch that is stopped early has compared all models. Each data set is loaded once, which checks it and leaves
    its decoded photographs in the cache for all runs.

    Raises
    ------
    ValueError
        If two runs would share a folder, a setting cannot be trained, or a data set cannot be used.
    """
    from hcegan_lib import data, paper, train
    from hcegan_lib.experiment import records

    config = train.config(grid.profile, **grid.settings)
    sets = {name: data.load(source_of(name), config.image_size, progress=sys.stderr.isatty()) for name in grid.data}
    code, runs = code_hash(), []
    for seed in grid.seeds:
        for name, photos in sets.items():
            for model in grid.models:
                settings = train.config(
                    grid.profile, **grid.settings, data=name, seed=seed, **paper.model(model)._asdict()
                )
                folder = records.run_folder(grid.name, photos.name, model, seed)
                steps = settings.epochs * (len(photos.train) // min(settings.batch_size, len(photos.train)))
                chosen = {"profile": grid.profile, "grid": grid.name, "model": model, "data": name, "seed": seed}
                parameters = chosen | {"device": grid.device} | _as_written(grid.settings)
                runs.append(Run(folder, parameters, made_from(settings, photos.fingerprint, code), steps))
    folders = [run.folder for run in runs]
    twice = [folder.name for n, folder in enumerate(folders) if folder in folders[:n]]
    if twice:
        raise ValueError(f"two runs of the grid have the name {twice[0]}: two folders of photographs have equal names")
    return runs


def _as_written(settings: dict) -> dict:
    """Turn settings into parameters of the notebook, where None is the profile's value."""
    return {name: "all" if value is None else value for name, value in settings.items()}


def made_from(settings: "TrainConfig", fingerprint: str, code: str) -> dict:
    """Collect all that decides a run's numbers, and hash it: equal hashes, equal runs.

    Parameters
    ----------
    settings
        Of the run.
    fingerprint
        Of its photographs.
    code
        From `code_hash`.

    Returns
    -------
    dict
        Content of run.json. The device and the number of threads are not in it, though they change how sums are
        rounded: a batch may go on on another machine, and a record names both.
    """
    import torch

    content = {"settings": asdict(settings), "data": fingerprint, "code": code, "torch": torch.__version__}
    return {"hash": _sha256(json.dumps(content, sort_keys=True)), **content}


def code_hash() -> str:
    """Hash the code that decides a run's numbers, without comments, docstrings and layout."""
    return _sha256("\n".join(_bare(path) for path in code_files()))


def code_files() -> list[Path]:
    """List the modules that a run's numbers depend on: all on top of the library, and all of its backend."""
    library = KIT / "hcegan_lib"
    return sorted([*library.glob("[!_]*.py"), *library.glob("backend/[!_]*.py")])


def _bare(path: Path) -> str:
    """Source of a module without all that does not compute."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body[0].value = ast.Constant("")
    return ast.unparse(tree)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# --- what is there ----------------------------------------------------------------------------------------------------


def check_place(grid: Grid, *, keep_or_replace: bool) -> None:
    """Refuse to mix a new batch with what an earlier one has left.

    Parameters
    ----------
    grid
        From `read_grid`.
    keep_or_replace
        Whether the user has said what is to become of earlier runs.

    Raises
    ------
    ValueError
        If there are earlier runs and nothing is said of them, or if the results of that name are another program's.
    """
    from hcegan_lib.experiment import records

    there = folders_of(grid)
    if there and not keep_or_replace:
        raise ValueError(
            f"{records.RUNS / grid.name} holds {len(there)} runs: --resume goes on with the grid's, --fresh starts anew"
        )
    manifest = records.RESULTS / f"{grid.name}.json"
    if manifest.exists() and _read(manifest).get("grid") != grid.name:
        raise ValueError(f"{manifest} is not the manifest of a grid {grid.name!r}: give the grid's file another name")


def folders_of(grid: Grid) -> list[Path]:
    """List the folders of runs that a grid's folder holds."""
    from hcegan_lib.experiment import records

    return sorted(path for path in (records.RUNS / grid.name).glob("[!.]*") if path.is_dir())


def sift(grid: Grid, runs: list[Run], *, fresh: bool = False) -> tuple[list[Run], list[Path]]:
    """Compare a grid's runs with what lies in its folder.

    Parameters
    ----------
    grid, runs
        The grid, and its runs from `expand`.
    fresh
        Keep nothing of what is there.

    Returns
    -------
    left, aside
        The runs that are not finished, and the folders that are not to stay: those of runs that the grid does not
        have, or that other settings, photographs, code or another torch made.
    """
    kept = [] if fresh else [run for run in runs if _read(run.folder / "run.json").get("hash") == run.made_from["hash"]]
    aside = [folder for folder in folders_of(grid) if folder not in [run.folder for run in kept]]
    return [run for run in runs if not (run in kept and finished(run))], aside


def finished(run: Run) -> bool:
    """Say whether a run has left a whole record."""
    return "scores" in _read(run.folder / "record.json")


def put_aside(folders: list[Path]) -> Path | None:
    """Move folders of runs out of their grid, into one beside it, where nothing is ever overwritten.

    Parameters
    ----------
    folders
        From `sift`.

    Returns
    -------
    Path
        Where they are now: for example data/runs/laptop.replaced. None if there were none.

    Raises
    ------
    ValueError
        If a training is at work in one of them; then none is moved.
    """
    from hcegan_lib.backend.files import lock_folder

    for folder in folders:
        with lock_folder(folder, "training"):  # which `hcegan train` may do there
            pass
    place = None
    for folder in folders:
        place = folder.parent.with_name(f"{folder.parent.name}.replaced")
        place.mkdir(exist_ok=True)
        taken = {path.name for path in place.iterdir()}
        free = next(name for n in itertools.count(1) if (name := f"{folder.name}-{n}") not in taken)
        folder.rename(place / free)
    return place


def steps_done(run: Run) -> int:
    """Say how far a run's log goes; what lies in a buffer, some forty steps at most, is not in it yet."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(run.folder / "log.jsonl", "rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))  # a row is some 200 bytes long
        return json.loads(log.read().split(b"\n")[-2])["step"]
    return 0


def _read(path: Path) -> dict:
    """Read a JSON file; one that is missing or damaged holds nothing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


# --- on Dask ----------------------------------------------------------------------------------------------------------


def cores() -> int:
    """Count the physical cores that this process may use."""
    count = psutil.cpu_count(logical=False) or 1
    return min(count, len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else count


def threads(workers: int) -> str:
    """Share out the cores among the runs of as many workers, unless the user has said what a run may take."""
    return os.environ.get("OMP_NUM_THREADS") or str(max(1, cores() // workers))


@contextlib.contextmanager
def local_cluster(workers: int) -> Iterator["Client"]:
    """Start workers on this machine, reachable from this machine alone, and stop them in the end.

    Parameters
    ----------
    workers
        Processes; each executes one run at a time. The cores are shared out among them, unless OMP_NUM_THREADS says
        how many threads a run may have.
    """
    import dask
    from distributed import Client, LocalCluster

    _silence_dask()
    settings = {
        "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": threads(workers)},
        "distributed.scheduler.allowed-failures": 0,  # `run` itself knows better which run killed a worker
    }
    asked = {"n_workers": workers, "threads_per_worker": 1, "host": "127.0.0.1"}
    asked["memory_limit"] = None  # it would count the workers, and the runs are processes of their own
    asked["scheduler_kwargs"] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # no port that others want
    asked["silence_logs"] = logging.CRITICAL
    with dask.config.set(settings), LocalCluster(**asked) as cluster, Client(cluster) as client:
        client.register_worker_callbacks(_ignore_ctrl_c)
        yield client


def _silence_dask() -> None:
    """Keep Dask from writing on standard error what the batch tells in one line."""
    for name in logging.root.manager.loggerDict:
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _ignore_ctrl_c() -> None:
    """Let workers outlive a Ctrl-C that a terminal sends to all: the batch hears it too, and ends them in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def scheduler_at(address: str) -> Iterator["Client"]:
    """Join a scheduler that runs already.

    Parameters
    ----------
    address
        Such as tcp://10.0.0.1:8786.

    Raises
    ------
    ValueError
        If none answers there.
    """
    from distributed import Client

    _silence_dask()
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {address!r}: {error}") from None
    with client:
        yield client


def run(
    client: "Client",
    runs: list[Run],
    *,
    at_once: int | None = None,
    resources: Mapping[str, float] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Run, Outcome]]:
    """Execute runs on a cluster, in this order as far as there are workers, and go on after a failure.

    Parameters
    ----------
    client
        From `local_cluster` or `scheduler_at`.
    runs
        From `sift`; in their folders is nothing, or what runs of the same hash have left.
    at_once
        How many to hand out at a time. None: all, so that a cluster which grows with its work sees how much there is.
    resources
        What each run takes of a worker's resources, such as {"GPU": 1}.
    watch
        Called every `POLL` seconds. An exception in it, Ctrl-C for one, ends all runs; their checkpoints stay.

    Yields
    ------
    Run, Outcome
        As soon as a run has ended.

    Raises
    ------
    ConnectionError
        If the scheduler is gone.
    """
    batch = os.urandom(4).hex()
    left, waiting, handed_out = list(enumerate(runs)), {}, Counter()
    try:
        while left or waiting:
            while left and len(waiting) < (at_once or len(runs)):
                number, one = left.pop(0)
                handed_out[one.name] += 1
                # No key is used twice: under an equal one Dask would give the result that it has.
                key = f"{one.name}-{batch}-{handed_out[one.name]}"
                asked = {"key": key, "priority": -number, "resources": resources}
                waiting[client.submit(execute, job_of(one, batch), **asked)] = number, one
            time.sleep(POLL)
            watch()
            if client.status == "closed" or any(future.cancelled() for future in waiting):
                raise ConnectionError("the scheduler is gone")
            for future in [future for future in waiting if future.done()]:
                number, one = waiting.pop(future)
                begun = attempts(one.folder, batch)
                if _died_with_its_worker(future) and begun < ATTEMPTS and handed_out[one.name] < HANDED_OUT:
                    left.insert(0, (number, one))
                else:
                    yield one, _outcome(one, future)
    finally:
        if waiting:
            client.cancel(list(waiting))


def _died_with_its_worker(future: "Future") -> bool:
    """Say whether Dask gives up a run for the death of a worker on which it was executed or only waited."""
    from distributed import KilledWorker

    return future.status == "error" and isinstance(future.exception(), KilledWorker)


def attempts(folder: Path, batch: str) -> int:
    """Count how often a batch has begun to execute the run in a folder."""
    begun = _read(folder / "run.json")
    return begun["attempt"] if begun.get("batch") == batch else 0


def nothing_moves(client: "Client") -> bool:
    """Say whether no worker has taken any run: there are none yet, or they do not have the resources."""
    return not any(client.processing().values())


def job_of(run: Run, batch: str) -> dict:
    """Write a run of a batch as what travels to its worker."""
    job = {"kit": str(KIT), "folder": str(run.folder), "parameters": run.parameters, "made_from": run.made_from}
    return job | {"batch": batch}


def _outcome(run: Run, future: "Future") -> Outcome:
    if _died_with_its_worker(future):
        return Outcome(run.name, 0.0, 0.0, [DIED])
    if future.status != "finished":
        return Outcome(run.name, 0.0, 0.0, [" ".join(str(future.exception()).split())])
    outcome = Outcome(**future.result())
    if not outcome.errors and not finished(run):
        outcome.errors.append(f"there is no record in {run.folder}: do the workers write to another disk?")
    return outcome


def execute(job: dict) -> dict:
    """Execute one run on a worker, in a process of its own.

    Parameters
    ----------
    job
        From `job_of`.

    Returns
    -------
    dict
        An `Outcome`. After a failure the run's folder has notebook.ipynb, as far as it came, and error.txt.

    Raises
    ------
    ValueError
        If this worker's kit is another one: the run would not be what its hash says.
    RuntimeError
        If this batch has begun the run before, and its worker died each time.
    """
    if job["kit"] != str(KIT):
        raise ValueError(f"the worker has the kit in {KIT}, the batch in {job['kit']}: they must share one folder")
    if job["made_from"]["code"] != code_hash():
        raise ValueError("the library has changed since the batch began: start it again with --resume")
    folder = Path(job["folder"])
    attempt = attempts(folder, job["batch"]) + 1
    if attempt > ATTEMPTS:
        raise RuntimeError(DIED)
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("error.txt", "notebook.ipynb"):
        (folder / old).unlink(missing_ok=True)
    begun = job["made_from"] | {"batch": job["batch"], "attempt": attempt}
    course._write(folder / "run.json", json.dumps(begun, indent=1) + "\n")
    start = time.perf_counter()
    returned, peak, log = _supervise(folder, job["parameters"])
    notebook = course._read(folder / "notebook.ipynb")
    errors = course._failures(notebook, returned, log)
    if errors and not _unwanted():
        course._write(folder / "error.txt", "\n".join([*errors, "", *_tracebacks(notebook), log]))
    return asdict(Outcome(folder.name, round(time.perf_counter() - start, 1), round(peak / 1e6), errors))


def _supervise(folder: Path, parameters: dict) -> tuple[int, int, str]:
    """Run the notebook in a process of its own; give its exit status, peak memory in bytes, and what it printed."""
    command = [
        sys.executable,
        "-m",
        "hcegan_lib.experiment.batch",
        json.dumps({"folder": str(folder), "parameters": parameters}),
    ]
    paths = [str(KIT), *filter(None, [os.environ.get("PYTHONPATH")])]  # the kernel too takes the library from this kit
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | dict.fromkeys(THREADS, threads(1))
    peak = 0
    with tempfile.TemporaryFile() as log:
        # A session of its own: Ctrl-C reaches the batch alone, which then ends its runs in order.
        process = psutil.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=KIT, env=environment, start_new_session=True
        )
        tree = [process]
        try:
            while process.poll() is None and not _unwanted():
                tree = course._tree(process) or tree
                peak = max(peak, sum(map(course._resident, tree)))
                time.sleep(POLL)
        finally:
            course._end(tree)
            process.stdin.close()
        log.seek(0)
        return process.wait(), peak, log.read().decode(errors="replace")


def _unwanted() -> bool:
    """Say whether the batch has given the run up: it was stopped, or it is gone. Only the worker's own task tells."""
    from distributed import get_worker

    try:
        worker = get_worker()
        task = worker.state.tasks.get(worker.get_current_task())
    except ValueError:  # not on a worker
        return False
    return task is None or task.state == "cancelled" or worker.status.name in ("closing", "closed", "failed")


def _tracebacks(notebook: "course.NotebookNode | None") -> Iterator[str]:
    """Give the tracebacks that a notebook shows, without their colors."""
    for cell in notebook.cells if notebook else []:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                yield re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output["traceback"]))


def main(job: dict) -> int:
    """Execute the notebook of one run; the work of the process that `execute` starts."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import papermill

    target = Path(job["folder"], "notebook.ipynb")
    try:
        papermill.execute_notebook(
            course._literal(UNIT),
            course._literal(target),
            job["parameters"],
            cwd=str(UNIT.parent),
            kernel_name="python3",
            progress_bar=False,
        )
    except papermill.PapermillExecutionError:
        return 1  # its cell is in the notebook
    return 0


def _end_with_parent() -> None:
    """Wait until the worker is gone, however it went, and end this process and its kernel then."""
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written there; it ends when the worker's end of it does
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
