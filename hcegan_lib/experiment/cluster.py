"""The runs of a grid on a Dask cluster: on this machine, or on a scheduler that is already running."""

import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import dask
from distributed import Client, Future, KilledWorker, LocalCluster

from hcegan_lib import KIT_ROOT
from hcegan_lib.experiment.notebooks import Outcome
from hcegan_lib.experiment.runs import Run, is_finished
from hcegan_lib.experiment.supervise import threads_per_run
from hcegan_lib.experiment.worker import ATTEMPTS, WORKER_DIED, attempts, execute, ignore_ctrl_c

POLL = 0.2  # seconds between two looks at the runs: a result is lost if its worker dies before it is fetched
SUBMISSIONS = 10  # limit per run, if workers keep dying before they begin it
SCHEDULER_TIMEOUT = 8  # seconds


@contextlib.contextmanager
def local_cluster(workers: int) -> Iterator[Client]:
    """Start worker processes on this machine, reachable from this machine only, and stop them at the end.

    Each executes one run at a time. They divide the cores among themselves, unless OMP_NUM_THREADS says how many
    threads a run may use.
    """
    _silence_dask()
    settings = {
        "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": threads_per_run(workers)},
        "distributed.scheduler.allowed-failures": 0,  # `run_all` knows better which run killed a worker
        # Every 10 ms Dask samples its own work, every 20 ms it checks its event loop. Measured with two workers, both
        # together took a seventh of a core from the runs.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",
    }
    options = {"n_workers": workers, "threads_per_worker": 1, "host": "127.0.0.1"}
    options["memory_limit"] = None  # Dask would count only the workers, and runs are processes of their own
    options["scheduler_kwargs"] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # a free port
    options["silence_logs"] = logging.CRITICAL
    with dask.config.set(settings), LocalCluster(**options) as cluster, Client(cluster) as client:
        client.register_worker_callbacks(ignore_ctrl_c)
        yield client


def _silence_dask() -> None:
    """Suppress Dask's messages: the batch reports the same in one line."""
    for name in logging.root.manager.loggerDict:
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def scheduler_at(address: str) -> Iterator[Client]:
    """Connect to a running scheduler, such as tcp://10.0.0.1:8786; ValueError if none answers there."""
    _silence_dask()
    try:
        client = Client(address, timeout=SCHEDULER_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {address!r}: {error}") from None
    with client:
        yield client


def run_all(
    client: Client,
    runs: list[Run],
    *,
    at_once: int | None = None,
    resources: Mapping[str, float] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Run, Outcome]]:
    """Execute runs from `split_finished` in this order, and yield each with its outcome as soon as it has ended.

    A failure does not stop the others. ConnectionError if the connection to the scheduler is lost.

    Parameters
    ----------
    client
        From `local_cluster` or `scheduler_at`.
    at_once
        How many to submit at a time; None for all, so that a cluster that grows with its work sees how much there is.
    resources
        What each run takes of a worker's resources, such as {"GPU": 1}.
    watch
        Called every `POLL` seconds. If it raises (Ctrl-C, for example), all runs are stopped; their checkpoints stay.
    """
    batch = os.urandom(4).hex()
    left, waiting, submissions = list(enumerate(runs)), {}, Counter()
    try:
        while left or waiting:
            while left and len(waiting) < (at_once or len(runs)):
                number, run = left.pop(0)
                submissions[run.name] += 1
                # Dask would return the earlier result for a key that it knows.
                key = f"{run.name}-{batch}-{submissions[run.name]}"
                waiting[_submit(client, run, batch, key, priority=-number, resources=resources)] = number, run
            time.sleep(POLL)
            watch()
            if client.status == "closed" or any(future.cancelled() for future in waiting):
                raise ConnectionError("the scheduler is gone")
            for future in [future for future in waiting if future.done()]:
                number, run = waiting.pop(future)
                may_retry = attempts(run.folder, batch) < ATTEMPTS and submissions[run.name] < SUBMISSIONS
                if may_retry and _killed_its_worker(future):
                    left.insert(0, (number, run))
                else:
                    yield run, _outcome(run, future)
    finally:
        if waiting:
            client.cancel(list(waiting))


def _submit(client: Client, run: Run, batch: str, key: str, **options: object) -> Future:
    job = {"kit": str(KIT_ROOT), "folder": str(run.folder), "parameters": run.parameters, "made_from": run.made_from}
    return client.submit(execute, job | {"batch": batch, "key": key}, key=key, **options)


def _killed_its_worker(future: Future) -> bool:
    """Check whether a run ended because its worker died, during the run or before it began."""
    return future.status == "error" and isinstance(future.exception(), KilledWorker)


def _outcome(run: Run, future: Future) -> Outcome:
    if _killed_its_worker(future):
        return Outcome(run.name, 0.0, 0.0, [WORKER_DIED])
    if future.status != "finished":
        return Outcome(run.name, 0.0, 0.0, [" ".join(str(future.exception()).split())])
    outcome = Outcome(**future.result())
    if not outcome.errors and not is_finished(run):
        outcome.errors.append(f"there is no record in {run.folder}: do the workers write to a different disk?")
    return outcome


def has_taken_none(client: Client) -> bool:
    """Check that no worker is executing anything: there are no workers yet, or they lack the resources."""
    return not any(client.processing().values())
