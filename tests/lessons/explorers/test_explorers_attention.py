import copy

import ipywidgets
import numpy as np
import torch

from hcegan_lib.attention import SelfAttention2d
from hcegan_lib.lessons import explorers
from hcegan_lib.models import UNetGenerator


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(sum(shape)).random(shape, dtype=np.float32))


GRAY = noise(3, 1, 32, 32)
MAPS = {"8 x 8": noise(3, 16, 8, 8), "4 x 4": noise(3, 24, 4, 4)}


def test_attended_maps_are_the_inputs_of_the_attention_layers_in_a_training_step():
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


def test_attention_at_start_has_the_same_convolutions_for_each_init_and_a_scaled_gain():
    one, other = (explorers.attention_at_start(16, init=init, seed=3) for init in ("zero", "uniform"))
    for name in "fgh":
        assert torch.equal(getattr(one, name).weight, getattr(other, name).weight)
    scaled = explorers.attention_at_start(16, init="uniform", scale=1.5, seed=3)
    torch.testing.assert_close(scaled.gamma, 1.5 * other.gamma)
    assert not torch.equal(other.gamma, explorers.attention_at_start(16, init="uniform", seed=4).gamma)


def test_look_returns_a_row_of_the_attention_and_one_channel_of_the_result():
    layer, x = SelfAttention2d(16, "normal"), MAPS["8 x 8"][1]
    seen = explorers.look(layer, x, query=(2, 5), channel=4)
    torch.testing.assert_close(seen["beta"].flatten(), layer.attention(x[None])[0, 2 * 8 + 5].detach())
    assert torch.equal(seen["maps"]["x"], x[4])
    torch.testing.assert_close(seen["maps"]["y = γ o + x"], layer(x[None])[0, 4].detach())
    torch.testing.assert_close(layer.gamma[4].detach() * seen["maps"]["o"] + x[4], seen["maps"]["y = γ o + x"])


def test_attention_is_drawn_over_the_photograph_with_a_frame_around_the_position_that_looks():
    beta, maps = torch.rand(4, 4).softmax(1) / 4, {name: torch.randn(4, 4) for name in ("x", "o", "y")}
    gamma = torch.tensor([-5.0, 0.1, 0.1, 1.0])
    figure = explorers.attention_looks(GRAY[0], beta, query=(1, 3), maps=maps, gamma=gamma, channel=3)
    seen, *panels, gains = figure.axes
    np.testing.assert_array_equal(seen.images[1].get_array(), beta)
    frame = seen.lines[0].get_xydata()
    assert (*frame.min(0), *frame.max(0)) == (0.75, 0.25, 1.0, 0.5)
    for ax, part in zip(panels, maps.values()):
        np.testing.assert_array_equal(ax.images[0].get_array(), part)
    shares = gains.patches[0].get_data().values
    assert (shares[0], shares.max(), shares.sum()) == (0.25, 0.5, 1)  # a gain beyond the axis is counted at its end
    assert gains.lines[0].get_xdata()[0] == 1
    assert "25% are negative" in figure.alt


def test_the_position_that_covers_the_chosen_pixel_looks():
    explorer = explorers.attention_explorer(MAPS, GRAY)
    explorer.set(row=31, column=0)
    assert explorer.alt.value.startswith('<p role="status">Row 7, column 0 of a 8 x 8 map')
    explorer.set(size="4 x 4", row=8)
    assert explorer.alt.value.startswith('<p role="status">Row 1, column 0 of a 4 x 4 map')


def test_a_button_of_the_grid_moves_both_sliders_and_has_the_gray_of_the_photograph():
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


def test_the_channel_slider_ends_at_the_last_channel_of_the_map():
    explorer = explorers.attention_explorer(MAPS, GRAY)
    assert explorer.controls["channel"].max == 15
    explorer.set(size="4 x 4", channel=23)
    assert explorer.controls["channel"].value == 23
    explorer.controls["size"].value = "8 x 8"
    assert explorer.controls["channel"].value == 15
