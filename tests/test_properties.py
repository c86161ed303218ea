"""Whatever users type, write into a grid file or name a file, there is a result, or a line that refuses it."""

import contextlib
import io
import re
import zipfile
from dataclasses import asdict, fields
from pathlib import Path

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hcegan_lib import data
from hcegan_lib.cli.command import parser
from hcegan_lib.cli.messages import complain, print_row
from hcegan_lib.experiment import Grid, parse_settings, read_grid, records
from hcegan_lib.experiment.grid import KEYS
from hcegan_lib.experiment.notebooks import Outcome
from hcegan_lib.sources import candidates
from hcegan_lib.sources.crop import free_name
from hcegan_lib.train import PROFILES, TrainConfig, config

few = settings(max_examples=40, deadline=None, derandomize=True, database=None)

FIELDS = st.sampled_from([field.name for field in fields(TrainConfig)])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
USUAL = st.sampled_from(
    ["smoke", "hinge", "zero", "luma", "mini", "all", "bfloat16", "pix2pix", "cpu", 1, 2, 64, 10**400, 1e-3, "1e-3"]
)
VALUES = st.recursive(
    SCALARS | USUAL,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40)
NAMES = NAMES | st.sampled_from(
    ["..", "-", "~", "'\"", "\x1b[2J", "a\nb", "\r", "CON", "\u202eg.pj", "a" * 300, "\x7f"]
)


def printed(text):
    """Return the lines that were printed, all of which a terminal shows and does not obey."""
    lines = text.splitlines()
    assert text == "".join(f"{line}\n" for line in lines)
    assert all(line.isprintable() for line in lines), text
    return lines


# --- settings ---------------------------------------------------------------------------------------------------------


@few
@given(st.sampled_from([*PROFILES]) | VALUES, st.dictionaries(FIELDS | st.text(max_size=5), VALUES, max_size=4))
def test_any_settings_make_a_configuration_or_are_refused(profile, changes):
    try:
        found = config(profile, **changes)
    except (ValueError, TypeError):  # TypeError: a value that cannot be compared with numbers, or is not hashable
        return
    assert config(profile, **asdict(found)) == found


@few
@given(st.dictionaries(FIELDS | st.text(max_size=5), VALUES, max_size=2))
def test_any_settings_of_a_command_or_a_grid_are_read_or_refused(given):
    try:
        found = parse_settings(given)
    except ValueError:
        return
    assert list(found) == list(given)
    with contextlib.suppress(ValueError):
        assert config("smoke", **found)


# --- grid files -------------------------------------------------------------------------------------------------------

GRIDS = st.fixed_dictionaries(
    {
        "profile": st.sampled_from([*PROFILES]) | VALUES,
        "models": st.just(["pix2pix"]) | VALUES,
        "data": st.just(["mini"]) | VALUES,
        "seeds": st.lists(st.integers(0, 2), min_size=1, max_size=2) | VALUES,
    },
    optional={"set": st.dictionaries(FIELDS, VALUES, max_size=2), "device": USUAL | VALUES, "more": VALUES},
)
WORDS = st.sampled_from(
    [f"{key}:" for key in KEYS] + ["- ", "? ", "&a ", "*a", "!!map ", "<<: ", "{", "]", "\n", "  ", "'"]
)


@few
@given(
    GRIDS.map(yaml.safe_dump).map(str.encode)
    | st.lists(WORDS | st.text(max_size=4)).map("".join).map(str.encode)
    | st.binary()
)
@example(b"!!map [1]")
def test_any_grid_file_is_a_grid_or_refused_with_its_name(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "grid.yaml"
    path.write_bytes(content)
    try:
        found = read_grid(path)
    except ValueError as error:
        found = str(error)
    assert isinstance(found, Grid) or found.startswith(str(path))


# --- names of files ---------------------------------------------------------------------------------------------------


@few
@given(st.lists(NAMES, min_size=1, max_size=5))
def test_whatever_files_are_called_a_message_is_one_line_without_control_characters(names):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        complain(f"left out {', '.join(names)}")
        print_row(Bar, Outcome(names[0], 1.0, 2.0), 9)
    assert len(printed(out.getvalue())) == len(printed(err.getvalue())) == 1


class Bar:
    """Progress bar that only prints."""

    @staticmethod
    def write(row, file):
        print(row, file=file)


@few
@given(NAMES, st.sampled_from(["SA'+Hinge+BCE", "pix2pix, luma kept"]))
def test_whatever_a_set_is_called_its_runs_are_inside_the_folder_of_their_grid(name, model):
    folder = records.run_folder("grid", Path("/photos", name).name, model, 0)
    assert folder.parent == records.RUNS / "grid"
    assert folder.name not in ("", ".", "..")


@few
@given(st.lists(NAMES | st.lists(NAMES, max_size=3).map("/".join), min_size=1, max_size=4, unique=True))
def test_whatever_an_archive_calls_its_photographs_crops_stay_in_the_folder_of_the_set(tmp_path_factory, names):
    path, taken = tmp_path_factory.getbasetemp() / "mine.zip", set()
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.jpg", b"")
    try:
        found = [free_name(candidate.name, taken) for candidate in candidates.photographs(path, "mine")]
    except data.DataError:
        return
    assert len({name.lower() for name in found}) == len(found)
    assert all(re.fullmatch(r"[\w-]+", name) for name in found)


# --- command lines ----------------------------------------------------------------------------------------------------

COMMANDS = ["course", "student", "train", "color", "batch", "table", "verdict", "data", "build", "check", "list"]
OPTIONS = [
    "--help",
    "-h",
    "--only",
    "--output",
    "-p",
    "--profile",
    "--model",
    "--set",
    "--seed",
    "--run",
    "--grid",
    "--",
]
OPTIONS += [
    "--format",
    "--workers",
    "--scheduler",
    "--fresh",
    "--resume",
    "--from",
    "--yes",
    "--device",
    "--output=",
    "--o",
]
VALUE = st.sampled_from(["mini", "1", "-1", "epochs=2", "cpu", "md", "1e9", " ", "", "=", "%s", "{}", "photo.jpg"])


@few
@given(
    st.lists(st.sampled_from(COMMANDS), max_size=2),
    st.lists(st.sampled_from(OPTIONS) | VALUE | NAMES | st.text(), max_size=6),
)
def test_any_command_line_is_understood_or_refused_in_one_line(commands, rest):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            assert parser().parse_args([*commands, *rest]).run_command
            status = None
        except SystemExit as stop:
            status = stop.code
    assert status in (None, 0, 2)
    assert len(printed(err.getvalue())) == (status == 2)
    assert bool(out.getvalue()) == (status == 0)
