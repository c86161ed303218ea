"""Each explorer shows what its plain function draws for the values of its controls, and hides no error."""

import matplotlib

matplotlib.use("Agg")

import copy
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

from hcegan_lib import models
from hcegan_lib.attention import SelfAttention2d
from hcegan_lib import course
from hcegan_lib.lessons import explorers
from hcegan_lib.losses import LOSSES
from hcegan_lib.models import PatchDiscriminator, UNetGenerator, receptive_field


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(sum(shape)).random(shape, dtype=np.float32))


GRAY, COLOR = noise(3, 1, 32, 32), noise(3, 3, 32, 32)
MAPS = {"8 x 8": noise(3, 16, 8, 8), "4 x 4": noise(3, 24, 4, 4)}
PATCHES = PatchDiscriminator(base_channels=2)
PICTURES = {"gray": GRAY, "halfway": (COLOR + GRAY) / 2, "true": COLOR}

# Explorer -> how to make it, its plain function, and values to move to, a step a line.
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


def drawn_anew(draw, explorer):
    return explorers.picture(draw(**values(explorer), figure=explorers.new_canvas().figure))


def test_each_move_changes_the_picture_to_what_the_plain_function_draws(case):
    explorer, draw, moves = case
    assert explorer.image.value == drawn_anew(draw, explorer)
    for move in moves:
        for name, value in move.items():
            before = explorer.image.value
            explorer.controls[name].value = value
            assert explorer.image.value != before, move
            assert explorer.image.value == drawn_anew(draw, explorer), move


def test_every_control_is_moved_in_the_test_above(case):
    explorer, _, moves = case
    assert {name for move in moves for name in move} == set(explorer.controls)


def test_moving_there_and_back_shows_the_same_picture(case):
    explorer, _, moves = case
    before, start = explorer.image.value, values(explorer)
    for move in moves:
        explorer.set(**move)
    assert explorer.image.value != before
    explorer.set(**start)
    assert explorer.image.value == before


def test_the_plain_function_makes_a_figure_of_its_own_where_none_is_given(case):
    explorer, draw, _ = case
    figure = draw(**values(explorer))
    assert figure.alt == draw(**values(explorer), figure=explorers.new_canvas().figure).alt
    plt.close("all")


def test_controls_have_names_explanations_and_keys(case):
    explorer, _, _ = case
    for name, control in explorer.controls.items():
        assert control.description, name
        assert len(control.tooltip.split()) >= 2, name
        assert isinstance(control, ipywidgets.Dropdown | ipywidgets.IntSlider | ipywidgets.FloatSlider)


def test_the_picture_is_a_png_and_its_words_follow_it(case):
    explorer, draw, moves = case
    before = explorer.words.value
    for move in moves:
        explorer.set(**move)
    figure = draw(**values(explorer), figure=explorers.new_canvas().figure)
    assert bytes(explorer.image.value).startswith(b"\x89PNG")
    assert html.unescape(explorer.words.value) == f'<p role="status">{figure.alt}</p>'
    assert explorer.image.tooltip is None  # with one, JupyterLab shows no picture
    assert before != explorer.words.value
    assert figure.alt.split(".")[0] in explorer.words.value
    assert 8 <= len(figure.alt.split()) <= 80


def test_an_explorer_makes_no_figure_of_pyplot_which_a_cell_would_show_a_second_time(case):
    explorer, _, moves = case
    plt.close("all")
    for move in moves:
        explorer.set(**move)
    assert plt.get_fignums() == []


def test_several_controls_set_at_once_are_drawn_once(monkeypatch):
    explorer = explorers.loss_explorer()
    drawn = []
    monkeypatch.setattr(explorer, "draw", lambda **values: drawn.append(values) or explorers.loss_picture(**values))
    explorer.set(logit=-2.0, margin=2.0, label=-1)
    assert [(row["logit"], row["margin"], row["label"]) for row in drawn] == [(-2.0, 2.0, -1)]


# --- the numbers behind -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("label", [1, -1])
def test_at_margin_1_each_loss_is_its_half_of_the_librarys(name, label):
    logits = torch.linspace(-3, 3, 13, dtype=torch.float64)
    _, values, gradients = explorers.margin_losses(logits, margin=1, label=label)[name]
    at = logits.clone().requires_grad_()
    kinds = ("real_logits", "fake_logits") if label == 1 else ("fake_logits", "real_logits")
    for k in range(len(logits)):
        # The other half is held still, so that it falls out of a difference.
        still = torch.zeros(1, dtype=torch.float64)
        loss = LOSSES[name].discriminator(**{kinds[0]: at[k : k + 1], kinds[1]: still})
        zero = LOSSES[name].discriminator(**{kinds[0]: still, kinds[1]: still})
        torch.testing.assert_close(values[k] - values[6], loss.detach() - zero)
        torch.testing.assert_close(gradients[k], torch.autograd.grad(loss, at)[0][k])


def test_the_hinge_ends_at_its_margin_on_either_side():
    logits = torch.tensor([-2.6, -2.4, 0.0, 2.4, 2.6])
    for label, zeros in ((1, [4]), (-1, [0])):
        _, values, gradients = explorers.margin_losses(logits, margin=2.5, label=label)["hinge"]
        assert torch.nonzero(values == 0).flatten().tolist() == zeros
        torch.testing.assert_close(values[2], torch.tensor(2.5))
        assert gradients[2] == -label


def test_the_maps_are_what_the_attention_layers_are_given_in_a_step_of_training():
    generator = UNetGenerator(base_channels=4, depth=5, gamma_init="normal", image_size=32, attend_max_positions=64)
    state = copy.deepcopy(generator.state_dict())
    maps = explorers.attended_maps(generator.eval(), GRAY)
    assert {name: tuple(x.shape) for name, x in maps.items()} == {
        "8 x 8": (3, 8, 8, 8),
        "4 x 4": (3, 16, 4, 4),
        "2 x 2": (3, 32, 2, 2),
    }
    assert not generator.training
    assert all(torch.equal(value, state[name]) for name, value in generator.state_dict().items())
    x = 2 * GRAY - 1
    for layer in generator.train().encoder[:2]:
        x = layer(x)
    torch.testing.assert_close(maps["8 x 8"], x.detach())


def test_a_start_has_the_same_convolutions_for_each_init_and_a_scaled_gain():
    one, other = (explorers.attention_at_start(16, init=init, seed=3) for init in ("zero", "uniform"))
    for name in "fgh":
        assert torch.equal(getattr(one, name).weight, getattr(other, name).weight)
    scaled = explorers.attention_at_start(16, init="uniform", scale=1.5, seed=3)
    torch.testing.assert_close(scaled.gamma, 1.5 * other.gamma)
    assert not torch.equal(other.gamma, explorers.attention_at_start(16, init="uniform", seed=4).gamma)


def test_what_is_drawn_of_a_layer_is_a_row_of_its_attention_and_a_channel_of_its_result():
    layer, x = SelfAttention2d(16, "normal"), MAPS["8 x 8"][1]
    seen = explorers.look(layer, x, query=(2, 5), channel=4)
    torch.testing.assert_close(seen["beta"].flatten(), layer.attention(x[None])[0, 2 * 8 + 5].detach())
    assert torch.equal(seen["maps"]["x"], x[4])
    torch.testing.assert_close(seen["maps"]["y = γ o + x"], layer(x[None])[0, 4].detach())
    torch.testing.assert_close(layer.gamma[4].detach() * seen["maps"]["o"] + x[4], seen["maps"]["y = γ o + x"])


def test_a_pixel_of_the_photograph_looks_from_the_position_that_covers_it():
    explorer = explorers.attention_explorer(MAPS, GRAY)
    explorer.set(row=31, column=0)
    assert explorer.words.value.startswith('<p role="status">Row 7, column 0 of a 8 x 8 map')
    explorer.set(size="4 x 4", row=8)
    assert explorer.words.value.startswith('<p role="status">Row 1, column 0 of a 4 x 4 map')


def test_a_button_of_the_grid_moves_both_sliders_and_the_grid_wears_the_photograph():
    explorer = explorers.attention_explorer(MAPS, GRAY)
    (grid,) = [part for part in explorer.children if isinstance(part, ipywidgets.GridBox)]
    before = explorer.image.value
    grid.children[8 * 6 + 1].click()
    assert (explorer.controls["row"].value, explorer.controls["column"].value) == (26, 6)  # the middle of 24-27, 4-7
    assert explorer.image.value != before
    assert grid.children[8 * 6 + 1].tooltip == "look from row 6, column 1"
    for photograph in (0, 2):
        explorer.controls["photograph"].value = photograph
        level = round(255 * GRAY[photograph, 0, 24:28, 4:8].mean().item())
        assert grid.children[8 * 6 + 1].style.button_color == f"#{level:02x}" + 2 * f"{level:02x}"


def test_the_channel_ends_where_the_map_does():
    explorer = explorers.attention_explorer(MAPS, GRAY)
    assert explorer.controls["channel"].max == 15
    explorer.set(size="4 x 4", channel=23)
    assert explorer.controls["channel"].value == 23
    explorer.controls["size"].value = "8 x 8"
    assert explorer.controls["channel"].value == 15


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 5), (3, 2), (5, 5)])
def test_a_score_sees_exactly_the_square_that_its_gradient_comes_from(row, column):
    size = 64
    network = PatchDiscriminator(base_channels=1, generator=torch.Generator().manual_seed(0)).eval()
    pair = torch.rand(1, 4, size, size, requires_grad=True)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.ones_(layer.weight)  # so that no two ways cancel
    network(pair)[0, 0, row, column].backward()
    touched = torch.nonzero(pair.grad[0].abs().sum(0))
    top, left, side = models.receptive_box(network, row, column)
    assert side == receptive_field(network) == 70
    assert touched.min(0).values.tolist() == [max(top, 0), max(left, 0)]
    assert touched.max(0).values.tolist() == [min(top + side, size) - 1, min(left + side, size) - 1]


def test_the_gallery_starts_with_the_first_on_the_left_and_the_last_on_the_right():
    explorer = explorers.gallery(PICTURES)
    assert (explorer.controls["left"].value, explorer.controls["right"].value) == ("gray", "true")
    assert explorer.controls["photograph"].max == 2


def test_a_picture_is_what_was_drawn_without_loss():
    figure = explorers.new_canvas().figure
    explorers.gallery_picture(PICTURES, left="gray", right="true", figure=figure)
    explorer = explorers.gallery(PICTURES)
    with Image.open(io.BytesIO(explorer.image.value)) as stored:
        figure.canvas.draw()
        np.testing.assert_array_equal(np.array(stored), np.asarray(figure.canvas.buffer_rgba())[..., :3])


# --- errors -----------------------------------------------------------------------------------------------------------

FAILING = """from hcegan_lib import widgets
explorer = explorers.loss_explorer()
explorer"""
MOVES = {
    "explorer.controls['margin'].value = 2.0": [],
    "explorer.controls['margin'].min = -1\nexplorer.controls['label'].options = [('none', 0)]": ["label must be 1"],
}


def test_without_a_notebook_an_error_of_a_callback_reaches_the_caller(monkeypatch):
    # Another test may have left an IPython shell in this process, which would catch the error as a notebook does.
    monkeypatch.setattr(ipywidgets.widgets.widget_output, "get_ipython", lambda: None)
    explorer = explorers.loss_explorer()
    with pytest.raises(ValueError, match="label must be 1"):
        explorer.controls["label"].options = [("none", 0)]


@pytest.mark.slow
@pytest.mark.parametrize(("move", "complaints"), MOVES.items(), ids=["good", "bad"])
def test_an_error_of_a_callback_stands_in_the_notebook_and_fails_the_course(move, complaints, tmp_path):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_markdown_cell("# Slide\n\n**Goal.** Slide."), new_code_cell(FAILING), new_code_cell(move)]
    path = tmp_path / "04_slide.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    (outcome,) = course.run({path: {}}, tmp_path / "out")
    assert len(outcome.errors) == len(complaints), outcome.errors
    for error, complaint in zip(outcome.errors, complaints):
        assert complaint in error
