"""Notebooks that show scores compute them: no score is typed by hand."""

import copy
import io
import re
import tokenize
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from hcegan_lib.color import LUMA_WEIGHTS

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SCORES_SHOWN = sorted(path for number in ("10", "11", "12") for path in NOTEBOOKS.glob(f"{number}_*.ipynb"))

# Two digits and decimals (a PSNR or an SSIM in percent), or at least two decimals (an SSIM or a gain). Numbers below
# 0.1 are tolerances and probabilities.
LIKE_A_SCORE = re.compile(r"(?<![\w.])(?:\d\d\.\d+|\d?\.[1-9]\d+|[1-9]\.0\d+)(?!\w|\.\d)")
NO_SCORES = {"0.25", "0.75", "0.95", "0.975", *map(str, LUMA_WEIGHTS)}  # quarters, confidence levels, luma weights
EXERCISE = re.compile(r'(?<=check\(")\d\d\.\d(?=")|(?<=xercise )\d\d\.\d')


def numbers(source):
    """Find the numbers in a code cell: literals, and those in strings and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(EXERCISE.sub("", source)).readline)
    texts = [token.string for token in tokens if token.type not in (tokenize.OP, tokenize.NAME)]
    return [number for text in texts for number in LIKE_A_SCORE.findall(text)]


def typed_scores(notebook):
    """Find what looks like a score in a notebook's code and text, with the first line of its cell."""
    found = []
    for cell in notebook.cells:
        is_code = cell.cell_type == "code"
        there = numbers(cell.source) if is_code else LIKE_A_SCORE.findall(EXERCISE.sub("", cell.source))
        found += [(number, cell.source.splitlines()[0]) for number in there if number not in NO_SCORES]
    return found


@pytest.mark.parametrize("path", SCORES_SHOWN, ids=lambda path: path.stem)
def test_notebooks_that_show_scores_do_not_type_any(path):
    assert typed_scores(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", SCORES_SHOWN, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "cell",
    [
        new_code_cell("best = 21.404"),
        new_code_cell('print("PSNR 22.8 dB")'),
        new_code_cell('x = 1\nprint(f"{x}: 0.8921")'),
        new_code_cell("gains = [0.59]"),
        new_code_cell("gain = 2.04"),
        new_code_cell("x = 1  # was .893"),
        new_code_cell("assert abs(psnr - 20.8) < 1"),
        new_markdown_cell("The gray copy scores 20.8 dB."),
        new_markdown_cell("An SSIM of 0.82, and no more"),
        new_markdown_cell("It gains 1.61."),
    ],
    ids=lambda cell: cell.source.splitlines()[-1],
)
def test_a_score_typed_into_any_of_them_is_found(path, cell):
    notebook = nbformat.read(path, as_version=4)
    before = typed_scores(notebook)
    altered = copy.deepcopy(notebook)
    altered.cells.insert(len(altered.cells) // 2, cell)
    assert len(typed_scores(altered)) == len(before) + 1


@pytest.mark.parametrize(
    "source",
    ['check("12.2", misplaced)', "t.ppf(0.975, n - 1)", 'f"{value:.2f}"', "x[1:2]", "p < 0.05", "x * 0.5", "1e-4"],
)
def test_other_numbers_pass(source):
    assert [number for number in numbers(source) if number not in NO_SCORES] == []
