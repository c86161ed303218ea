import matplotlib

matplotlib.use("Agg")

import functools
import io
import re

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image
from samples import EXPLORERS, PICTURES

from hcegan_lib import course
from hcegan_lib.experiment.notebooks import widget_state
from hcegan_lib.lessons import explorers


@functools.cache
def made(name):
    """An explorer and its first values; it is made once, because some record a dozen pictures."""
    explorer = EXPLORERS[name][0]()
    return explorer, explorer.values


def at_start(name):
    explorer, start = made(name)
    explorer.set(**start)
    return explorer


@pytest.fixture(params=EXPLORERS)
def case(request):
    _, draw, moves = EXPLORERS[request.param]
    return at_start(request.param), draw, moves


def drawn_again(draw, explorer):
    return explorers.picture(draw(**explorer.values, figure=explorers.new_figure()))


def test_each_move_changes_the_picture_to_what_the_plain_function_draws(case):
    explorer, draw, moves = case
    panel = explorer.panel
    assert panel.image == drawn_again(draw, explorer)
    for move in moves:
        for name, value in move.items():
            before = panel.image
            explorer.set(**{name: value})
            assert panel.image != before, move
            assert panel.image == drawn_again(draw, explorer), move
            assert panel.shown == panel.chosen


def test_the_moves_above_cover_every_control(case):
    explorer, _, moves = case
    assert {name for move in moves for name in move} == set(explorer.controls)


def test_moving_there_and_back_restores_the_picture(case):
    explorer, _, moves = case
    before, start = explorer.panel.image, explorer.values
    for move in moves:
        explorer.set(**move)
    assert explorer.panel.image != before
    explorer.set(**start)
    assert explorer.panel.image == before


def test_the_plain_function_makes_a_figure_if_none_is_given(case):
    explorer, draw, _ = case
    figure = draw(**explorer.values)
    assert figure.alt == draw(**explorer.values, figure=explorers.new_figure()).alt
    plt.close("all")


def test_the_browser_is_told_the_name_the_help_and_the_texts_of_every_control(case):
    explorer, _, _ = case
    for described in explorer.panel.controls:
        control = explorer.controls[described["name"]]
        assert described["label"] == control.label
        assert described["kind"] in ("slider", "choice", "place")
        assert described["texts"] == list(control.options)
        assert len(described["texts"]) >= 2
        assert len(described["help"].split()) >= 2


def test_the_text_alternative_begins_with_what_the_picture_is_and_goes_on_with_what_it_shows_now(case):
    explorer, draw, moves = case
    what, _, now = explorer.panel.alt.partition(". ")
    for move in moves:
        explorer.set(**move)
    assert explorer.panel.alt == draw(**explorer.values, figure=explorers.new_figure()).alt
    what_after, _, after = explorer.panel.alt.partition(". ")
    assert what_after == what
    assert after != now
    assert 8 <= len(explorer.panel.alt.split()) <= 80


def test_an_explorer_leaves_no_pyplot_figure_for_the_cell_to_show_again(case):
    explorer, _, moves = case
    plt.close("all")
    for move in moves:
        explorer.set(**move)
    assert plt.get_fignums() == []


def test_where_no_widget_can_be_shown_a_sentence_stands_in_for_it(case):
    explorer, _, _ = case
    shown = explorer._repr_mimebundle_()
    assert shown["text/plain"].startswith("An explorer: run this notebook to use it.")
    assert len(shown["text/plain"]) < 110  # ipywidgets would cut it off


def test_setting_several_controls_draws_once(monkeypatch):
    explorer = at_start("loss")
    drawn = []
    monkeypatch.setattr(explorer, "draw", lambda **values: drawn.append(values) or explorers.loss_picture(**values))
    explorer.set(logit=-2.0, margin=2.0, label=-1)
    assert [(row["logit"], row["margin"], row["label"]) for row in drawn] == [(-2.0, 2.0, -1)]


def test_a_value_that_is_no_option_is_refused_by_the_name_of_its_control():
    explorer = at_start("loss")
    with pytest.raises(ValueError, match="pair must be one of real, rendered, got 0"):
        explorer.set(label=0)


def test_the_png_holds_the_drawn_pixels_exactly():
    figure = explorers.new_figure()
    explorers.gallery_picture(PICTURES, left="gray", right="true", figure=figure)
    explorer = at_start("gallery")
    with Image.open(io.BytesIO(explorer.panel.image)) as stored:
        figure.canvas.draw()
        np.testing.assert_array_equal(np.array(stored), np.asarray(figure.canvas.buffer_rgba())[..., :3])


def test_a_place_is_picked_where_the_image_of_its_panel_is_drawn():
    explorer = at_start("patch")  # the frame extends beyond the photograph
    ((left, top, width, height),) = explorer.panel.fields
    with Image.open(io.BytesIO(explorer.panel.image)) as stored:
        pixels = np.array(stored)
    drawn = (pixels != pixels[0, 0]).any(axis=2)
    height_px, width_px = drawn.shape
    down, across = round((top + 0.3 * height) * height_px), round((left + 0.3 * width) * width_px)
    first, last = round(top * height_px), round((top + height) * height_px)
    assert drawn[first + 2 : last - 2, across].all()
    assert not drawn[[first - 3, last + 3], across].any()
    first, last = round(left * width_px), round((left + width) * width_px)
    assert drawn[down, first + 2 : last - 2].all()
    assert not drawn[down, [first - 3, last + 3]].any()


def test_recorded_pictures_are_small_and_look_like_the_others():
    explorer = at_start("loss")
    frames = explorer.panel.frames
    assert len(frames) >= 10
    assert sum(len(frame["image"]) for frame in frames) < 150_000
    explorer.set(logit=-4.0)
    assert frames[0]["chosen"] == explorer.panel.chosen
    assert frames[0]["alt"] == explorer.panel.alt
    few, all_colors = (Image.open(io.BytesIO(b)).convert("RGB") for b in (frames[0]["image"], explorer.panel.image))
    assert np.abs(np.array(few, dtype=int) - np.array(all_colors)).mean() < 2


@pytest.mark.parametrize("path", sorted(course.NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem)
def test_stored_explorers_are_those_of_today(path):
    notebook = nbformat.read(path, as_version=4)
    states = [model["state"] for model in widget_state(notebook).values()]
    scripts = [state["_esm"] for state in states if "_esm" in state]
    assert scripts or not any(re.search(r"explorers\.\w+_explorer\(", cell.source) for cell in notebook.cells)
    assert set(scripts) <= {at_start("loss").panel._esm}


# --- errors -----------------------------------------------------------------------------------------------------------

FAILING = """from hcegan_lib.lessons import explorers
explorer = explorers.loss_explorer()
explorer"""
MOVES = {
    "explorer.set(margin=2.0)": [],
    "explorer.draw = lambda **values: 1 / 0\nexplorer.set(margin=2.0)": ["division by zero"],
}


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
