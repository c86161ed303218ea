import copy
from dataclasses import replace

import numpy as np
import torch
from samples import COLOR, GRAY, MAPS, RECORDING

from hcegan_lib import data, train
from hcegan_lib.attention import SelfAttention2d
from hcegan_lib.lessons import explorers
from hcegan_lib.models import UNetGenerator


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
    assert gains.lines[1].get_xdata()[0] == 1
    assert "25% are negative" in figure.alt


def panels(figure):
    """The panels of SA, SA' and SA'': where it looks, x, gamma o, the gain."""
    return np.reshape(figure.axes, (3, 4))


def test_each_start_shows_what_its_own_layer_does_at_the_same_position():
    figure = explorers.attention_picture(
        RECORDING, COLOR, step=5, row=2, column=5, photograph=1, size="8 x 8", channel=4
    )
    x = 6 * MAPS["8 x 8"][1]
    for (look_at, shown_x, added, gain), init in zip(panels(figure), RECORDING):
        layer = RECORDING[init][5]["8 x 8"][0]
        seen = explorers.look(layer, x, query=(2, 5), channel=4)
        np.testing.assert_allclose(shown_x.images[0].get_array(), x[4])
        np.testing.assert_allclose(added.images[0].get_array(), layer.gamma[4] * seen["maps"]["o"], atol=1e-6)
        times = 64 * seen["beta"].max()
        assert look_at.get_title().endswith(f": up to {times:.1f} × uniform")
        frame = look_at.lines[1].get_xydata()
        assert (*frame.min(0), *frame.max(0)) == (5 / 8, 2 / 8, 6 / 8, 3 / 8)
        np.testing.assert_allclose(gain.patches[0].get_data().values.sum(), 1, rtol=1e-6)
    assert [row[0].get_title().split(":")[0] for row in panels(figure)] == ["SA", "SA'", "SA''"]
    assert figure.alt.split(". ")[1] == "Step 5, row 2, column 5 of 8 x 8, channel 4"


def test_the_photograph_keeps_its_color_where_the_position_looks_most():
    figure = explorers.attention_picture(RECORDING, COLOR, size="8 x 8", row=1, column=1)
    layer, x = RECORDING["zero"][0]["8 x 8"]
    beta = layer.attention(x[:1])[0, 9]
    pixels = torch.from_numpy(np.array(panels(figure)[0, 0].images[0].get_array())).permute(2, 0, 1)
    row, column = divmod(int(beta.argmax()), 8)
    most = (slice(None), slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
    torch.testing.assert_close(pixels[most], COLOR[0][most])
    row, column = divmod(int(beta.argmin()), 8)
    least = (slice(None), slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
    assert pixels[least].std(0).mean() < COLOR[0][least].std(0).mean()


def test_in_a_smaller_map_the_position_that_covers_the_picked_one_looks():
    explorer = explorers.attention_explorer(RECORDING, COLOR)
    explorer.set(row=7, column=0)
    assert "row 7, column 0 of 8 x 8" in explorer.panel.alt
    explorer.set(size="4 x 4", row=2)
    assert "row 1, column 0 of 4 x 4" in explorer.panel.alt


def test_a_map_with_fewer_channels_shows_its_last_one():
    explorer = explorers.attention_explorer(RECORDING, COLOR, channel=20)
    assert "8 x 8, channel 15" in explorer.panel.alt
    explorer.set(size="4 x 4")
    assert "4 x 4, channel 20" in explorer.panel.alt


def test_a_position_is_picked_in_the_photograph_of_any_start():
    explorer = explorers.attention_explorer(RECORDING, COLOR)
    assert len(explorer.panel.fields) == 3
    assert explorer.panel.place == "position that looks"
    (left, top, width, height), other, _ = explorer.panel.fields
    assert 0 < left + width < other[0] < 1
    assert abs(width * 950 - height * 362) < 1  # a square


def test_recorded_starts_begin_alike_except_for_the_gain_and_are_trained():
    photos = data.load("mini", 64)
    small = train.config("smoke", batch_size=2, seed=3)
    settings = {init: replace(small, gamma_init=init) for init in ("zero", "uniform")}
    gray, _ = photos.test.batch(range(2))
    recording = explorers.record_starts(settings, photos.train, gray, steps=[0, 2])
    assert [list(moments) for moments in recording.values()] == [[0, 2]] * 2
    size = next(iter(recording["zero"][0]))
    (zero, x), (uniform, same_x) = (recording[init][0][size] for init in settings)
    assert torch.equal(zero.f.weight, uniform.f.weight)
    torch.testing.assert_close(x, same_x)
    assert torch.equal(zero.gamma, torch.zeros_like(zero.gamma))
    trained, later_x = recording["zero"][2][size]
    assert trained.gamma.abs().min() > 0  # two steps of Adam
    assert not torch.equal(later_x, x)
    generator, _ = train.build(settings["zero"])
    torch.testing.assert_close(explorers.attended_maps(generator, gray)[size], x)
