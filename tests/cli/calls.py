"""Calls of the command, and what they leave."""

import re

from hcegan_lib import cli, course

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def files(folder):
    """Map each file below a folder to its content."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def refuse(words, capsys):
    """Run a command that must be refused, and return its one line."""
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"hcegan: [^\n]+\n", err)
    return err


def pretend(monkeypatch, *outcomes, then=None):
    """Replace `course.run`: it yields the outcomes, then raises; return what the command asks it to do."""
    asked = {}

    def run(jobs, output, **options):
        asked.update(jobs={path.stem: given for path, given in jobs.items()}, output=output, **options)
        for outcome in outcomes:
            options["watch"](outcome.name, 3)
            yield outcome
        if then:
            raise then

    monkeypatch.setattr(course, "run", run)
    return asked
