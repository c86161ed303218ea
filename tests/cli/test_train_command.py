import json
import re
import shlex
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from hcegan_lib import cli, train
from hcegan_lib.backend import checkpoints, parallel
from tests.cli.calls import files, refuse
from tests.cli.conftest import SMOKE


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--model", "pix2pux"], "pix2pix"),
        (["--model", "pix2pix", "--profile", "tuor"], "tour"),
        (["--model", "pix2pix", "--data", "nowhere"], "nowhere"),
        (["--model", "pix2pix", "--set", "epochs"], "argument --set: must be KEY=VALUE, got 'epochs'"),
        (["--model", "pix2pix", "--set", "epoch=3"], "epochs"),
        (["--model", "pix2pix", "--set", "epochs=many"], "epochs must be a whole number, got 'many'"),
        (["--model", "pix2pix", "--set", "epochs=True"], "epochs must be a whole number, got 'True'"),
        (["--model", "pix2pix", "--set", "epochs=0"], "epochs must be a whole number from 1 to"),
        (["--model", "pix2pix", "--set", f"epochs={'9' * 400}"], "epochs must be a whole number from 1 to"),
        (["--model", "pix2pix", "--set", "l1_weight=1e400"], "l1_weight at least 0, both finite"),
        (["--model", "pix2pix", "--set", "attend_max_positions=0"], "attend_max_positions must be a whole number from"),
        (["--model", "pix2pix", "--seed", "10000000000000"], "seed must be a whole number from 0 to 4294967295"),
        (["--model", "pix2pix", "--set", "loss=bce"], "'loss' cannot be set here: it comes from the model"),
        (["--model", "pix2pix", "--set", "image_size=16", "--set", "depth=2"], "and at least 24, got 16"),
        (["--model", "pix2pix", "--run", ""], "expected a value after --run"),
        (["--model", "pix2pix", "--data", ""], "expected a value after --data"),
        (["--model", "pix2pix", "--device", "cuda"], "device 'cuda' is not available; available: cpu"),
    ],
)
def test_impossible_options_of_a_training_are_refused_and_nothing_is_written(
    words, line, photos, kit, capsys, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    before = files(kit)
    words = words if "--data" in words else [*words, "--data", str(photos)]
    assert line in refuse(["train", *words], capsys)
    assert files(kit) == before


def test_training_writes_a_run_and_its_record_and_prints_its_mean_scores(trained):
    folder, (out, err), _ = trained
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    assert record["model"] == "SA'+Hinge+BCE"
    psnr = np.mean([row["psnr"] for row in record["scores"]])
    model, gray, tint, where = out.splitlines()
    assert re.fullmatch(rf"SA'\+Hinge\+BCE +PSNR +{psnr:.2f} dB  SSIM +-?\d\.\d{{3}}  colorfulness +\d+\.\d", model)
    assert re.fullmatch(r"gray copy +PSNR +\d+\.\d\d dB  SSIM +-?\d\.\d{3}  colorfulness   0\.0", gray)
    assert tint.startswith("one tint ")
    assert where == f"means over {len(record['scores'])} test photographs; the run is in {folder}"
    assert "hcegan: left out broken.png" in err
    assert "hcegan: left out 1 photographs that are nearly gray" in err


def test_the_same_command_again_trains_no_step_and_prints_the_same_scores(trained, capsys):
    folder, (out, _), words = trained
    before = (folder / "log.jsonl").read_bytes()
    assert cli.main(words) == 0
    assert capsys.readouterr().out == out
    assert (folder / "log.jsonl").read_bytes() == before


def test_a_run_folder_with_different_settings_is_refused(trained, photos, capsys):
    folder, _, words = trained
    before = files(folder)
    assert cli.main([*words, "--seed", "4", "--run", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == f"hcegan: {folder} holds a run with other settings (seed); choose another folder"
    assert files(folder) == before


def test_a_loss_that_becomes_nan_ends_the_training_with_status_1(photos, kit, capsys, monkeypatch):
    def fit(*given, **named):
        raise train.NonFiniteLossError("d_loss became nan at step 7")

    monkeypatch.setattr(train, "fit", fit)
    assert cli.main(["train", "--model", "pix2pix", "--data", str(photos), "--profile", "smoke"]) == 1
    assert capsys.readouterr().err == "hcegan: d_loss became nan at step 7\n"


def test_a_failing_compiler_is_reported_in_one_line(photos, kit, capsys, monkeypatch):
    from torch._inductor.exc import InvalidCxxCompiler

    def fit(*given, **named):
        raise InvalidCxxCompiler

    monkeypatch.setattr(train, "fit", fit)
    monkeypatch.setattr(parallel, "find_device", lambda wanted: "cuda")
    words = ["train", "--model", "pix2pix", "--data", str(photos), "--profile", "smoke"]
    assert cli.main([*words, "--compile"]) == 1
    assert re.fullmatch(r"hcegan: --compile failed \(.+\): train without it\n", capsys.readouterr().err)
    with pytest.raises(InvalidCxxCompiler):
        cli.main(words)


@pytest.mark.parametrize(
    ("stop", "line"),
    [
        (
            "stopped after step 5 of 9; train again in runs/a to resume",
            "; train again in runs/a to resume: hcegan train",
        ),
        ("", "stopped; run the command again to resume: hcegan train"),
    ],
)
def test_a_stopped_training_prints_the_command_that_resumes_it(stop, line, photos, capsys, monkeypatch):
    def fit(*given, **named):
        raise KeyboardInterrupt(stop)

    monkeypatch.setattr(train, "fit", fit)
    words = ["--model", "SA'+Hinge+BCE", "--data", str(photos), "--profile", "smoke"]
    assert cli.main(["train", *words, "--set", "epochs=2", "--run", "runs/a"]) == 130
    err = capsys.readouterr().err
    assert line in err
    resumed = []
    monkeypatch.setattr(train, "fit", lambda *given, **named: resumed.append(given) or fit())
    assert cli.main(shlex.split(err.rpartition("hcegan ")[2])) == 130
    ((settings, _, folder),) = resumed
    assert (settings.gamma_init, settings.data, settings.epochs) == ("normal", str(photos), 2)
    assert str(folder) == "runs/a"


def test_on_a_cpu_compile_is_ignored_and_said_so(photos, kit, capsys, monkeypatch):
    asked = []

    def fit(*given, compiled, **named):
        asked.append(compiled)
        raise train.NonFiniteLossError("stop here")

    monkeypatch.setattr(train, "fit", fit)
    words = ["train", "--model", "pix2pix", "--data", str(photos), "--profile", "smoke", "--device", "cpu", "--compile"]
    assert cli.main(words) == 1
    assert asked == [False]
    assert capsys.readouterr().err.startswith(
        "hcegan: --compile is ignored on a CPU, where it would slow training down\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_full_disk_ends_the_training_with_status_1_and_names_the_folder(photos, kit, capsys, monkeypatch):
    full = partial(open, "/dev/full", "a")
    monkeypatch.setattr(checkpoints, "open_log", lambda folder: full())
    words = ["train", "--model", "pix2pix", "--data", str(photos), "--run", "mine", "--device", "cpu", *SMOKE]
    assert cli.main(words) == 1
    line = "hcegan: No space left on device; make room and train again in mine to resume\n"
    assert capsys.readouterr().err == line


def test_a_folder_deleted_under_a_training_is_a_failure_on_the_way(photos, kit, capsys, monkeypatch):
    batch = train.batch_of_step

    def delete(*given):
        shutil.rmtree("mine")
        return batch(*given)

    monkeypatch.setattr(train, "batch_of_step", delete)
    words = ["train", "--model", "pix2pix", "--data", str(photos), "--run", "mine", "--device", "cpu", *SMOKE]
    assert cli.main(words) == 1
    assert re.fullmatch(r"hcegan: mine\S*: No such file or directory\n", capsys.readouterr().err)


def test_a_run_folder_that_cannot_exist_is_invalid_input(photos, kit, capsys):
    (kit / "mine").touch()
    words = ["train", "--model", "pix2pix", "--data", str(photos), "--run", "mine", "--device", "cpu", *SMOKE]
    assert "mine: File exists" in refuse(words, capsys)
