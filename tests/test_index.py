"""The README: its index leads from equations and figures to sections, functions and tests; its numbers are measured."""

import ast
import functools
import importlib
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
WANTED = [f"Eq. ({number})" for number in range(1, 14)] + [f"Figure {number}" for number in range(1, 7)]


def rows(readme):
    """Cells of the table below "Equation by equation", a tuple a row."""
    section = readme.partition("\n## Equation by equation\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in cells) for cells in lines[2:]]  # after the heading and the rule


ROWS = rows(README.read_text(encoding="utf-8"))


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
    path, anchor = re.fullmatch(r"\[.+\]\((notebooks/[^()#]+)#([^()#]+)\)", cell).groups()
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
    "[01, PSNR](notebooks/01_measuring_color.ipynb#PSNR:-how-large-is-the-error?)",
    "`metrics.psnr`, `psnr_of_bytes`, `attention.SelfAttention2d.forward`",
    "`test_the_table_is_read_row_by_row`",
)


def test_the_table_is_read_row_by_row():
    table = "| paper | a | b | c |\n|---|---|---|---|\n| " + " | ".join(ALIVE) + " |\n"
    assert rows(f"# Kit\n\n## Equation by equation\n\nText.\n\n{table}\n## Next\n\n{table}") == [ALIVE]
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


# --- the numbers of the README ----------------------------------------------------------------------------------------

# What differs -> pairs of models that differ in it alone. Each group is one family of Holm's correction.
CONTRASTS = {
    "loss": [(f"{start}+Hinge+BCE", f"pix2pix+{start}") for start in ("SA", "SA'", "SA''")],
    "start of the gain": [("pix2pix+SA'", "pix2pix+SA"), ("SA'+Hinge+BCE", "SA+Hinge+BCE")],
    "the whole method": [("SA'+Hinge+BCE", "pix2pix")],
}


def difference(scores, model, baseline, metric):
    """Mean difference over common seeds with its interval and p value, from plain means and SciPy's t test."""
    by_run = scores.groupby(["model", "seed"])[metric].mean().unstack("seed")
    differences = (by_run.loc[model] - by_run.loc[baseline]).dropna() * (100 if metric == "ssim" else 1)
    test = stats.ttest_1samp(differences, 0)
    low, high = test.confidence_interval(0.95)
    return f"{differences.mean():+.2f} [{low:+.2f}, {high:+.2f}]", test.pvalue


def contrast_lines(scores):
    """Rows of the README's table of contrasts."""
    for changed, pairs in CONTRASTS.items():
        cells = [difference(scores, *pair, metric) for pair in pairs for metric in ("psnr", "ssim")]
        adjusted = multipletests([p for _, p in cells], method="holm")[1]
        texts = [f"{text}, p = {p:.3f}" for (text, _), p in zip(cells, adjusted)]
        for (model, baseline), psnr, ssim in zip(pairs, texts[::2], texts[1::2]):
            yield f"| {changed} | {model} minus {baseline} | {psnr} | {ssim} |"


def test_the_contrasts_in_the_readme_are_those_of_the_recorded_runs():
    readme = README.read_text(encoding="utf-8")
    section = readme.partition("\n## What our runs say about the paper's claims\n")[2].partition("\n## ")[0]
    scores = pd.read_csv(ROOT / "data" / "results" / "laptop.csv")
    lines = list(contrast_lines(scores))
    assert [line for line in section.splitlines() if " minus " in line] == lines
    significant = [
        (line.split(" | ")[1], n) for line in lines for n in (2, 3) if float(line.split("p = ")[n - 1][:5]) < 0.05
    ]
    assert significant == [("SA'+Hinge+BCE minus pix2pix+SA'", 3), ("pix2pix+SA' minus pix2pix+SA", 2)]  # as it says
    means = scores.groupby("model")[["psnr", "ssim"]].mean() * [1, 100]
    gray, best = means.loc["gray copy"], means.drop(index="gray copy").max()
    text = " ".join(section.split())
    for psnr, ssim in (gray[["psnr", "ssim"]], best[["psnr", "ssim"]]):
        assert f"{psnr:.2f} dB and {ssim:.2f}" in text
