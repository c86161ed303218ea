"""What a run was made from: settings, photographs, code and the version of torch, with one hash of them all."""

import ast
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hcegan_lib.train import TrainConfig

LIBRARY = Path(__file__).resolve().parents[1]


def made_from(settings: "TrainConfig", fingerprint: str, code: str) -> dict:
    """Collect everything that decides a run's numbers, and hash it: runs with equal hashes are equal.

    This is the content of run.json, from the run's settings, the fingerprint of its photographs and `code_hash`. Device
    and number of threads, which affect rounding, are left out so that a batch may be resumed on a different machine;
    each record names both.
    """
    import torch

    version = str(torch.__version__)  # plain text: unpickling the original object would import torch on the worker
    content = {"settings": asdict(settings), "data": fingerprint, "code": code, "torch": version}
    return {"hash": _sha256(json.dumps(content, sort_keys=True)), **content}


def code_hash(library: Path = LIBRARY) -> str:
    """Hash the code that decides a run's numbers, without comments, docstrings and layout."""
    return _sha256("\n".join(_bare_source(path) for path in code_files(library)))


def code_files(library: Path = LIBRARY) -> list[Path]:
    """List the modules that a run's numbers depend on: the top level of the library and its backend."""
    return sorted([*library.glob("[!_]*.py"), *library.glob("backend/[!_]*.py")])


def _bare_source(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body[0].value = ast.Constant("")
    return ast.unparse(tree)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
