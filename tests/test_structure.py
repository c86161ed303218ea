"""The shape of the library: imports run one way, modules are short, and docs/layout.md shows the tree on disk."""

import ast
import functools
import re
import statistics
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "hcegan_lib"
CORE = ("color", "data", "losses", "attention", "models", "metrics", "dirac", "train")
# A module may import from its own place and from places to the left of it. Names on one level are independent.
LEVELS = (
    ("hcegan_lib", "backend", "color"),
    ("data", "losses", "attention"),
    ("metrics", "models", "dirac"),
    ("train", "paper", "sources"),
    ("experiment",),
    ("lessons",),
    ("course",),
    ("cli",),
    ("__main__",),
)
LEVEL = {place: number for number, places in enumerate(LEVELS) for place in places}
LONGEST = 450  # lines of a module
MEDIAN = 10  # lines of a function
CORE_LINES = 1800  # of the eight core modules together: one evening of reading

MODULES = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(LIBRARY.rglob("*.py"))}
NAMES = {name.removesuffix(".__init__"): path for path, name in MODULES.items()}


def place(module):
    """Part of the library that a module belongs to: "backend" for hcegan_lib.backend.files."""
    return [*module.removesuffix(".__init__").split("."), "hcegan_lib"][1]


def imported(source, module):
    """Modules of the library that a module imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hcegan_lib":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in NAMES else node.module
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{module} has a relative import")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "hcegan_lib")


@functools.cache
def graph():
    return {name: set(imported(path.read_text(encoding="utf-8"), name)) - {name} for name, path in NAMES.items()}


def against_the_order(edges):
    """Imports from a place to the right, or of a neighbor on the same level."""
    return [
        f"{module} imports {target}"
        for module, targets in edges.items()
        for target in targets
        if place(target) != place(module) and target != "hcegan_lib" and not LEVEL[place(target)] < LEVEL[place(module)]
    ]


def cycle(edges):
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def test_imports_run_one_way():
    assert against_the_order(graph()) == []


def test_no_modules_import_each_other_in_a_circle():
    assert cycle(graph()) is None


def test_the_core_imports_nothing_below_it_but_backend_and_paper():
    for module in CORE:
        places = {place(target) for target in graph()[f"hcegan_lib.{module}"]}
        assert places <= {*CORE, "backend", "paper", "hcegan_lib"}, module


def test_a_wrong_import_would_be_found():
    edges = {"hcegan_lib.color": {"hcegan_lib.train"}, "hcegan_lib.train": {"hcegan_lib.color"}}
    assert against_the_order(edges) == ["hcegan_lib.color imports hcegan_lib.train"]
    assert set(cycle(edges)) == {"hcegan_lib.color", "hcegan_lib.train"}
    inside = "def late():\n    from hcegan_lib.backend import files\n    import hcegan_lib.train\n"
    assert set(imported(inside, "here")) == {"hcegan_lib.backend.files", "hcegan_lib.train"}


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", MODULES, ids=MODULES.get)
def test_a_module_can_be_read_at_one_sitting(path):
    assert lines(path) <= LONGEST


def test_the_core_can_be_read_in_one_evening():
    assert sum(lines(LIBRARY / f"{module}.py") for module in CORE) <= CORE_LINES


def test_half_of_all_functions_have_at_most_ten_lines():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in MODULES]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert statistics.median(node.end_lineno - node.lineno + 1 for node in functions) <= MEDIAN


@pytest.mark.parametrize(
    "folder", [path for path in sorted(LIBRARY.iterdir()) if (path / "__init__.py").exists()], ids=str
)
def test_a_folder_says_what_lives_there_and_what_never_does(folder):
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    assert len(docstring.split("\n\n")) >= 2


# --- the documented tree ----------------------------------------------------------------------------------------------


def tree():
    """Paths in docs/layout.md."""
    folder, paths = "", []
    for line in (ROOT / "docs" / "layout.md").read_text(encoding="utf-8").splitlines():
        entry = re.match(r"    (\s*)([\w.]+/?)(?:  |$)", line)
        if entry:
            indent, name = entry.groups()
            paths.append(name if not indent else folder + name)
            folder = name if not indent else folder
    return paths


def test_the_documented_tree_is_the_tree_on_disk():
    listed = set(tree())
    assert [path for path in listed if not (ROOT / path).exists()] == []
    modules = {f"hcegan_lib/{path.name}" for path in LIBRARY.glob("[!_]*.py")}
    folders = {f"hcegan_lib/{path.parent.name}/" for path in LIBRARY.glob("*/__init__.py")}
    assert modules | folders <= listed
