"""The check of the machine: this one is fine, and each fault is named with what to do."""

import re
import shutil
from collections import namedtuple

import psutil
import pytest

from hcegan_lib import cli
from hcegan_lib.course import doctor


def line_of(name, capsys):
    """Run the command and return its exit status and the line of one check."""
    status = cli.main(["doctor"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if re.match(rf"(ok|!!)  {name}\b", line)]
    return status, line


def test_the_machine_that_runs_the_tests_can_run_the_course(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.count("ok  ") == len(doctor.CHECKS)
    assert out.endswith("This machine can run the course.\n")


def test_too_little_memory_or_disk_is_named(capsys, monkeypatch):
    memory = namedtuple("Memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(1e9))
    status, line = line_of("memory", capsys)
    assert (status, line) == (1, "!!  memory    1.0 GB free; close other programs: a notebook needs 3 GB")
    disk = namedtuple("Disk", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk(0.5e9))
    assert "0.5 GB free in" in line_of("disk", capsys)[1]


def test_a_folder_that_cannot_be_written_is_named(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "KIT_ROOT", tmp_path / "gone")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("Disk", "free")(9e9))
    assert "copy the kit to a folder of your own" in line_of("writing", capsys)[1]


def test_an_installation_without_notebooks_is_named(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "KIT_ROOT", tmp_path)
    status, line = line_of("kit", capsys)
    assert status == 1
    assert "notebooks, data/mini, data/flowers missing" in line


def test_an_unexpected_error_is_a_finding_and_the_other_checks_go_on(capsys, monkeypatch):
    def _broken():
        raise RuntimeError("operator torchvision::nms\ndoes not exist")

    monkeypatch.setattr(doctor, "CHECKS", (_broken, *doctor.CHECKS[-1:]))
    assert cli.main(["doctor"]) == 1
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == "!!  broken    RuntimeError: operator torchvision::nms does not exist; install the kit again"
    assert second.startswith("ok  kit")
    assert last == "Problems: 1; see the lines with !!."


def test_a_kernel_of_another_python_is_named(capsys, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    other = namedtuple("Spec", "argv")(["/elsewhere/python"])
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", lambda self, name: other)
    assert "it starts /elsewhere/python, not the Python of the kit" in line_of("kernel", capsys)[1]


@pytest.mark.parametrize("words", [["doctor", "now"], ["doctor", "--fix"]])
def test_the_command_takes_no_arguments(words, capsys):
    assert cli.main(words) == 2
    assert "unrecognized arguments" in capsys.readouterr().err
