import matplotlib

matplotlib.use("Agg")

import html
import io

import ipywidgets
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from hcegan_lib import course
from hcegan_lib.lessons import explorers
from hcegan_lib.losses import LOSSES
from hcegan_lib.models import PatchDiscriminator


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(sum(shape)).random(shape, dtype=np.float32))


GRAY, COLOR = noise(3, 1, 32, 32), noise(3, 3, 32, 32)
MAPS = {"8 x 8": noise(3, 16, 8, 8), "4 x 4": noise(3, 24, 4, 4)}
PATCHES = PatchDiscriminator(base_channels=2)
AT = torch.linspace(-3, 3, 31)
FILM = {turn: (noise(40) + turn, torch.sigmoid(AT + turn)) for turn in (0, 1, 2)}
PICTURES = {"gray": GRAY, "halfway": (COLOR + GRAY) / 2, "true": COLOR}

# Explorer -> how to make it, its plain function, and values to set, one step per entry.
EXPLORERS = {
    "loss": (
        explorers.loss_explorer,
        explorers.loss_picture,
        [{"logit": -1.5}, {"margin": 2.0}, {"label": -1}, {"logit": 3.0, "margin": 0.5}],
    ),
    "dirac": (
        explorers.dirac_explorer,
        explorers.dirac_picture,
        [{"loss": LOSSES["hinge"]}, {"rate": 0.6}, {"theta": -1.5}, {"psi": 0.0, "loss": LOSSES["mse"]}],
    ),
    "game": (
        lambda: explorers.game_explorer(FILM, real=noise(40), at=AT),
        lambda **values: explorers.game_picture(FILM, real=noise(40), at=AT, **values),
        [{"turn": 1}, {"turn": 2}],
    ),
    "attention": (
        lambda: explorers.attention_explorer(MAPS, GRAY),
        lambda **values: explorers.attention_picture(MAPS, GRAY, **values),
        [
            *({"init": "zero"}, {"init": "uniform"}, {"scale": 2.0}, {"seed": 7}, {"channel": 9}, {"size": "4 x 4"}),
            *({"photograph": 2}, {"row": 3}, {"column": 0}, {"size": "8 x 8", "init": "normal"}),
        ],
    ),
    "patch": (
        lambda: explorers.patch_explorer(PATCHES, COLOR[0]),
        lambda **values: explorers.patch_picture(PATCHES, COLOR[0], **values),
        [{"row": 0}, {"column": 0}, {"row": 1}],
    ),
    "gallery": (
        lambda: explorers.gallery(PICTURES),
        lambda **values: explorers.gallery_picture(PICTURES, **values),
        [{"share": 0.1}, {"left": "halfway"}, {"photograph": 1}, {"right": "gray"}],
    ),
}


@pytest.fixture(params=EXPLORERS)
def case(request):
    make, draw, moves = EXPLORERS[request.param]
    return make(), draw, moves


def values(explorer):
    return {name: control.value for name, control in explorer.controls.items()}


def drawn_again(draw, explorer):
    return explorers.picture(draw(**values(explorer), figure=explorers.new_figure()))


def test_each_move_changes_the_picture_to_what_the_plain_function_draws(case):
    explorer, draw, moves = case
    assert explorer.image.value == drawn_again(draw, explorer)
    for move in moves:
        for name, value in move.items():
            before = explorer.image.value
            explorer.controls[name].value = value
            assert explorer.image.value != before, move
            assert explorer.image.value == drawn_again(draw, explorer), move


def test_the_moves_above_cover_every_control(case):
    explorer, _, moves = case
    assert {name for move in moves for name in move} == set(explorer.controls)


def test_moving_there_and_back_restores_the_picture(case):
    explorer, _, moves = case
    before, start = explorer.image.value, values(explorer)
    for move in moves:
        explorer.set(**move)
    assert explorer.image.value != before
    explorer.set(**start)
    assert explorer.image.value == before


def test_the_plain_function_makes_a_figure_if_none_is_given(case):
    explorer, draw, _ = case
    figure = draw(**values(explorer))
    assert figure.alt == draw(**values(explorer), figure=explorers.new_figure()).alt
    plt.close("all")


def test_every_control_has_a_name_and_a_tooltip_and_is_a_dropdown_or_slider(case):
    explorer, _, _ = case
    for name, control in explorer.controls.items():
        assert control.description, name
        assert len(control.tooltip.split()) >= 2, name
        assert isinstance(control, ipywidgets.Dropdown | ipywidgets.IntSlider | ipywidgets.FloatSlider)


def test_the_picture_is_a_png_and_its_alternative_text_changes_with_it(case):
    explorer, draw, moves = case
    before = explorer.alt.value
    for move in moves:
        explorer.set(**move)
    figure = draw(**values(explorer), figure=explorers.new_figure())
    assert bytes(explorer.image.value).startswith(b"\x89PNG")
    assert html.unescape(explorer.alt.value) == f'<p role="status">{figure.alt}</p>'
    assert explorer.image.tooltip is None  # JupyterLab does not show an image with a tooltip
    assert before != explorer.alt.value
    assert figure.alt.split(".")[0] in explorer.alt.value
    assert 8 <= len(figure.alt.split()) <= 80


def test_an_explorer_leaves_no_pyplot_figure_for_the_cell_to_show_again(case):
    explorer, _, moves = case
    plt.close("all")
    for move in moves:
        explorer.set(**move)
    assert plt.get_fignums() == []


def test_setting_several_controls_draws_once(monkeypatch):
    explorer = explorers.loss_explorer()
    drawn = []
    monkeypatch.setattr(explorer, "draw", lambda **values: drawn.append(values) or explorers.loss_picture(**values))
    explorer.set(logit=-2.0, margin=2.0, label=-1)
    assert [(row["logit"], row["margin"], row["label"]) for row in drawn] == [(-2.0, 2.0, -1)]


def test_the_png_holds_the_drawn_pixels_exactly():
    figure = explorers.new_figure()
    explorers.gallery_picture(PICTURES, left="gray", right="true", figure=figure)
    explorer = explorers.gallery(PICTURES)
    with Image.open(io.BytesIO(explorer.image.value)) as stored:
        figure.canvas.draw()
        np.testing.assert_array_equal(np.array(stored), np.asarray(figure.canvas.buffer_rgba())[..., :3])


# --- errors -----------------------------------------------------------------------------------------------------------

FAILING = """from hcegan_lib.lessons import explorers
explorer = explorers.loss_explorer()
explorer"""
MOVES = {
    "explorer.controls['margin'].value = 2.0": [],
    "explorer.controls['margin'].min = -1\nexplorer.controls['label'].options = [('none', 0)]": ["label must be 1"],
}


def test_outside_a_notebook_an_error_in_a_callback_reaches_the_caller(monkeypatch):
    # An IPython shell left in this process by another test would catch the error, as a notebook does.
    monkeypatch.setattr(ipywidgets.widgets.widget_output, "get_ipython", lambda: None)
    explorer = explorers.loss_explorer()
    with pytest.raises(ValueError, match="label must be 1"):
        explorer.controls["label"].options = [("none", 0)]


@pytest.mark.slow
@pytest.mark.parametrize(("move", "complaints"), MOVES.items(), ids=["good", "bad"])
def test_an_error_in_a_callback_is_stored_in_the_notebook_and_fails_the_course(move, complaints, tmp_path):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_markdown_cell("# Slide\n\n**Goal.** Slide."), new_code_cell(FAILING), new_code_cell(move)]
    path = tmp_path / "04_slide.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    (outcome,) = course.run({path: {}}, tmp_path / "out")
    assert len(outcome.errors) == len(complaints), outcome.errors
    for error, complaint in zip(outcome.errors, complaints):
        assert complaint in error
