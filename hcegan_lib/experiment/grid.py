"""Grid files, models x data sets x seeds, and the settings that they, the command line and the notebook change."""

import contextlib
import os
import re
import reprlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from hcegan_lib import KIT_ROOT, paper, train
from hcegan_lib.backend.files import name_file
from hcegan_lib.backend.messages import did_you_mean
from hcegan_lib.data import EMBEDDED, raw_folder
from hcegan_lib.train import TrainConfig

GRIDS = KIT_ROOT / "notebooks" / "grids"
DEVICES = ("auto", "cpu", "cuda", "mps")
KEYS = ("profile", "models", "data", "seeds", "set", "device")  # of a grid file; the last two are optional
CHOSEN = ("gamma_init", "loss", "head", "data", "seed")  # fields of TrainConfig that model, data set and seed decide


@dataclass(frozen=True)
class Grid:
    """The checked content of a grid file."""

    name: str  # the file's name without its suffix; runs and results are named after it
    profile: str
    models: list[str]
    data: list[str]  # names of sets, or folders, as written in the file
    seeds: list[int]
    settings: dict  # fields of TrainConfig that differ from the profile's
    device: str = "auto"


class GridLoader(yaml.SafeLoader):
    """YAML without aliases, in which no key may appear twice. YAML itself would silently use the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Refuse repeated keys."""
        repeated = _repeated([key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
        if repeated:
            raise ValueError(f"the key {repeated[0]!r} appears twice")
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node:
        """Refuse aliases: with them a few lines can stand for billions of values, whose message would never end."""
        if self.check_event(yaml.AliasEvent):
            raise ValueError(f"a grid cannot repeat a part of itself with *{self.peek_event().anchor}")
        return super().compose_node(parent, index)


def read_grid(path: str | Path) -> Grid:
    """Read and check a grid file: YAML with the keys profile, models, data and seeds, and optionally set and device.

    `models` are names or "all", `data` names of sets or folders relative to the kit, `set` the settings that differ
    from the profile's. ValueError if anything is unknown or appears twice, or if a file outside the kit is named like a
    grid of the kit, whose results it would replace.
    """
    path = Path(path)
    if not re.fullmatch(r"[A-Za-z0-9][\w-]*", path.stem) or path.stem.endswith(("-curves", "-pictures")):
        raise ValueError(
            f"{path}: results are named after the grid file, so its name may only have letters, digits, - and _, "
            "and may not end with -curves or -pictures"
        )
    own = path.stem.lower() in {*train.PROFILES, *(grid.stem for grid in GRIDS.glob("*.yaml"))}
    if own and path.resolve().parent != GRIDS.resolve():
        raise ValueError(f"{path}: results named {path.stem!r} belong to the kit; rename the file")
    with name_file(path):
        try:
            return _check(path.stem, yaml.load(path.read_text(encoding="utf-8"), GridLoader))
        except (ValueError, yaml.YAMLError) as error:
            raise ValueError(f"{path}: {error}") from None


def _check(name: str, content: object) -> Grid:
    if not isinstance(content, dict):
        raise ValueError(f"a grid has the keys {', '.join(KEYS)}, got {reprlib.repr(content)}")
    for key in content:
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}{did_you_mean(key, KEYS)}")
    for key in KEYS[:4]:
        if key not in content:
            raise ValueError(f"the key {key!r} is missing")
    device, settings = content.get("device", "auto"), content.get("set", {})
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if not isinstance(settings, dict):
        raise ValueError(f"set must map settings to values, got {reprlib.repr(settings)}")
    settings, profile = parse_settings(settings), str(content["profile"])
    train.config(profile, **settings)
    models = list(paper.MODELS) if content["models"] == "all" else _list(content, "models", str)
    data, seeds = _list(content, "data", str), _list(content, "seeds", int)
    for model in models:
        paper.model(model)
    for seed in seeds:
        train.config(profile, seed=seed)
    missing = [name for name in data if not name or not (name in EMBEDDED or os.path.isdir(resolve_data(name)))]
    if missing:
        names = ", ".join(map(repr, missing))
        raise ValueError(f"there is no set or folder {names}: `hcegan data build NAME` builds the known sets")
    return Grid(name, profile, models, data, seeds, settings, device)


def _list(content: dict, key: str, kind: type) -> list:
    """Read a nonempty list of one type, without repetitions."""
    values = content[key]
    if not isinstance(values, list) or not values or not all(type(value) is kind for value in values):
        wanted = {str: "names", int: "whole numbers"}[kind] + (", or all" if key == "models" else "")
        raise ValueError(f"{key} must be a list of {wanted}, got {reprlib.repr(values)}")
    if _repeated(values):
        raise ValueError(f"{key} contains {_repeated(values)[0]!r} twice")
    return values


def _repeated(values: list) -> list:
    return [value for value, times in Counter(values).items() if times > 1]


def parse_settings(given: Mapping[str, object]) -> dict:
    """Convert settings from a grid file, the command line or the notebook for `train.config`, which checks the ranges.

    Text that is a number is converted to one: YAML reads 1e-3 as text, and the command line has only text.
    attend_max_positions may be "all": attention on every map, TrainConfig's None. ValueError if a setting is unknown,
    its value has the wrong type, or the model, data set or seed decides it.
    """
    types = {setting.name: setting.type for setting in fields(TrainConfig) if setting.name not in CHOSEN}
    for name in given:
        if name in CHOSEN:
            raise ValueError(f"{name!r} cannot be set here: it comes from the model, the data set or the seed")
        if name not in types:
            raise ValueError(f"unknown setting {name!r}{did_you_mean(name, types)}")
    return {name: _parse(name, value, types[name]) for name, value in given.items()}


def _parse(name: str, value: object, kind: object) -> object:
    if kind is str:
        return value
    if name == "attend_max_positions" and value == "all":
        return None
    number = float if kind is float else int
    if type(value) in (str, int):
        with contextlib.suppress(ValueError, OverflowError):
            return number(value)
    if type(value) is number:
        return value
    wanted = "a number" if number is float else "a whole number"
    raise ValueError(f"{name} must be {wanted}{', or all' * (name == 'attend_max_positions')}, got {value!r}")


def resolve_data(data: str) -> str:
    """Turn a data set as a grid names it into a source for `data.load`: relative folders start at the kit."""
    built = raw_folder() / data
    return data if data in EMBEDDED else str(built if os.path.isdir(built) else KIT_ROOT / os.path.expanduser(data))
