"""The index of equations leads to sections, functions and tests; the README is short, and its numbers are measured."""

import ast
import functools
import importlib
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from hcegan_lib.experiment import results

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
INDEX = ROOT / "docs" / "equations.md"
WANTED = [f"Eq. ({number})" for number in range(1, 14)] + [f"Figure {number}" for number in range(1, 7)]


def rows(page):
    """Cells of the table on the page, one tuple per row."""
    lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in cells) for cells in lines[2:]]  # after the heading and the rule


ROWS = rows(INDEX.read_text(encoding="utf-8"))


@functools.cache
def cells(path):
    return nbformat.read(path, as_version=4).cells


def anchors(path):
    """What a link to a section ends with, as JupyterLab makes it: the heading, with hyphens for spaces."""
    texts = [cell.source for cell in cells(path) if cell.cell_type == "markdown"]
    return {heading.strip().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", "\n".join(texts), re.MULTILINE)}


@functools.cache
def defined(path):
    """Names of the functions that a module, a test module or a notebook defines."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        source = "\n".join(cell.source for cell in cells(path) if cell.cell_type == "code")
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}


def link(cell):
    """Notebook and anchor that a cell links to."""
    path, anchor = re.fullmatch(r"\[.+\]\(\.\./(notebooks/[^()#]+)#([^()#]+)\)", cell).groups()
    return ROOT / path, unquote(anchor)


def names(cell):
    """All that stands in code font in a cell, which holds nothing else."""
    found = re.findall(r"`([^`]+)`", cell)
    assert cell == ", ".join(f"`{name}`" for name in found), cell
    return found


def dead_section(cell):
    path, anchor = link(cell)
    if not path.is_file():
        return f"no notebook {path.name}"
    return None if anchor in anchors(path) else f"no section {anchor} in {path.name}"


def dead_function(name, notebook):
    """Look a dotted name up in the library, and any other in the notebook of its row."""
    if "." not in name:
        return None if name in defined(notebook) else f"{notebook.name} defines no {name}"
    parts = name.split(".")
    for depth in range(len(parts) - 1, 0, -1):  # the longest part of the name that is a module
        try:
            module = importlib.import_module(".".join(["hcegan_lib", *parts[:depth]]))
            functools.reduce(getattr, parts[depth:], module)
        except ModuleNotFoundError as error:
            problem = str(error)
        except AttributeError as error:
            return str(error)
        else:
            return None
    return problem


@functools.cache
def all_tests():
    return set().union(*(defined(path) for path in (ROOT / "tests").rglob("test_*.py")))


def dead_test(name):
    return None if name.startswith("test_") and name in all_tests() else f"no test {name}"


def dead(row):
    """All that a row promises and that is not there."""
    _, section, functions, tests = row
    found = [dead_section(section)]
    found += [dead_function(name, link(section)[0]) for name in names(functions)] or ["no function"]
    found += [dead_test(name) for name in names(tests)] or ["no test"]
    return [entry for entry in found if entry]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_entry_of_the_index_leads_to_a_section_a_function_and_a_test(row):
    assert dead(row) == []


def test_every_equation_and_figure_of_the_paper_is_in_the_index_and_in_order():
    items = [row[0] for row in ROWS]
    assert [item for item in WANTED if item not in items] == []
    assert [item for item in items if item in WANTED] == WANTED


# --- the walk itself --------------------------------------------------------------------------------------------------

ALIVE = (
    "Eq. (0)",
    "[01, PSNR](../notebooks/01_measuring_color.ipynb#PSNR:-how-large-is-the-error?)",
    "`metrics.psnr`, `psnr_of_bytes`, `attention.SelfAttention2d.forward`",
    "`test_the_table_is_read_row_by_row`",
)


def test_the_table_is_read_row_by_row():
    table = "| paper | a | b | c |\n|---|---|---|---|\n| " + " | ".join(ALIVE) + " |\n"
    assert rows(f"# Equation by equation\n\nText.\n\n{table}\n") == [ALIVE]
    assert dead(ALIVE) == []


@pytest.mark.parametrize(
    ("place", "old", "new", "found"),
    [
        (1, "01_", "99_", "no notebook 99_measuring_color.ipynb"),
        (1, "large", "small", "no section PSNR:-how-small-is-the-error? in 01_measuring_color.ipynb"),
        (2, "metrics.psnr", "metrics.pnsr", "module 'hcegan_lib.metrics' has no attribute 'pnsr'"),
        (2, "metrics", "metric", "No module named 'hcegan_lib.metric'"),
        (2, "psnr_of_bytes", "psnr_of_bits", "01_measuring_color.ipynb defines no psnr_of_bits"),
        (3, "row_by_row", "at_once", "no test test_the_table_is_read_at_once"),
        (3, "test_the_table_is_read_row_by_row", "rows", "no test rows"),
    ],
)
def test_a_dead_entry_is_found(place, old, new, found):
    row = [*ALIVE[:place], ALIVE[place].replace(old, new), *ALIVE[place + 1 :]]
    if place == 1 and "99_" in row[1]:
        row[2] = "`metrics.psnr`"
    assert dead(row) == [found]


# --- the README -------------------------------------------------------------------------------------------------------


def test_the_readme_can_be_read_in_a_few_minutes():
    words = [
        word for word in README.read_text(encoding="utf-8").split() if re.search(r"\w", word)
    ]  # no rules of tables
    assert len(words) <= 800


def test_the_findings_in_the_readme_are_those_of_the_scorecard():
    page = README.read_text(encoding="utf-8")
    (grid,) = re.findall(r"<!-- hcegan verdict (\w+) --format short -->", page)
    shown = page.partition(" --format short -->\n")[2].partition("<!-- end -->")[0]
    assert shown == results.render_scorecard(grid, "short")
    assert len(shown.splitlines()) <= 10
