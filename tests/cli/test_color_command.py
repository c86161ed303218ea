import errno
import json
import shutil
import sys
import weakref

import numpy as np
import pytest
import torch
from PIL import Image

from hcegan_lib import cli, data, models, train
from hcegan_lib.backend import files as backend_files
from hcegan_lib.experiment import weights
from hcegan_lib.train import PROFILES
from tests.cli.calls import files, refuse
from tests.cli.conftest import SMOKE


def test_photographs_are_colored_whole_and_keep_their_shape(trained, kit, capsys):
    folder, _, _ = trained
    random = np.random.default_rng(1)
    Image.fromarray(random.integers(0, 256, (90, 60, 3), dtype=np.uint8)).save(kit / "tall.png")
    Image.fromarray(random.integers(0, 256, (20, 45), dtype=np.uint8)).save(kit / "wide.jpg")
    assert cli.main(["color", "tall.png", "wide.jpg", "--run", str(folder), "--output", "colored/here"]) == 0
    assert capsys.readouterr().out.split() == ["colored/here/tall_color.png", "colored/here/wide_color.png"]
    assert list(files(kit / "colored")) == ["here/tall_color.png", "here/wide_color.png"]
    with (
        Image.open(kit / "colored/here/tall_color.png") as tall,
        Image.open(kit / "colored/here/wide_color.png") as wide,
    ):
        short = PROFILES["smoke"].image_size
        assert (tall.mode, tall.size) == ("RGB", (short, short * 90 // 60))
        assert (wide.mode, wide.size) == ("RGB", (short * 45 // 20, short))


def test_a_square_photograph_of_the_trained_size_is_colored_as_in_scoring(trained, photos, kit):
    folder, _, _ = trained
    generator, config = train.load_generator(folder)
    scored = data.load(str(photos), config.image_size).test
    expected = models.render(generator, scored.batch()[0])[0]
    Image.fromarray(scored.pixels[0]).save(kit / "one.png")
    assert cli.main(["color", "one.png", "--run", str(folder)]) == 0
    with Image.open(kit / "colored" / "one_color.png") as image:
        colored = np.asarray(image).transpose(2, 0, 1)
    np.testing.assert_allclose(colored / 255, expected.numpy(), atol=0.51 / 255)


OLD_CONFIG = {
    "gamma_init": "normal",
    "loss": "hinge_bce",
    "data": "mini",
    "seed": 0,
    "image_size": 32,
    "base_channels": 1,
    "depth": 2,
    "attend_max_positions": 256,
    "epochs": 1,
    "batch_size": 32,
    "learning_rate": 0.0002,
    "l1_weight": 100.0,
    "checkpoint_every": 400,
    "fingerprint": "3132a5d1b01aec32",
}
OLD_WEIGHTS = {
    "encoder.0.0.weight": (1, 1, 4, 4),
    "encoder.1.1.weight": (2, 1, 4, 4),
    "decoder.0.1.weight": (2, 1, 4, 4),
    "decoder.0.2.weight": (1,),
    "decoder.0.2.bias": (1,),
    "decoder.0.2.running_mean": (1,),
    "decoder.0.2.running_var": (1,),
    "decoder.0.2.num_batches_tracked": (),
    "decoder.1.1.weight": (2, 3, 4, 4),
    "decoder.1.1.bias": (3,),
    "attention.1.gamma": (1,),
    "attention.1.f.weight": (1, 1, 1, 1),
    "attention.1.g.weight": (1, 1, 1, 1),
    "attention.1.h.weight": (1, 1, 1, 1),
}


@pytest.mark.parametrize("added", [{}, {"precision": "float32"}])
def test_a_run_made_before_the_library_was_divided_into_folders_can_be_read(added, photos, kit, capsys):
    (kit / "old" / "checkpoints").mkdir(parents=True)
    (kit / "old" / "config.json").write_text(json.dumps(OLD_CONFIG | added), encoding="utf-8")
    weights = {name: torch.full(shape, 0.1) for name, shape in OLD_WEIGHTS.items()}
    state = {"step": 4, "networks": [weights, {}], "optimizers": [{}, {}]}
    torch.save(state, kit / "old" / "checkpoints" / "step-00000004.pt")
    assert cli.main(["color", "photos/0.png", "--run", "old"]) == 0
    assert capsys.readouterr() == ("colored/0_color.png\n", "")


@pytest.fixture
def spoiled(kit, photos):
    """Add files that cannot be colored."""
    (kit / "text.png").write_text("text", encoding="utf-8")
    (kit / "empty.jpg").touch()
    Image.new("RGB", (2, 33)).save(kit / "long.png")
    return kit


BAD = {
    "gone.png": "gone.png: No such file or directory",
    "text.png": "text.png: not a picture",
    "empty.jpg": "empty.jpg: the file is empty",
    "long.png": "long.png has 2 x 33 pixels, but its long side may be at most 16 times its short side",
}


def test_photographs_that_cannot_be_colored_are_named_and_the_others_are_colored(trained, spoiled, capsys):
    assert cli.main(["color", "photos/0.png", *BAD, "photos/1.png", "--run", str(trained[0])]) == 1
    out, err = capsys.readouterr()
    assert out.split() == ["colored/0_color.png", "colored/1_color.png"]
    for line, wanted in zip(err.splitlines(), BAD.values(), strict=True):
        assert line.startswith(f"hcegan: {wanted}")


def test_if_no_photograph_can_be_read_the_input_is_invalid_and_nothing_is_written(trained, spoiled, capsys):
    for name, line in BAD.items():
        assert line in refuse(["color", name, "--run", str(trained[0])], capsys)
    assert not (spoiled / "colored").exists()


def test_two_photographs_of_one_name_are_refused(trained, kit, capsys):
    words = ["color", "photos/0.png", "photos/../photos/0.png", "--run", str(trained[0])]
    assert "two photographs have the same name" in refuse(words, capsys)
    assert not (kit / "colored").exists()


@pytest.fixture
def luma_run(photos, kit, capsys):
    """A run of two steps with the luma head."""
    words = ["--data", str(photos), "--device", "cpu", "--run", str(kit / "luma"), *SMOKE]
    assert cli.main(["train", "--model", "L1 alone, luma kept", *words]) == 0
    capsys.readouterr()
    return kit / "luma"


def test_a_model_that_keeps_the_luma_colors_a_folder_at_full_size_in_the_format_of_each_file(luma_run, kit, capsys):
    folder = kit / "mine"
    folder.mkdir()
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (90, 200, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.png", "c.webp", "d.tif"):
        Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").touch()
    assert cli.main(["color", "mine", "--run", str(luma_run)]) == 0
    names = ["a_color.jpg", "b_color.png", "c_color.webp", "d_color.tif"]
    assert capsys.readouterr().out.split() == [f"colored/{name}" for name in names]
    for name in names:
        with Image.open(kit / "colored" / name) as image:
            assert (image.size, image.mode) == ((200, 90), "RGB")
    with Image.open(kit / "colored" / "b_color.png") as image:
        difference = np.asarray(image, dtype=float) - pixels
    assert abs(difference @ (0.299, 0.587, 0.114)).max() <= 0.51


def test_a_folder_without_photographs_is_refused(luma_run, kit, capsys):
    (kit / "none").mkdir()
    assert "none has no photographs" in refuse(["color", "none", "--run", str(luma_run)], capsys)


def test_ready_weights_are_used_unless_a_run_is_named(luma_run, kit, capsys, monkeypatch):
    asked = []

    def load(name):
        asked.append(name)
        return train.load_generator(luma_run)[0], 64

    monkeypatch.setattr(weights, "load", load)
    assert cli.main(["color", "photos/0.png"]) == 0
    assert cli.main(["color", "photos/1.png", "--weights", "flowers"]) == 0
    assert asked == ["general", "flowers"]
    assert files(kit / "colored").keys() == {"0_color.png", "1_color.png"}
    capsys.readouterr()
    words = ["color", "photos/2.png", "--weights", "flowers", "--run", str(luma_run)]
    assert "not allowed with argument" in refuse(words, capsys)


def test_unknown_weights_are_refused_with_the_names_of_all(photos, kit, capsys):
    line = refuse(["color", "photos/0.png", "--weights", "flower"], capsys)
    assert "unknown weights 'flower', did you mean 'flowers'? valid: " in line
    assert not (kit / "colored").exists()


def test_a_bar_counts_the_photographs_on_a_terminal(luma_run, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli.main(["color", "photos/0.png", "photos/1.png", "--run", str(luma_run)]) == 0
    out, err = capsys.readouterr()
    assert out.split() == ["colored/0_color.png", "colored/1_color.png"]
    assert "0/2" in err


def test_only_one_photograph_is_in_memory_at_a_time(trained, kit, monkeypatch):
    opened, at_once, open_photo = [], [], data.open_photo

    def counted(path):
        photo = open_photo(path)
        opened.append(weakref.ref(photo))
        at_once.append(sum(reference() is not None for reference in opened))
        return photo

    monkeypatch.setattr(data, "open_photo", counted)
    assert cli.main(["color", *(f"photos/{n}.png" for n in range(6)), "--run", str(trained[0])]) == 0
    assert len(at_once) == 6
    assert max(at_once) <= 2  # the previous one is released when the next has been opened


def test_on_a_full_disk_finished_photographs_are_kept_and_no_partial_file_is_left(trained, kit, capsys, monkeypatch):
    fsync_file, out = backend_files.fsync_file, str(kit / "out")

    def full(path):
        if "1_color" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync_file(path)

    monkeypatch.setattr(backend_files, "fsync_file", full)
    assert cli.main(["color", "photos/0.png", "photos/1.png", "--run", str(trained[0]), "--output", out]) == 1
    assert capsys.readouterr().err == f"hcegan: {out}/1_color.png: No space left on device\n"
    assert list(files(kit / "out")) == ["0_color.png"]


def test_an_earlier_result_is_replaced_only_with_overwrite(trained, kit, capsys):
    (kit / "a").mkdir()
    (kit / "photos" / "1.png").rename(kit / "a" / "0.png")
    words = ["--run", str(trained[0])]
    assert cli.main(["color", "photos/0.png", *words]) == 0
    before = files(kit / "colored")
    capsys.readouterr()
    line = "colored/0_color.png exists: replace it with --overwrite, or choose a different --output"
    assert line in refuse(["color", "a/0.png", *words], capsys)
    assert files(kit / "colored") == before
    assert cli.main(["color", "a/0.png", "--overwrite", *words]) == 0
    assert files(kit / "colored") != before


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_no_result_replaces_one_of_the_photographs(options, trained, kit, capsys):
    (kit / "photos" / "1.png").rename(kit / "photos" / "0_color.png")
    before = files(kit / "photos")
    words = ["color", "photos/0.png", "photos/0_color.png", "--run", str(trained[0]), "--output", "photos", *options]
    assert "0_color.png is one of the photographs to color" in refuse(words, capsys)
    assert files(kit / "photos") == before


def test_if_the_folder_of_the_results_is_deleted_meanwhile_the_failure_is_not_called_invalid_input(
    trained, kit, capsys, monkeypatch
):
    def delete(*given):
        shutil.rmtree(kit / "colored", ignore_errors=True)
        return Image.new("RGB", (8, 8))

    monkeypatch.setattr(models, "color_photo", delete)
    assert cli.main(["color", "photos/0.png", "photos/1.png", "--run", str(trained[0])]) == 1
    assert capsys.readouterr().err == "hcegan: colored/1_color.png: No such file or directory\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_a_photograph_whose_name_is_not_valid_text_is_colored(trained, kit, capsys):
    (kit / "photos" / "0.png").rename(kit / "caf\udce9.png")
    assert cli.main(["color", "caf\udce9.png", "--run", str(trained[0])]) == 0
    assert capsys.readouterr().out == "colored/caf\\udce9_color.png\n"


@pytest.mark.parametrize(("module", "name"), [(train, "load_generator"), (models, "color_photo")])
def test_running_out_of_memory_is_reported_in_one_line(module, name, trained, kit, capsys, monkeypatch):
    def full(*given):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(module, name, full)
    assert cli.main(["color", "photos/0.png", "--run", str(trained[0])]) == 1
    line = "hcegan: out of memory: finished photographs are kept; crop this one or use a smaller model\n"
    assert capsys.readouterr().err == line


def test_another_error_is_not_mistaken_for_a_full_memory(trained, kit, monkeypatch):
    def wrong(*given):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(models, "color_photo", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        cli.main(["color", "photos/0.png", "--run", str(trained[0])])


@pytest.mark.parametrize("run", ["nowhere", "photos"])
def test_a_folder_that_is_not_a_run_is_refused(run, photos, kit, capsys):
    assert run in refuse(["color", "photos/0.png", "--run", run], capsys)
    assert not (kit / "colored").exists()


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_used(trained, kit, capsys):
    folder, _, _ = trained
    newest = max((folder / "checkpoints").iterdir())
    (folder / "checkpoints" / "step-00000001.pt").write_bytes(newest.read_bytes())
    newest.write_bytes(newest.read_bytes()[:1000])
    assert cli.main(["color", "photos/0.png", "--run", str(folder)]) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"hcegan: damaged checkpoint {newest.name}")
    assert err.count("\n") == 1
