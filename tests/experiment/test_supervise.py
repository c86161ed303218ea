import sys

import psutil
import pytest

from hcegan_lib.experiment import supervise


def test_the_users_number_of_threads_takes_precedence_over_the_number_of_cores(monkeypatch):
    monkeypatch.setattr(supervise, "count_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [supervise.threads_per_run(runs) for runs in (1, 3, 8, 9)] == ["8", "2", "1", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert supervise.threads_per_run(3) == "5"


def test_there_is_at_least_one_core_and_no_more_than_the_machine_has():
    assert 1 <= supervise.count_cores() <= psutil.cpu_count()


def test_an_ended_process_has_no_memory_and_no_children():
    process = psutil.Popen([sys.executable, "-c", ""])
    process.wait()
    assert supervise.resident_memory(process) == 0
    assert supervise.process_tree(process) == []


def test_status_output_time_and_memory_of_a_command_are_reported():
    code = "import sys, time; print('hello'); x = bytearray(100_000_000); time.sleep(1); sys.exit(3)"
    ended = supervise.supervise([sys.executable, "-c", code], lambda: None)
    assert (ended.status, ended.log) == (3, "hello\n")
    assert ended.seconds >= 1
    assert ended.memory > 100


def test_an_exception_while_watching_kills_the_process_and_its_children():
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(300)'])"
    tree, others = [], set(psutil.Process().children(recursive=True))

    def watch():
        tree[:] = set(psutil.Process().children(recursive=True)) - others
        if len(tree) >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        supervise.supervise([sys.executable, "-c", child], watch)
    assert not [process for process in tree if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
