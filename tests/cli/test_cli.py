import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
import weakref

import nbformat
import numpy as np
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from hcegan_lib import cli, course, models
from hcegan_lib.backend.notebooks import Outcome
from hcegan_lib.train import PROFILES

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """A kit with two notebooks of its own, so that no command touches the real one."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    monkeypatch.setattr(course, "NOTEBOOKS", notebooks)
    monkeypatch.setattr(course, "OUTPUT", tmp_path / "build" / "course")
    monkeypatch.chdir(tmp_path)
    for name, code in {"00_start": "profile: str = 'tour'  # size", "08_train": "steps: int = 2  # how many"}.items():
        cell = new_code_cell(code, metadata={"tags": ["parameters"]})
        nbformat.write(new_notebook(cells=[cell], metadata=KERNEL), notebooks / f"{name}.ipynb")
    return tmp_path


@pytest.fixture
def photos(kit, monkeypatch):
    """A folder of ten small photographs, and a kit whose cache and runs lie in a place of the test."""
    from hcegan_lib import data
    from hcegan_lib.experiment import records

    monkeypatch.setattr(data, "KIT_ROOT", kit)
    monkeypatch.setattr(records, "RUNS", kit / "runs")
    folder = kit / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(10):
        Image.fromarray(random.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def refuse(words, capsys):
    """Run a command that must be refused, and give its one line."""
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"hcegan: [^\n]+\n", err)
    return err


def pretend(monkeypatch, *outcomes, then=None):
    """Let the course run without starting a notebook; give what the command asked for."""
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


# --- the command itself -----------------------------------------------------------------------------------------------


def test_help_is_there_at_once_and_brings_nothing_heavy():
    code = "import sys; from hcegan_lib.cli import main; print(main(['--help'])); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    text, status, modules = run.stdout.rstrip("\n").rsplit("\n", 2)
    assert status == "0"
    assert all(command in text for command in ("course", "student", "train", "color", "data", "table"))
    assert not {"torch", "numpy", "pandas", "nbconvert"} & set(modules.split())


@pytest.mark.slow
def test_the_package_runs_as_a_module():
    run = subprocess.run([sys.executable, "-m", "hcegan_lib", "cuorse"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("hcegan: ")
    assert "did you mean 'course'?" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "required: COMMAND"),
        (["cuorse"], "did you mean 'course'?"),
        (["course", "--onyl", "04"], "unrecognized arguments: --onyl 04"),
        (["course", "-p", "steps"], "expected 2 arguments"),
        (["table", "4"], "invalid choice: 4 (choose from 1, 2, 3)"),
        (["table", "1", "--format", "mdd"], "did you mean 'md'?"),
        (["train", "--model", "pix2pix", "--device", "cdua"], "did you mean 'cuda'?"),
        (["train"], "required: --model"),
        (["color", "a.png"], "required: --run"),
        (["data"], "required: ACTION"),
        (["data", "lits"], "did you mean 'list'?"),
        (["data", "build"], "required: NAME"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_says_what_is_right(words, line, kit, capsys):
    before = files(kit)
    assert line in refuse(words, capsys)
    assert files(kit) == before


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            FileNotFoundError(2, "No such file or directory", "mini.csv"),
            "hcegan: mini.csv: No such file or directory\n",
        ),
        (PermissionError(13, "Permission denied", "runs"), "hcegan: runs: Permission denied\n"),
        (OSError(28, "No space left on device"), "hcegan: No space left on device\n"),
        (OSError("a bare text"), "hcegan: a bare text\n"),
        (ValueError("two\nlines"), "hcegan: two lines\n"),
    ],
)
def test_what_the_user_can_mend_is_one_line(error, line, kit, capsys, monkeypatch):
    pretend(monkeypatch, then=error)
    assert cli.main(["course"]) == 2
    assert capsys.readouterr().err == line


def test_a_mistake_of_ours_keeps_its_traceback(kit, monkeypatch):
    pretend(monkeypatch, then=ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        cli.main(["course"])


# --- course -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--profile", "laptpo"], "laptop"),
        (["-p", "profile", "laptpo"], "laptop"),
        (["--only", "05"], "unknown notebook '05'; valid: 00_start, 08_train"),
        (["-p", "stepz", "9"], "unknown parameter 'stepz', did you mean 'steps'?"),
        (["--only", "00", "-p", "steps", "9"], "unknown parameter 'steps'; valid: profile"),
        (["-p", "steps", "nine"], "parameter 'steps' must be of type int, got 'nine'"),
        (["--in-place", "--profile", "smoke"], "--in-place"),
        (["--in-place", "-p", "steps", "9"], "--in-place"),
    ],
)
def test_a_course_that_cannot_be_meant_is_refused_and_nothing_written(words, line, kit, capsys):
    before = {path: (kit / path).read_bytes() for path in files(kit)}
    assert line in refuse(["course", *words, "--output", str(kit / "out")], capsys)
    assert {path: (kit / path).read_bytes() for path in files(kit)} == before
    assert not (kit / "out").exists()
    assert not (kit / "build").exists()


def test_a_course_without_failure_is_a_row_a_notebook(kit, capsys, monkeypatch):
    asked = pretend(monkeypatch, Outcome("00_start", 1.25, 170.2), Outcome("08_train", 61.0, 1234.0))
    assert cli.main(["course"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "00_start  ok          1.2 s     170 MB",
        "08_train  ok         61.0 s    1234 MB",
        f"notebooks: 2, seconds: 62; {kit / 'build' / 'course' / 'index.html'}",
    ]
    assert err == ""  # no progress bar where nobody watches
    assert asked["jobs"] == {"00_start": {}, "08_train": {}}
    assert asked["output"] == kit / "build" / "course"
    assert asked["in_place"] is False


def test_a_course_with_failures_names_notebook_cell_and_error(kit, capsys, monkeypatch):
    failed = Outcome("00_start", 1.0, 170.0, ["cell 3: ValueError: no", "a hidden widget: KeyError: 'a'"])
    pretend(monkeypatch, failed, Outcome("08_train", 1.0, 170.0))
    assert cli.main(["course"]) == 1
    out, err = capsys.readouterr()
    assert "00_start  failed" in out
    assert "08_train  ok" in out
    assert err == "hcegan: 00_start, cell 3: ValueError: no\nhcegan: 00_start, a hidden widget: KeyError: 'a'\n"


def test_options_of_the_course_reach_the_notebooks(kit, monkeypatch):
    asked = pretend(monkeypatch)
    assert cli.main(["course", "--profile", "smoke", "-p", "steps", "7", "--output", "there"]) == 0
    assert asked["jobs"] == {"00_start": {"profile": "smoke"}, "08_train": {"steps": "7"}}
    assert asked["output"] == kit / "there"
    assert cli.main(["course", "--only", "8", "--in-place"]) == 0
    assert asked["jobs"] == {"08_train": {}}
    assert asked["in_place"] is True


def test_a_stopped_course_says_how_to_go_on(kit, capsys, monkeypatch):
    pretend(monkeypatch, Outcome("00_start", 1.0, 170.0), then=KeyboardInterrupt())
    assert cli.main(["course", "--profile", "smoke", "-p", "steps", "7", "--output", "a b"]) == 130
    out, err = capsys.readouterr()
    assert "00_start  ok" in out
    assert err.endswith("hcegan course --only 08 --profile smoke -p steps 7 --output 'a b'\n")
    pretend(monkeypatch, then=KeyboardInterrupt())
    assert cli.main(["course", "--in-place"]) == 130
    assert capsys.readouterr().err.endswith("hcegan course --only 00 08 --in-place\n")


def test_the_progress_bar_and_the_rows_do_not_garble_each_other(kit, capsys, monkeypatch):
    pretend(monkeypatch, Outcome("00_start", 1.0, 170.0), Outcome("08_train", 1.0, 170.0))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli.main(["course"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.replace("\r", "").splitlines()[:2]] == [
        ["00_start", "ok"],
        ["08_train", "ok"],
    ]
    assert "08_train, 3 cells" in err
    assert "1/2 notebooks" in err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends a signal as a terminal does")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_running_notebook_and_keeps_the_finished_one(number, tmp_path):
    for name, code in {"00_quick": "1 + 1", "01_long": "import time\ntime.sleep(300)"}.items():
        nbformat.write(new_notebook(cells=[new_code_cell(code)], metadata=KERNEL), tmp_path / f"{name}.ipynb")
    setup = f"from pathlib import Path\ncourse.NOTEBOOKS = Path({str(tmp_path)!r})\n"
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # also where the tests run in the background
    code = f"import signal, sys\nfrom hcegan_lib import cli, course\n{heard}{setup}sys.exit(cli.main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "course", "--output", str(tmp_path / "out")]
    process = psutil.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    row = process.stdout.readline()
    deadline = time.monotonic() + 240
    while len(children := process.children(recursive=True)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)  # papermill and its kernel
    process.send_signal(number)
    out, err = process.communicate(timeout=240)
    assert row.startswith("00_quick  ok")
    assert process.returncode == 130
    assert out == ""
    assert err == (
        f"hcegan: stopped; what is finished is kept. Go on with: hcegan course --only 01 --output {tmp_path / 'out'}\n"
    )
    assert files(tmp_path / "out") == ["00_quick.html", "00_quick.ipynb", "index.html"]
    assert len(children) >= 2
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


# --- student ----------------------------------------------------------------------------------------------------------

SOLVED = "def half(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION"


@pytest.fixture
def exercised(kit, monkeypatch):
    """A kit whose first notebook has an exercise, and a place of its own for the handout."""
    from hcegan_lib.course import handout

    monkeypatch.setattr(handout, "STUDENT", kit / "build" / "student")
    cell = new_code_cell(SOLVED, metadata={"tags": ["exercise"]})
    nbformat.write(new_notebook(cells=[cell], metadata=KERNEL), kit / "notebooks" / "00_start.ipynb")
    return kit


@pytest.mark.parametrize(("words", "folder"), [([], "build/student"), (["my class/one"], "my class/one")])
def test_the_handout_goes_where_it_is_asked_for(words, folder, exercised, capsys):
    for _ in range(2):  # the second call finds a handout that nobody has worked in
        assert cli.main(["student", *words]) == 0
        out, err = capsys.readouterr()
        assert out.startswith("notebooks: 2, exercises: 1; ")
        assert out.endswith(f"{folder}\n")
        assert err == ""
    assert files(exercised / folder) == ["00_start.ipynb", "08_train.ipynb", "handout.sha256"]
    assert "SOLUTION" not in (exercised / folder / "00_start.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["notes"], "notes contains mine.txt, which is not part of a handout: choose another folder"),
        (["notebooks"], "is not an unchanged handout: choose another folder"),
        (["notes/mine.txt"], "notes/mine.txt: Not a directory"),
        (["one", "two"], "unrecognized arguments: two"),
    ],
)
def test_a_handout_that_would_overwrite_something_is_refused_and_nothing_written(words, line, exercised, capsys):
    (exercised / "notes").mkdir()
    (exercised / "notes" / "mine.txt").touch()
    before = {path: (exercised / path).read_bytes() for path in files(exercised)}
    assert line in refuse(["student", *words], capsys)
    assert {path: (exercised / path).read_bytes() for path in files(exercised)} == before


def test_a_solution_that_does_not_end_is_named_and_no_notebook_handed_out(exercised, capsys):
    path = exercised / "notebooks" / "00_start.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("### END SOLUTION", ""), encoding="utf-8")
    line = refuse(["student"], capsys)
    assert line.startswith("hcegan: 00_start.ipynb, cell 1: a solution stands between the lines")
    assert not (exercised / "build").exists()


# --- train, color, table ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--model", "pix2pux"], "pix2pix"),
        (["--model", "pix2pix", "--profile", "tuor"], "tour"),
        (["--model", "pix2pix", "--data", "nowhere"], "nowhere"),
        (["--model", "pix2pix", "--set", "epochs"], "--set takes KEY=VALUE, got 'epochs'"),
        (["--model", "pix2pix", "--set", "epoch=3"], "epochs"),
        (["--model", "pix2pix", "--set", "epochs=many"], "epochs must be a whole number, got 'many'"),
        (["--model", "pix2pix", "--set", "epochs=True"], "epochs must be a whole number, got 'True'"),
        (["--model", "pix2pix", "--set", "epochs=0"], "epochs must be a whole number from 1 to"),
        (["--model", "pix2pix", "--set", f"epochs={'9' * 400}"], "epochs must be a whole number from 1 to"),
        (["--model", "pix2pix", "--set", "l1_weight=1e400"], "l1_weight at least 0, both finite"),
        (["--model", "pix2pix", "--set", "attend_max_positions=0"], "attend_max_positions must be a whole number from"),
        (["--model", "pix2pix", "--seed", "10000000000000"], "seed must be a whole number from 0 to 4294967295"),
        (["--model", "pix2pix", "--set", "loss=bce"], "'loss' is not changed as a setting: it depends on the model"),
        (["--model", "pix2pix", "--device", "cuda"], "device 'cuda' is not available; available: cpu"),
    ],
)
def test_a_training_that_cannot_be_meant_is_refused_and_nothing_written(words, line, photos, kit, capsys, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    before = files(kit)
    words = words if "--data" in words else [*words, "--data", str(photos)]
    assert line in refuse(["train", *words], capsys)
    assert files(kit) == before


SMOKE = ["--profile", "smoke", "--set", "batch_size=4", "--set", "epochs=1"]


@pytest.fixture
def trained(photos, kit, capsys):
    """A run of two steps, by the command."""
    (photos / "broken.png").write_bytes(b"not a picture")
    Image.new("RGB", (40, 40), "gray").save(photos / "gray.png")
    words = ["train", "--model", "SA'+Hinge+BCE", "--data", str(photos), "--seed", "3", "--device", "cpu", *SMOKE]
    assert cli.main(words) == 0
    return kit / "runs" / "smoke" / "photos-SAp+Hinge+BCE-seed3", capsys.readouterr(), words


def test_training_writes_a_run_and_its_record_and_prints_the_means_of_its_scores(trained):
    folder, (out, err), _ = trained
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert record["model"] == "SA'+Hinge+BCE"
    psnr = np.mean([row["psnr"] for row in record["scores"]])
    model, gray, where = out.splitlines()
    assert re.fullmatch(rf"SA'\+Hinge\+BCE +PSNR +{psnr:.2f} dB  SSIM +-?\d\.\d{{3}}  colorfulness +\d+\.\d", model)
    assert re.fullmatch(r"gray copy +PSNR +\d+\.\d\d dB  SSIM +-?\d\.\d{3}  colorfulness   0\.0", gray)
    assert where == f"means over {len(record['scores'])} test photographs; the run is in {folder}"
    assert "hcegan: left out broken.png" in err
    assert "hcegan: left out 1 photographs that are nearly gray" in err


def test_the_same_training_again_repeats_nothing_and_prints_the_same(trained, capsys):
    folder, (out, _), words = trained
    before = (folder / "log.jsonl").read_bytes()
    assert cli.main(words) == 0
    assert capsys.readouterr().out == out
    assert (folder / "log.jsonl").read_bytes() == before


def test_a_run_folder_of_other_settings_is_refused(trained, photos, capsys):
    folder, _, words = trained
    before = {path: (folder / path).read_bytes() for path in files(folder)}
    assert cli.main([*words, "--seed", "4", "--run", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"hcegan: {folder} holds a run with other settings (seed); take another folder"
    assert {path: (folder / path).read_bytes() for path in files(folder)} == before


def test_a_loss_that_is_not_finite_ends_the_training_with_status_1(photos, kit, capsys, monkeypatch):
    from hcegan_lib import train

    def fit(*given, **named):
        raise train.NonFiniteLossError("d_loss became nan at step 7")

    monkeypatch.setattr(train, "fit", fit)
    assert cli.main(["train", "--model", "pix2pix", "--data", str(photos), "--profile", "smoke"]) == 1
    assert capsys.readouterr().err == "hcegan: d_loss became nan at step 7\n"
    assert not (kit / "runs").exists()


def test_a_compiler_that_fails_is_told_in_one_line(photos, kit, capsys, monkeypatch):
    from torch._inductor.exc import InvalidCxxCompiler

    from hcegan_lib import train

    def fit(*given, **named):
        raise InvalidCxxCompiler

    monkeypatch.setattr(train, "fit", fit)
    words = ["train", "--model", "pix2pix", "--data", str(photos), "--profile", "smoke"]
    assert cli.main([*words, "--compile"]) == 1
    assert re.fullmatch(r"hcegan: --compile failed \(.+\): train without it\n", capsys.readouterr().err)
    with pytest.raises(InvalidCxxCompiler):
        cli.main(words)


def test_a_stopped_training_says_how_to_go_on(photos, kit, capsys, monkeypatch):
    from hcegan_lib import train

    def fit(*given, **named):
        raise KeyboardInterrupt("stopped after step 5 of 9; train again in runs/a to go on")

    monkeypatch.setattr(train, "fit", fit)
    assert cli.main(["train", "--model", "pix2pix", "--data", str(photos), "--profile", "smoke"]) == 130
    assert capsys.readouterr().err == "hcegan: stopped after step 5 of 9; train again in runs/a to go on\n"


def test_photographs_are_colored_whole_and_keep_their_shape(trained, kit, capsys):
    folder, _, _ = trained
    random = np.random.default_rng(1)
    Image.fromarray(random.integers(0, 256, (90, 60, 3), dtype=np.uint8)).save(kit / "tall.png")
    Image.fromarray(random.integers(0, 256, (20, 45), dtype=np.uint8)).save(kit / "wide.jpg")
    assert cli.main(["color", "tall.png", "wide.jpg", "--run", str(folder), "--output", "colored/here"]) == 0
    assert capsys.readouterr().out.split() == ["colored/here/tall_color.png", "colored/here/wide_color.png"]
    assert files(kit / "colored") == ["here/tall_color.png", "here/wide_color.png"]
    with (
        Image.open(kit / "colored/here/tall_color.png") as tall,
        Image.open(kit / "colored/here/wide_color.png") as wide,
    ):
        short = PROFILES["smoke"].image_size
        assert (tall.mode, tall.size) == ("RGB", (short, short * 90 // 60))
        assert (wide.mode, wide.size) == ("RGB", (short * 45 // 20, short))


def test_a_square_photograph_of_the_trained_size_is_colored_as_in_scoring(trained, photos, kit):
    from hcegan_lib import data, train

    folder, _, _ = trained
    generator, config = train.load_generator(folder)
    scored = data.load(str(photos), config.image_size).test
    expected = models.render(generator, scored.batch()[0])[0]
    Image.fromarray(scored.pixels[0]).save(kit / "one.png")
    assert cli.main(["color", "one.png", "--run", str(folder)]) == 0
    with Image.open(kit / "colored" / "one_color.png") as image:
        colored = np.asarray(image).transpose(2, 0, 1)
    np.testing.assert_allclose(colored / 255, expected.numpy(), atol=0.51 / 255)


@pytest.mark.parametrize(
    ("paths", "line"),
    [
        (["gone.png"], "gone.png: No such file or directory"),
        (["photos/0.png", "text.png"], "text.png: not a picture"),
        (["photos/0.png", "empty.jpg"], "empty.jpg: the file is empty"),
        (["photos/0.png", "photos/../photos/0.png"], "two photographs have the same name"),
        (["photos/0.png", "long.png"], "long.png: 2 x 33 pixels; at most 16 times as long as wide can be colored"),
    ],
)
def test_a_photograph_that_cannot_be_read_leaves_nothing_colored(trained, paths, line, kit, capsys):
    (kit / "text.png").write_text("text", encoding="utf-8")
    (kit / "empty.jpg").touch()
    Image.new("RGB", (2, 33)).save(kit / "long.png")
    assert line in refuse(["color", *paths, "--run", str(trained[0])], capsys)
    assert not (kit / "colored").exists()


def test_photographs_are_held_one_at_a_time(trained, kit, monkeypatch):
    from hcegan_lib import data

    opened, at_once, open_photo = [], [], data.open_photo

    def counted(path):
        photo = open_photo(path)
        opened.append(weakref.ref(photo))
        at_once.append(sum(reference() is not None for reference in opened))
        return photo

    monkeypatch.setattr(data, "open_photo", counted)
    assert cli.main(["color", *(f"photos/{n}.png" for n in range(6)), "--run", str(trained[0])]) == 0
    assert len(at_once) == 12  # once to see that all can be read
    assert max(at_once) <= 2  # one goes as the next comes


def test_a_disk_that_is_full_keeps_what_is_colored_and_leaves_no_half_file(trained, kit, capsys, monkeypatch):
    save, out = Image.Image.save, str(kit / "out")

    def full(picture, path, **named):
        save(picture, path, **named)
        if "1_color" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert cli.main(["color", "photos/0.png", "photos/1.png", "--run", str(trained[0]), "--output", out]) == 2
    assert capsys.readouterr().err == f"hcegan: {out}/1_color.png: No space left on device\n"
    assert files(kit / "out") == ["0_color.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text_is_colored_and_told(trained, kit, capsys):
    (kit / "photos" / "0.png").rename(kit / "caf\udce9.png")
    assert cli.main(["color", "caf\udce9.png", "--run", str(trained[0])]) == 0
    assert capsys.readouterr().out == "colored/caf\\udce9_color.png\n"


@pytest.mark.parametrize("place", ["build", "render"])
def test_a_full_memory_is_told_in_one_line(place, trained, kit, capsys, monkeypatch):
    from hcegan_lib import train

    def full(*given):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(train, place, full)
    assert cli.main(["color", "photos/0.png", "--run", str(trained[0])]) == 1
    told = "hcegan: the memory is full: what is colored is kept; cut the photograph, or use a smaller model\n"
    assert capsys.readouterr().err == told


def test_another_error_of_coloring_is_not_taken_for_a_full_memory(trained, kit, monkeypatch):
    from hcegan_lib import train

    def wrong(*given):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(train, "render", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        cli.main(["color", "photos/0.png", "--run", str(trained[0])])


@pytest.mark.parametrize("run", ["nowhere", "photos"])
def test_a_folder_that_is_no_run_is_refused(run, photos, kit, capsys):
    assert run in refuse(["color", "photos/0.png", "--run", run], capsys)
    assert not (kit / "colored").exists()


def test_a_damaged_checkpoint_is_told_in_one_line(trained, kit, capsys):
    folder, _, _ = trained
    newest = max((folder / "checkpoints").iterdir())
    (folder / "checkpoints" / "step-00000001.pt").write_bytes(newest.read_bytes())
    newest.write_bytes(newest.read_bytes()[:1000])
    assert cli.main(["color", "photos/0.png", "--run", str(folder)]) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"hcegan: damaged checkpoint {newest.name}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_table_as_csv_is_the_frame_that_notebook_09_shows(number, capsys):
    notebook = nbformat.read(course.NOTEBOOKS / "10_tables.ipynb", as_version=4)
    names = {}
    exec("\n".join([cell.source for cell in notebook.cells if cell.cell_type == "code"][:2]), names)
    assert cli.main(["table", str(number), "--format", "csv"]) == 0
    assert capsys.readouterr().out == names["tables"][number].to_csv(index=False, lineterminator="\n")


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["1"], (1, "laptop", "md")),
        (["2", "--grid", "paper"], (2, "paper", "md")),
        (["3", "--format", "latex"], (3, "laptop", "latex")),
        (["3", "--format", "html", "--grid", "tour"], (3, "tour", "html")),
    ],
)
def test_a_table_is_written_in_the_form_and_of_the_grid_that_are_asked_for(words, asked, capsys, monkeypatch):
    from hcegan_lib.experiment import results

    monkeypatch.setattr(results, "render_table", lambda *given: f"{given}\n")
    assert cli.main(["table", *words]) == 0
    assert capsys.readouterr().out == f"{asked}\n"


def test_every_form_of_a_table_can_be_asked_for():
    from hcegan_lib.experiment import results

    for form in results.FORMS:
        assert cli.parser().parse_args(["table", "1", "--format", form]).format == form


def test_a_table_of_a_grid_without_results_is_refused(capsys):
    assert "no committed results of grid 'nope'; there are: " in refuse(["table", "1", "--grid", "nope"], capsys)
