import os
import re
from dataclasses import replace
from itertools import pairwise
from string import ascii_lowercase
from textwrap import indent

import pytest
import yaml
from kits import MINIMAL, ROOT, files, grid_of, write_grid

from hcegan_lib import cli, data, paper, train
from hcegan_lib.experiment import cluster, parse_settings, read_grid, resolve_data


def test_a_grid_is_named_after_its_file_and_all_models_are_the_papers_eight(tmp_path):
    grid = grid_of(tmp_path, models="all", set={"epochs": 2, "learning_rate": "1e-3"}, device="cpu")
    assert grid.name == "grid"
    assert grid.models == list(paper.MODELS)
    assert grid.settings == {"epochs": 2, "learning_rate": 0.001}  # YAML reads 1e-3 as text
    assert grid.device == "cpu"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"modles": []}, "unknown key 'modles', did you mean 'models'? valid: profile, models, data, seeds"),
        ({"models": "pix2pix"}, "models must be a list of names, or all, got 'pix2pix'"),
        ({"models": []}, "models must be a list of names"),
        ({"models": ["pix2pixx"]}, "did you mean 'pix2pix'?"),
        ({"models": ["pix2pix", "pix2pix"]}, "models contains 'pix2pix' twice"),
        ({"data": ["mini", "data/raw/lion", "data/raw/bird"]}, "no set or folder 'data/raw/lion', 'data/raw/bird'"),
        ({"data": [""]}, "there is no set or folder ''"),
        ({"data": [3]}, "data must be a list of names, got [3]"),
        ({"seeds": 3}, "seeds must be a list of whole numbers, got 3"),
        ({"seeds": [0, True]}, "seeds must be a list of whole numbers"),
        ({"seeds": [1, 0, 1]}, "seeds contains 1 twice"),
        ({"seeds": [-1]}, "seed must be a whole number from 0 to 4294967295, got -1"),
        ({"profile": "laptpo"}, "profile must be one of smoke, tour, laptop, paper, got 'laptpo'"),
        ({"profile": ["smoke"]}, "profile must be one of"),
        ({"device": "gpu"}, "device must be one of auto, cpu, cuda, mps, got 'gpu'"),
        ({"set": ["epochs"]}, "set must map settings to values, got ['epochs']"),
        ({"set": {"epochs": True}}, "epochs must be a whole number, got True"),
        ({"set": {"depth": 7}}, "image_size must be a multiple of 2 ** depth = 128 and at least 24, got 64"),
        ({"set": {"learning_rate": 0}}, "learning_rate must be above 0"),
        ({"set": {"learning_rate": float("nan")}}, "learning_rate must be above 0"),
    ],
)
def test_an_impossible_grid_is_refused_in_one_line_and_nothing_is_written(changed, message, kit_in_process, capsys):
    path = write_grid(kit_in_process, **changed)
    before = files(kit_in_process)
    assert cli.main(["batch", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"hcegan: {path}: ")
    assert message in err
    assert files(kit_in_process) == before


@pytest.mark.parametrize("name", ["laptop.yaml", "Tour.yml"])
@pytest.mark.parametrize("options", [[], ["--resume"], ["--fresh"]])
def test_a_grid_outside_the_kit_cannot_replace_results_of_the_kit(name, options, kit_in_process, capsys):
    path = write_grid(kit_in_process).rename(kit_in_process / name)
    before = files(kit_in_process)
    assert cli.main(["batch", str(path), *options]) == 2
    line = f"hcegan: {path}: results named {path.stem!r} belong to the kit; rename the file\n"
    assert capsys.readouterr().err == line
    assert files(kit_in_process) == before


NESTED = "\n".join(f"- &{b} [*{a}, *{a}]" for a, b in pairwise(ascii_lowercase)).replace("*a", "1")


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        "profile: smoke\ndata: [mini]\nseeds: [0]\nmodels:\n" + NESTED,
        "profile: smoke\ndata: [mini]\nseeds: [0]\nmodels: all\nset:\n" + NESTED,
        "profile: smoke\nmodels: all\ndata: [mini]\nseeds: &a [*a]",
        "models: all\ndata: [mini]\nseeds: [0]\nprofile:\n" + NESTED,
        "profile: smoke\nmodels: all\ndata: [mini]\nseeds: [0]\ndevice:\n" + NESTED,
        "profile: smoke\nmodels: all\ndata: [mini]\nseeds: [0]\nset:\n  precision:\n" + indent(NESTED, "  "),
    ],
    ids=["the grid", "a list", "the settings", "an alias of itself", "the profile", "the device", "one setting"],
)
@pytest.mark.timeout(60)  # before, it took hours
def test_a_grid_file_that_contains_itself_many_times_is_refused_in_a_short_line(text, tmp_path, capsys):
    path = write_grid(tmp_path, text)
    assert cli.main(["batch", str(path)]) == 2
    assert re.fullmatch(rf"hcegan: {path}: .{{1,1000}}\n", capsys.readouterr().err)


@pytest.mark.timeout(60)  # before, it took hours
def test_the_time_to_find_a_repeated_seed_does_not_grow_with_the_square_of_their_number(tmp_path, monkeypatch):
    content = MINIMAL | {"seeds": [*range(1_000_000), 0]}
    monkeypatch.setattr(yaml, "load", lambda *given: content)
    with pytest.raises(ValueError, match="seeds contains 0 twice"):
        grid_of(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"profile: sm\xf6ke", "'utf-8' codec"), (b"- " * 3000 + b"a", "recursion"), (b"? [a]\n: 1", "unhashable key")],
)
def test_a_damaged_grid_file_is_named(content, message, kit_in_process, capsys):
    path = kit_in_process / "grid.yaml"
    path.write_bytes(content)
    assert cli.main(["batch", str(path)]) == 2
    assert re.fullmatch(rf"hcegan: {path}.*{message}.*\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile: [", "while parsing a flow node"),
        ("profile: smoke\nprofile: tour", "the key 'profile' appears twice"),
        ("profile: smoke\nset: {epochs: 1, depth: 6, epochs: 2}", "the key 'epochs' appears twice"),
        ("just words", "a grid has the keys profile, models, data, seeds, set, device, got 'just words'"),
        ("profile: smoke", "the key 'models' is missing"),
    ],
)
def test_a_file_that_is_not_a_grid_is_refused_in_one_line(text, message, kit_in_process, capsys):
    assert cli.main(["batch", str(write_grid(kit_in_process, text))]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.yaml"], "gone.yaml: No such file or directory"),
        (["grid-curves.yaml"], "grid-curves.yaml: results are named after the grid file"),
        (["grid.yaml", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["grid.yaml", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "not allowed with argument --workers"),
        (["grid.yaml", "--resources", "GPU=1"], "--resources"),
        (["grid.yaml", "--scheduler", "tcp://127.0.0.1:1", "--resources", "GPU"], "--resources must be like GPU=1"),
        (["grid.yaml", "--resume", "--fresh"], "not allowed with argument --resume"),
        (["grid.yaml", "--scheduler", "tcp://127.0.0.1:1"], "no Dask scheduler answers at 'tcp://127.0.0.1:1'"),
        (["grid.yaml", "--scheduler", "nonsense"], "--scheduler must be like tcp://10.0.0.1:8786, got 'nonsense'"),
        (["grid.yaml", "--scheduler", "http://x:1"], "--scheduler must be like tcp://10.0.0.1:8786, got 'http://x:1'"),
    ],
)
def test_impossible_options_are_refused_in_one_line(words, message, kit_in_process, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "SCHEDULER_TIMEOUT", 1)
    write_grid(kit_in_process)
    before = files(kit_in_process)
    assert cli.main(["batch", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert files(kit_in_process) == before


def test_the_grids_of_the_kit_are_what_they_say(monkeypatch):
    folder = ROOT / "notebooks" / "grids"
    sensitivity = ("sensitivity-rate", "sensitivity-maps", "sensitivity-bfloat16")
    names = ("smoke", "laptop", "columns", "paper", *sensitivity)
    assert {path.stem for path in folder.glob("*.yaml")} == set(names)
    monkeypatch.setattr(os.path, "isdir", lambda path: True)  # the paper's photographs are not part of the kit
    smoke, laptop, columns, whole, rate, maps, coarse = (read_grid(folder / f"{name}.yaml") for name in names)
    assert (smoke.profile, len(smoke.models), smoke.data, smoke.seeds) == ("smoke", 2, ["mini"], [0, 1])
    for grid in (laptop, columns):
        assert (grid.profile, grid.models) == ("laptop", [*paper.MODELS, *paper.LUMA_MODELS])
        assert grid.seeds == [0, 1, 2, 3, 4]
    assert coarse == replace(laptop, name=coarse.name, settings={"precision": "bfloat16"})
    assert (laptop.data, len(columns.data)) == (["flowers"], len(paper.DATASETS))
    assert (whole.profile, whole.models, whole.settings) == ("paper", list(paper.MODELS), {"precision": "float32"})
    assert (len(whole.data), len(whole.seeds)) == (len(paper.DATASETS), 3)
    for grid in (rate, maps):
        assert (grid.profile, grid.models, grid.data) == ("laptop", ["pix2pix", "SA'+Hinge+BCE"], laptop.data)
        assert grid.seeds == [0, 1, 2, 3]
    usual = train.config("laptop")
    assert usual.precision == "float32"  # on every processor: bfloat16 lowers the scores of some models only
    assert rate.settings == {"learning_rate": usual.learning_rate / 5, "epochs": 4 * usual.epochs}
    assert maps.settings == {"attend_max_positions": usual.attend_max_positions // 4}


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ({"epochs": 2}, {"epochs": 2}),
        ({"epochs": "2"}, {"epochs": 2}),  # from the command line
        ({"learning_rate": "1e-3", "l1_weight": 1}, {"learning_rate": 1e-3, "l1_weight": 1.0}),
        ({"attend_max_positions": "all"}, {"attend_max_positions": None}),
        ({"attend_max_positions": "64"}, {"attend_max_positions": 64}),
        ({"precision": "bfloat16"}, {"precision": "bfloat16"}),
    ],
)
def test_a_setting_gets_the_type_of_its_field(given, parsed):
    found = parse_settings(given)
    assert found == parsed
    assert list(map(type, found.values())) == list(map(type, parsed.values()))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epoch", 3, "unknown setting 'epoch', did you mean 'epochs'?"),
        ("seed", 3, "'seed' cannot be set here: it comes from the model, the data set or the seed"),
        ("loss", "bce", "'loss' cannot be set here: it comes from the model"),
        ("epochs", 2.5, "epochs must be a whole number, got 2.5"),
        ("epochs", "2.5", "epochs must be a whole number, got '2.5'"),
        ("learning_rate", "fast", "learning_rate must be a number, got 'fast'"),
        ("learning_rate", True, "learning_rate must be a number, got True"),
        ("learning_rate", 10**400, "learning_rate must be a number, got 1000"),
        ("attend_max_positions", True, "attend_max_positions must be a whole number, or all, got True"),
        ("attend_max_positions", None, "attend_max_positions must be a whole number, or all, got None"),
        ("attend_max_positions", "some", "attend_max_positions must be a whole number, or all, got 'some'"),
    ],
)
def test_a_setting_of_the_wrong_type_is_refused(name, value, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        parse_settings({name: value})
    assert message in str(error.value)


def test_a_grid_names_an_embedded_set_a_built_set_or_a_folder_of_the_kit(tmp_path, monkeypatch):
    built = tmp_path / "data" / "raw" / "standin-orange"
    built.mkdir(parents=True)
    monkeypatch.setattr(data, "KIT_ROOT", tmp_path)
    assert [resolve_data(name) for name in data.EMBEDDED] == ["mini", "flowers"]
    assert resolve_data("standin-orange") == str(built)
    assert resolve_data("data/raw/lion") == str(ROOT / "data" / "raw" / "lion")
    assert grid_of(tmp_path, data=["flowers", "standin-orange"]).data == ["flowers", "standin-orange"]
