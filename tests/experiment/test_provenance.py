import shutil
from dataclasses import replace

import pytest
from kits import ROOT

from hcegan_lib import train
from hcegan_lib.experiment import code_hash, made_from


def test_the_hash_depends_on_settings_photographs_code_and_torch(monkeypatch):
    settings = train.config("smoke")
    same = made_from(settings, "photos", "code")
    assert made_from(replace(settings), "photos", "code") == same
    others = [
        made_from(replace(settings, seed=1), "photos", "code"),
        made_from(settings, "other photos", "code"),
        made_from(settings, "photos", "other code"),
    ]
    monkeypatch.setattr("torch.__version__", "0.0")
    others.append(made_from(settings, "photos", "code"))
    assert same["hash"] not in {other["hash"] for other in others}


@pytest.fixture
def library(tmp_path):
    return shutil.copytree(ROOT / "hcegan_lib", tmp_path / "hcegan_lib")


@pytest.mark.parametrize("module", ["color.py", "train.py", "backend/kernels.py", "backend/new.py", "new.py"])
def test_the_code_hash_changes_with_code_but_not_with_comments(module, library):
    path = library / module
    text = path.read_text(encoding="utf-8") if path.exists() else '"""New."""\n'
    path.write_text(text, encoding="utf-8")
    before = code_hash(library)
    path.write_text("# a comment\n" + text.replace('"""', '"""Reworded. ', 1), encoding="utf-8")
    assert code_hash(library) == before
    path.write_text(text + "\nMORE = 1\n", encoding="utf-8")
    assert code_hash(library) != before


def test_the_code_hash_ignores_modules_that_only_show_or_run(library):
    before = code_hash(library)
    for module in ("__init__.py", "cli/__init__.py", "lessons/plots/__init__.py"):
        path = library / module
        path.write_text(path.read_text(encoding="utf-8") + "\nMORE = 1\n", encoding="utf-8")
    assert code_hash(library) == before
