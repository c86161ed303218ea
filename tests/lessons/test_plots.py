"""Each figure draws the numbers it was given, says so in words, and neither shows nor saves anything."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from skimage.color import rgb2ypbpr

from hcegan_lib import losses, metrics
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons import plots
from hcegan_lib.metrics import colorfulness


@pytest.fixture(autouse=True)
def nothing_shown_and_nothing_left(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a plot function must not show"))
    monkeypatch.setattr(plt.Figure, "savefig", lambda *_, **__: pytest.fail("a plot function must not save"))
    yield
    plt.close("all")


@pytest.fixture
def photos():
    return torch.from_numpy(np.random.default_rng(0).random((4, 3, 16, 16), dtype=np.float32))


SCORES = pd.DataFrame({"psnr": [20.0, 30.0, 25.0], "true_colorfulness": [60.0, 10.0, 35.0]})
CONVENTIONS = pd.DataFrame(
    {"gray": [20.0, np.inf, 14.0], "noisy": [22.0, 25.0, 16.0]}, index=["ours", "luma", "signed"]
)
LOG = pd.DataFrame({"step": [1, 2, 3], "d_loss": [1.4, 1.3, 1.2], "g_loss": [0.7, 0.8, 0.9], "l1": [0.5, 0.4, 0.3]})


def pixels(ax):
    return np.asarray(ax.images[0].get_array())


def labels(figure):
    return {text for ax in figure.axes for text in (ax.get_xlabel(), ax.get_ylabel()) if text}


def test_photographs_stand_in_their_rows_and_columns_unchanged(photos):
    figure = plots.photo_grid({"color": photos, "gray": luma(photos)}, titles=["a", "b"], alt="what is seen")
    panels = np.array(figure.axes).reshape(2, 4)
    for k in range(4):
        np.testing.assert_array_equal(pixels(panels[0, k]), photos[k].permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(panels[1, k]), gray_to_rgb(luma(photos))[k].permute(1, 2, 0))
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["color", "gray"]
    assert [ax.get_title() for ax in panels[0]] == ["a", "b", "", ""]
    assert figure.alt == "what is seen"


def test_a_photograph_outside_0_and_1_is_cut_off_without_a_complaint_of_matplotlib(photos, caplog):
    drawn = pixels(plots.photo_grid({"": 3 * photos - 1}, alt="x").axes[0])
    assert (drawn.min(), drawn.max()) == (0, 1)
    assert caplog.messages == []


def test_a_shorter_row_of_photographs_leaves_its_last_panels_empty(photos):
    panels = np.array(plots.photo_grid({"long": photos, "short": photos[:1]}, alt="x").axes).reshape(2, 4)
    assert [len(ax.images) for ax in panels[1]] == [1, 0, 0, 0]
    assert not any(ax.axison for ax in panels[1, 1:])


def test_photographs_that_still_carry_gradients_can_be_drawn(photos):
    assert len(plots.photo_grid({"": photos.clone().requires_grad_()}, alt="x").axes) == 4


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_every_color_of_a_gray_has_that_gray_and_all_that_exist_are_there(level):
    figure = plots.colors_of_gray((level,), steps=21)
    colors, grays = (torch.from_numpy(pixels(ax)) for ax in figure.axes)
    there = colors[..., 3] == 1
    gray = luma(colors[..., :3].permute(2, 0, 1))[0]
    torch.testing.assert_close(gray[there], torch.full_like(gray[there], level), atol=1e-6, rtol=0)
    np.testing.assert_allclose(grays[there], [[level, level, level, 1]] * int(there.sum()))

    red, blue = torch.meshgrid(torch.linspace(0, 1, 21), torch.linspace(0, 1, 21), indexing="xy")
    lowest, highest = 0.299 * red + 0.114 * blue, 0.299 * red + 0.114 * blue + 0.587
    torch.testing.assert_close(there, (lowest <= level + 1e-9) & (level <= highest + 1e-9))
    assert {"red", "in color\nblue", "in gray\nblue"} == labels(figure)
    assert f"grays {level:g}:" in figure.alt


def test_scores_are_drawn_over_colorfulness_with_their_mean():
    figure = plots.score_by_colorfulness(SCORES)
    ax = figure.axes[0]
    np.testing.assert_array_equal(
        ax.collections[0].get_offsets(), SCORES[["true_colorfulness", "psnr"]], err_msg="points"
    )
    assert ax.lines[0].get_ydata() == [25, 25]
    assert labels(figure) == {"colorfulness of the true photograph (0-255 scale)", "PSNR (dB)"}
    assert "least colorful has 30 dB, the most colorful 20 dB; the mean is 25.0 dB" in figure.alt
    assert "is -1.0." in figure.alt


def test_the_ssim_map_lies_where_the_windows_have_their_centers(photos):
    similarity = np.linspace(-0.2, 1, 36).reshape(6, 6)
    figure = plots.ssim_map(luma(photos)[0], photos[0], similarity)
    drawn = figure.axes[2].images[0]
    np.testing.assert_array_equal(drawn.get_array(), similarity)
    assert drawn.get_extent() == [5, 11, 11, 5]
    assert drawn.get_clim() == (-0.2, 1)
    np.testing.assert_array_equal(pixels(figure.axes[1]), photos[0].permute(1, 2, 0))
    assert "from -0.20 to 1.00 with the mean 0.40" in figure.alt
    assert labels(figure) == {"scored picture", "true photograph", "where they agree", "SSIM of the window"}


def test_conventions_are_drawn_as_given_and_an_infinite_value_gets_an_arrow_at_the_edge():
    figure = plots.conventions(CONVENTIONS)
    ax = figure.axes[0]
    gray, noisy, _ = ax.lines
    np.testing.assert_array_equal(noisy.get_xdata(), [22, 25, 16])
    np.testing.assert_array_equal(np.asarray(gray.get_xdata())[[0, 2]], [20, 14])
    assert np.asarray(gray.get_xdata())[1] > 25
    assert [text.get_text() for text in ax.texts] == ["→ infinite"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ours", "luma", "signed"]
    assert ax.get_xlabel() == "PSNR (dB)"
    assert figure.alt.endswith("3 conventions: gray from 14.0 to 20.0; noisy from 16.0 to 25.0; 1 infinite.")


def test_pixels_stand_at_their_opponent_colors_in_their_own_color(photos):
    figure = plots.opponent_colors({"true": photos[0], "gray": gray_to_rgb(luma(photos))[0]})
    cloud = figure.axes[0].collections[0]
    red, green, blue = (255 * photos[0].double()).flatten(1).numpy()
    np.testing.assert_allclose(cloud.get_offsets(), np.stack([red - green, (red + green) / 2 - blue], 1), atol=1e-3)
    np.testing.assert_allclose(cloud.get_facecolor()[:, :3], photos[0].flatten(1).T, atol=1e-6)
    assert np.abs(figure.axes[1].collections[0].get_offsets()).max() < 1e-3
    assert f"true {colorfulness(photos[:1]).item():.0f}, gray 0" in figure.alt
    assert labels(figure) == {"red - green (levels)", "yellow - blue (levels)"}


def curves(ax):
    """Lines with a name, without the gray ones that mark the axes."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_a_loss_and_its_derivative_are_drawn_side_by_side():
    figure = plots.value_and_gradient(
        {"square": torch.square, "ramp": lambda x: torch.relu(1 - x)}, logits=(-2, 2), top=3, steepest=5
    )
    value, gradient = figure.axes
    x = curves(value)["square"].get_xdata()
    assert (x[0], x[-1]) == (-2, 2)
    np.testing.assert_allclose(curves(value)["square"].get_ydata(), x**2)
    np.testing.assert_allclose(curves(gradient)["square"].get_ydata(), 2 * x)
    np.testing.assert_allclose(curves(value)["ramp"].get_ydata(), np.maximum(0, 1 - x))
    np.testing.assert_allclose(curves(gradient)["ramp"].get_ydata(), np.where(x < 1, -1, 0))
    assert (value.get_ylim()[1], gradient.get_ylim()) == (3, (-5, 5))
    assert labels(figure) == {"score (logit)", "loss", "derivative of the loss"}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["square", "ramp"]
    assert figure.alt.endswith("square -4 and 4; ramp -1 and 0.")


def test_figure_1_draws_what_reaches_over_the_line_and_both_hinges():
    figure = plots.hinge_loss({"a": -1.0, "b": 3.0, "c": 2.0, "d": 2.5}, label="b", margin=0.75)
    several, value, gradient = figure.axes
    (dots, line) = several.lines
    assert list(dots.get_xdata()) == [-1, 3, 2, 2.5]
    assert list(line.get_xdata()) == [2.25, 2.25]
    assert [bar.get_width() for bar in several.patches] == [0, 0, 0.25]  # a, c, d: the true class has none
    assert {bar.get_x() for bar in several.patches} == {2.25}
    assert several.get_title() == "several classes: loss 0.25"
    for name, label in (("label 1", 1), ("label −1", -1)):
        x, y = curves(value)[name].get_data()
        np.testing.assert_allclose(y, np.maximum(0, 1 - label * x))
        np.testing.assert_allclose(curves(gradient)[name].get_ydata(), np.where(label * x < 1, -label, 0))
    assert "scores of a, b, c, d, and a line 0.75 below that of the true class, b; " in figure.alt
    assert "adds up to 0.25" in figure.alt


def test_figure_1_refuses_a_true_class_that_has_no_score():
    with pytest.raises(ValueError, match="label must be one of the classes a, b, got 'c'"):
        plots.hinge_loss({"a": 1.0, "b": 2.0}, label="c")


def test_runs_of_different_length_are_drawn_from_their_first_step_on():
    figure = plots.over_steps({"long": [0, 1, 2, 3], "short": [5, 4]}, ylabel="weight", level=2)
    ax = figure.axes[0]
    np.testing.assert_array_equal(curves(ax)["long"].get_data(), [[1, 2, 3], [1, 2, 3]])
    np.testing.assert_array_equal(curves(ax)["short"].get_data(), [[1], [4]])
    assert list(ax.lines[-1].get_ydata()) == [2, 2]
    assert ax.get_xscale() == "log"
    figure.canvas.draw()
    assert {"2", "3"} <= {tick.get_text() for tick in ax.get_xticklabels("minor")}  # and not 2 x 10^0
    assert labels(figure) == {"step", "weight"}
    assert figure.alt.endswith("long ends at 3.00 after 3 steps; short ends at 4.00 after 1 steps.")
    assert len(plots.over_steps({"a": [0, 1]}, ylabel="b").axes[0].lines) == 1


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_cross_entropy_stands_on_the_entropy_and_touches_it_where_the_belief_is_right(p):
    figure = plots.cross_entropy_parts(p)
    ax = figure.axes[0]
    q, drawn = curves(ax)["cross-entropy H(P, Q)"].get_data()
    np.testing.assert_allclose(drawn, -p * np.log(q) - (1 - p) * np.log(1 - q))
    entropy = stats.entropy([p, 1 - p])
    assert drawn.min() == pytest.approx(entropy, abs=1e-4)
    assert q[drawn.argmin()] == pytest.approx(p, abs=0.003)
    below, above = (area.get_paths()[0].vertices for area in ax.collections)
    assert (below[:, 1].min(), below[:, 1].max()) == pytest.approx((0, entropy))
    assert (above[:, 1].min(), above[:, 1].max()) == pytest.approx((entropy, drawn.max()))
    assert labels(figure) == {"predicted probability q of the first outcome", "nats"}
    assert f"height {entropy:.2f}" in figure.alt
    assert f"zero only at q = {p:g}" in figure.alt


SHAPES = {"x": (64, 4, 4), "f": (8, 16), "g": (8, 16), "h": (64, 16), "beta": (16, 16), "o": (64, 16)}


def test_the_attention_module_is_drawn_with_the_shapes_that_it_was_given():
    figure = plots.self_attention_module({**SHAPES, "gamma": (64,), "y": (64, 4, 4)})
    written = [text.get_text() for text in figure.axes[0].texts]
    assert written.count("8 × 16") == 2  # f and g
    assert written.count("64 × 16") == 2  # h and o
    assert {"β: 16 × 16", "$x$\n64 × 4 × 4", "× γ\n64", "$y$\n64 × 4 × 4"} <= set(written)
    assert "f gives 8 × 16" in figure.alt
    assert "beta, 16 × 16" in figure.alt


def test_each_marked_pixel_gets_its_own_row_of_each_attention_map(photos):
    maps = {"a": torch.rand(256, 256), "b": torch.rand(256, 256)}
    figure = plots.where_positions_look(photos[0], [(1, 2), (15, 0)], maps)
    panels = np.array(figure.axes).reshape(2, 3)
    for row, beta in zip(panels, maps.values()):
        np.testing.assert_array_equal(pixels(row[0]), photos[0].permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(row[1]), beta[16 * 1 + 2].view(16, 16))
        np.testing.assert_array_equal(pixels(row[2]), beta[16 * 15].view(16, 16))
        assert row[1].lines[0].get_xydata().tolist() == [[2, 1]]
    times = 256 * maps["b"][240].max()
    assert panels[1, 2].get_xlabel() == f"pixel 2: up to {times:.1f} × even"
    assert f"b, pixel 2: {times:.1f}" in figure.alt


def test_time_and_memory_are_drawn_over_the_positions_a_line_a_form():
    rows = [("naive", 4, 0.001, 2e6), ("ours", 4, 0.002, 1e6), ("naive", 16, 0.016, 32e6), ("ours", 16, 0.03, 4e6)]
    figure = plots.attention_cost(pd.DataFrame(rows, columns=["form", "N", "seconds", "bytes"]))
    for ax, naive, ours in zip(figure.axes, ([1, 16], [2, 32]), ([2, 30], [1, 4])):
        assert [list(line.get_xdata()) for line in ax.lines] == [[4, 16]] * 2
        np.testing.assert_allclose([line.get_ydata() for line in ax.lines], [naive, ours])
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "naive to 32 MB, ours to 4 MB" in figure.alt


def test_the_generator_is_drawn_a_bar_a_layer_with_its_attention_and_its_skips():
    rows = [("encoder", 8, 4, True, True), ("encoder", 16, 2, True, True), ("encoder", 16, 1, False, False)]
    rows += [("decoder", 16, 2, False, False), ("decoder", 8, 4, False, False), ("decoder", 3, 8, False, False)]
    layers = pd.DataFrame(rows, columns=["part", "channels", "side", "attention", "skip"])
    figure = plots.generator_structure(layers)
    ax = figure.axes[0]
    bars = [bar for bar in ax.patches if bar.get_height() > 0]
    convolutions = [bar for bar in bars if bar.get_width() > 0.4]
    np.testing.assert_allclose([bar.get_height() for bar in convolutions], [2.5, 1.5, 0.5, 1.5, 2.5, 3.5])
    before = [bar for bar in bars if bar.get_width() < 0.2]
    np.testing.assert_allclose([bar.get_height() for bar in before], [3.5, 2.5])  # as high as the input
    crossing = [[round(x) for x in line.get_xdata()] for line in ax.lines if len(line.get_xdata())]
    assert crossing == [[0, 4], [1, 3]]
    assert [text.get_text() for text in ax.texts][:2] == ["8\n4²", "16\n2²"]
    assert "in front of 2 convolutions; 2 skip connections" in figure.alt


def test_frames_stand_around_the_pixels_that_are_seen_and_white_is_no_gradient(photos):
    gradient = torch.zeros(16, 16)
    gradient[4:10, 5:11] = 0.5
    gradient[6, 6] = 1
    figure = plots.growing_patches(photos[0], {"one": (6, 7, 2), "two": (4, 5, 6)}, gradient)
    photo, near, slope = figure.axes[:3]
    assert [len(ax.patches) for ax in (photo, near, slope)] == [1, 2, 1]
    assert [patch.get_bbox().bounds for patch in near.patches] == [(6.5, 5.5, 2, 2), (4.5, 3.5, 6, 6)]
    drawn = slope.images[0].get_array()
    np.testing.assert_array_equal(np.isfinite(drawn.filled(np.nan)), gradient > 0)
    assert drawn.max() == 0
    assert "2, 6 pixels wide" in figure.alt


def test_no_number_of_pixels_lies_on_a_frame():
    boxes = {"1": (131, 131, 4), "2": (125, 125, 10), "3": (121, 121, 22), "4": (113, 113, 46), "5": (97, 97, 70)}
    figure = plots.growing_patches(torch.rand(3, 256, 256), boxes, torch.rand(256, 256))
    figure.draw_without_rendering()
    near = figure.axes[1]
    assert [text.get_text() for text in near.texts] == ["4", "10", "22", "46", "70"]
    for text in near.texts:
        number = text.get_window_extent()
        for patch in near.patches:
            frame = patch.get_window_extent()
            inside = frame.x0 < number.x0 and number.x1 < frame.x1 and frame.y0 < number.y0 and number.y1 < frame.y1
            assert inside or not frame.overlaps(number)


def test_feature_maps_stand_in_their_rows_on_one_scale_around_zero():
    maps = {name: torch.randn(4, 4) * k for k, name in enumerate(("x", "o", "y"), 1)}
    figure = plots.feature_maps({"above": maps, "below": {name: -part for name, part in maps.items()}})
    panels, largest = np.array(figure.axes[:6]).reshape(2, 3), max(part.abs().max() for part in maps.values())
    for ax, other, part in zip(*panels, maps.values()):
        np.testing.assert_array_equal(pixels(ax), part)
        np.testing.assert_array_equal(pixels(other), -part)
        assert ax.images[0].get_clim() == other.images[0].get_clim() == (-largest, largest)
    assert [ax.get_title() for ax in panels[0]] == ["x", "o", "y"]
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["above", "below"]


def test_gains_are_drawn_as_means_in_a_band_over_seeds_beside_the_line_of_full_speed():
    rows = [
        {"model": model, "seed": seed, "step": step, "gain": start + seed / 10 + step / 100, "l1": 1 / (step + seed)}
        for model, start in (("SA", 0.0), ("SA'", 0.8))
        for seed in (1, 2, 3)
        for step in range(5)
    ]
    figure = plots.gains_over_training(pd.DataFrame(rows), learning_rate=0.05, window=2)
    gain, near_zero, l1 = figure.axes
    np.testing.assert_allclose(gain.lines[1].get_ydata(), [1.0, 1.01, 1.02, 1.03, 1.04])
    corners = gain.collections[0].get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == pytest.approx((0.1, 0.34))
    np.testing.assert_allclose(near_zero.lines[-1].get_ydata(), [0, 0.2])
    first = np.mean([(1 / seed + 1 / (1 + seed)) / 2 for seed in (1, 2, 3)])
    np.testing.assert_allclose(l1.lines[0].get_ydata()[1], first)
    assert "SA' from 1.00 to 1.04" in figure.alt


def test_both_sides_of_a_loss_are_drawn_with_their_derivatives_and_infinite_ones_are_marked():
    def log_of_hinge(scores, *, label):
        return torch.relu(1 - label * scores).log()

    figure = plots.sides_of_losses({"log": log_of_hinge, "square": lambda x, *, label: (x - label) ** 2})
    (log, square), (log_slope, square_slope) = np.array(figure.axes).reshape(2, 2)
    x, real = square.lines[0].get_data()
    np.testing.assert_allclose(real, (x - 1) ** 2)
    np.testing.assert_allclose(square.lines[1].get_ydata(), (x + 1) ** 2)
    np.testing.assert_allclose(square_slope.lines[0].get_ydata(), 2 * (x - 1), atol=1e-12)
    np.testing.assert_allclose(square_slope.lines[1].get_ydata(), 2 * (x + 1), atol=1e-12)
    before = x < 0.99
    np.testing.assert_allclose(log_slope.lines[0].get_ydata()[before], -1 / (1 - x[before]))

    marked = np.concatenate([path.vertices for band in log.collections for path in band.get_paths()])
    assert (np.abs(marked[:, 0]) >= 1 - 1e-6).all()
    assert {np.sign(side) for side in marked[:, 0]} == {-1, 1}
    assert not any(len(band.get_paths()) for band in square.collections)
    assert "log -0.25 to -0; square -8 to 4." in figure.alt


def test_a_discriminators_infinite_losses_are_triangles_below_the_finite_ones():
    broken = pd.DataFrame(
        {"step": [1, 2, 3], "d_loss": [0.5, -np.inf, -np.inf], "gradient": [1.0, 9.0, 2.0], "real": 0.5, "fake": 0.25}
    )
    whole = broken.assign(d_loss=[2.0, 1.5, -0.5], real=1.5)
    figure = plots.discriminators_in_training({"broken": broken, "whole": whole})
    loss, gradient, gap = figure.axes
    finite, triangles, *_ = loss.lines
    np.testing.assert_array_equal(finite.get_ydata(), [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(triangles.get_xdata(), [2, 3])
    assert triangles.get_marker() == "v"
    assert (triangles.get_ydata() < -0.5).all()
    np.testing.assert_array_equal(gradient.lines[0].get_ydata(), [1, 9, 2])
    assert gradient.get_yscale() == "log"
    np.testing.assert_array_equal(gap.lines[1].get_ydata(), [1.25] * 3)
    assert "broken: 2 infinite losses, last gap 0.2; whole: 0 infinite losses, last gap 1.2" in figure.alt


def test_dirac_games_show_the_field_the_paths_and_the_margin():
    games = {name: losses.LOSSES[name] for name in ("hinge", "bce", "hinge_bce")}
    path = torch.tensor([1.0, 0.5, 3.0]), torch.tensor([1.0, 0.0, 4.0])
    figure = plots.dirac_games(games, {name: {"run": path} for name in games}, reach=2, columns=2)
    first, second, third, empty = figure.axes
    arrows = first.collections[0]
    theta, psi = arrows.XY.T
    pull = np.stack([psi, np.where(theta * psi > -1, -theta, 0)])  # the hinge's field, in closed form
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V]), pull / np.maximum(np.hypot(*pull), 1e-9), atol=1e-6)

    *margins, line, start, end, solution = first.lines
    for margin in margins:
        np.testing.assert_allclose(np.prod(margin.get_data(), axis=0), -1)
    np.testing.assert_array_equal(line.get_data(), np.stack(path))
    assert (*start.get_data(), *end.get_data()) == ([1], [1], [3], [4])
    assert [ax.get_title() for ax in (first, second, third)] == list(games)
    assert (second.get_xlabel(), third.get_xlabel()) == ("θ (generator)", "θ (generator)")
    assert not empty.axison
    assert "at the end, run: hinge 5.0; bce 5.0; hinge_bce 5.0." in figure.alt


def test_losses_are_drawn_a_line_a_run_and_smoothed():
    figure = plots.losses_over_training({"a": LOG, "b": 2 * LOG}, window=2)
    for ax, column in zip(figure.axes, ("d_loss", "g_loss", "l1")):
        first, second = ax.lines
        values = LOG[column].to_numpy()
        smoothed = [values[0], (values[0] + values[1]) / 2, (values[1] + values[2]) / 2]
        np.testing.assert_allclose(first.get_ydata(), smoothed)
        np.testing.assert_allclose(second.get_ydata(), 2 * np.array(smoothed))
        assert list(first.get_xdata()) == [1, 2, 3]
        assert ax.get_xlabel() == "step"
        assert ax.get_ylabel()
    assert "a from 0.40 to 0.40" in figure.alt


def test_means_and_both_ends_of_their_intervals_are_drawn_for_each_metric():
    rows = [("m", "psnr", 20.0, 19.0, 22.0), ("m", "ssim", 80.0, 79.5, 80.5), ("k", "psnr", 21.0, 20.0, 22.0)]
    rows.append(("k", "ssim", 81.0, 80.0, 82.0))
    figure = plots.means_with_intervals(pd.DataFrame(rows, columns=["model", "metric", "mean", "low", "high"]))
    psnr, ssim = figure.axes
    assert (psnr.get_xlabel(), ssim.get_xlabel()) == ("PSNR (dB)", "SSIM (%)")
    assert [text.get_text() for text in psnr.get_yticklabels()] == ["m", "k"]
    dots, _, (bars,) = psnr.containers[0]
    assert list(dots.get_xdata()) == [20, 21]
    assert [sorted(end[0] for end in bar) for bar in bars.get_segments()] == [[19, 22], [20, 22]]
    assert "m 20.0, k 21.0" in figure.alt


def test_the_first_row_of_the_means_is_the_line_that_others_are_read_against():
    rows = [("gray copy", m, 20.0 + 60 * (m == "ssim"), np.nan, np.nan) for m in ("psnr", "ssim")]
    rows += [("pix2pix", m, 18.0 + 60 * (m == "ssim"), 17.0, 90.0) for m in ("psnr", "ssim")]
    figure = plots.means_with_intervals(pd.DataFrame(rows, columns=["model", "metric", "mean", "low", "high"]))
    for ax, level in zip(figure.axes, (20, 80)):
        (line,) = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert list(line.get_xdata()) == [level, level]


def table_of_differences():
    """A table as `results.table` makes it, with two of the paper's data sets."""
    rows = []
    for metric, scale in (("psnr", 1.0), ("ssim", 3.0)):
        rows.append([metric, "gray copy", np.nan, np.nan, 2.0, 1.5, 2.5, 1.0, 3.0, "higher"])
        rows.append([metric, "pix2pix", np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, "baseline"])
        rows.append([metric, "pix2pix+SA", 1.2, -0.3, 0.1, -0.4, 0.6, 0.05, 0.2, "no difference seen"])
        rows[-3:] = [[*row[:2], *(scale * value for value in row[2:-1]), row[-1]] for row in rows[-3:]]
    names = ["metric", "model", "paper DIV2K difference", "paper Lion difference", "mini difference"]
    names += ["mini difference low", "mini difference high"]
    names += ["mini difference photographs low", "mini difference photographs high", "mini verdict"]
    return pd.DataFrame(rows, columns=names)


def bar_ends(container):
    _, _, (bars,) = container
    return [sorted(end[0] for end in bar) for bar in bars.get_segments()]


def test_a_table_is_drawn_as_the_papers_differences_and_ours_with_interval_and_verdict():
    figure = plots.differences_to_baseline(table_of_differences(), "mini")
    for ax, scale, unit in zip(figure.axes, (1, 3), ("PSNR (dB)", "SSIM (%)")):
        assert ax.get_xlabel() == f"{unit} minus pix2pix"
        rings = ax.lines[0]
        there = ~np.isnan(rings.get_xdata())
        np.testing.assert_allclose(rings.get_xdata()[there], [scale * 1.2, scale * -0.3])
        np.testing.assert_allclose(rings.get_ydata()[there], [0.84, 0.84])  # just above the row of pix2pix+SA
        np.testing.assert_allclose(ax.containers[0][0].get_xdata().astype(float), [scale * 2, scale * 0.1])
        np.testing.assert_allclose(bar_ends(ax.containers[0]), scale * np.array([[1.5, 2.5], [-0.4, 0.6]]))
        assert [(text.get_text(), text.get_position()[1]) for text in ax.texts] == [
            ("higher", 0),
            ("no difference seen", 1),
        ]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["gray copy", "pix2pix+SA"]
    assert "SSIM (%): higher for gray copy; no difference seen for pix2pix+SA" in figure.alt


def test_each_difference_has_a_bar_over_seeds_and_one_over_photographs():
    figure = plots.two_intervals(table_of_differences(), "mini")
    for ax, scale in zip(figure.axes, (1, 3)):
        seeds, photographs = ax.containers
        assert (seeds.get_label(), photographs.get_label()) == ("over seeds", "over photographs")
        np.testing.assert_allclose(bar_ends(seeds), scale * np.array([[1.5, 2.5], [-0.4, 0.6]]))
        np.testing.assert_allclose(bar_ends(photographs), scale * np.array([[1, 3], [0.05, 0.2]]))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["gray copy", "pix2pix+SA"]
    assert "PSNR (dB) over seeds: 1 of 2; PSNR (dB) over photographs: 2 of 2" in figure.alt


def test_holms_steps_stop_at_the_first_p_value_that_is_not_below_its_limit():
    (ax,) = plots.holm_steps([0.04, 0.001, 0.02, 0.03]).axes  # limits 0.0125, 0.0167, 0.025, 0.05
    steps, _, counts, others = ax.lines
    np.testing.assert_allclose(steps.get_ydata(), [0.05 / 4, 0.05 / 3, 0.05 / 2, 0.05])
    assert (list(counts.get_xdata()), list(counts.get_ydata())) == ([1], [0.001])
    assert (list(others.get_xdata()), list(others.get_ydata())) == ([2, 3, 4], [0.02, 0.03, 0.04])
    assert "1 of the values lie below their limits" in ax.figure.alt
    assert "4 are below 0.05" in ax.figure.alt


def test_a_figure_hands_its_text_alternative_to_the_notebook_together_with_the_picture(photos, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.pylabtools import select_figure_formats

    monkeypatch.undo()  # IPython saves the figure to draw it
    shell = InteractiveShell.instance()
    select_figure_formats(shell, {"png"})
    data, metadata = shell.display_formatter.format(plots.photo_grid({"": photos}, alt="four photographs"))
    assert set(data) == {"image/png", "text/plain"}
    assert metadata == {"image/png": {"alt": "four photographs"}}


# --- where the color is wrong, and how steadily a model came there ----------------------------------------------------


def test_an_error_is_split_into_the_lumas_and_that_of_the_color_differences_of_rec_601(photos):
    images, targets = photos[:2], photos[2:]
    luminance, color = metrics.error_parts(images, targets)
    ours, theirs = (rgb2ypbpr(batch.permute(0, 2, 3, 1).numpy()) for batch in (images, targets))
    y, pb, pr = np.moveaxis(ours - theirs, -1, 0)
    red, blue = 1.402 * pr, 1.772 * pb  # R - Y and B - Y, of which Pr and Pb are scaled copies
    np.testing.assert_allclose(luminance[:, 0], y, atol=1e-5)
    np.testing.assert_allclose(color[:, 0], red, atol=1e-5)
    np.testing.assert_allclose(color[:, 2], blue, atol=1e-5)
    np.testing.assert_allclose(color[:, 1], -(0.299 * red + 0.114 * blue) / 0.587, atol=1e-5)
    torch.testing.assert_close(luminance + color, images - targets)


def test_the_gray_copy_errs_in_color_alone_and_another_brightness_in_luminance_alone(photos):
    luminance, color = metrics.error_parts(gray_to_rgb(luma(photos)), photos)
    assert luminance.abs().max() < 1e-6
    assert color.abs().max() > 0.1
    assert metrics.color_error(0.5 * photos + 0.1, 0.5 * photos).max() < 1e-3


def test_the_color_error_is_a_root_mean_square_over_channels_in_levels():
    target = torch.full((3, 1, 1), 0.5)
    color = torch.tensor([0.2, 0.0, -0.2 * 0.299 / 0.114]).view(3, 1, 1)  # no luma
    wanted = 255 * np.sqrt((0.2**2 + (0.2 * 0.299 / 0.114) ** 2) / 3)
    assert metrics.color_error(target + color + 0.07, target).item() == pytest.approx(wanted, rel=1e-5)


def test_both_parts_of_an_error_are_drawn_on_scales_that_all_versions_share(photos):
    versions = {"gray copy": gray_to_rgb(luma(photos))[0], "other": photos[1]}
    figure = plots.parts_of_errors(photos[0], versions)
    panels = np.array(figure.axes[:8]).reshape(2, 4)
    largest = 255 * metrics.error_parts(photos[1], photos[0])[0].abs().max().item()
    widest = max(metrics.color_error(image, photos[0]).max().item() for image in versions.values())
    for (true, image, luminance, color), (name, version) in zip(panels, versions.items()):
        np.testing.assert_array_equal(pixels(true), photos[0].permute(1, 2, 0))
        np.testing.assert_array_equal(pixels(image), version.permute(1, 2, 0))
        np.testing.assert_allclose(pixels(luminance), 255 * metrics.error_parts(version, photos[0])[0][0])
        np.testing.assert_allclose(pixels(color), metrics.color_error(version, photos[0]))
        assert luminance.images[0].get_clim() == pytest.approx((-largest, largest))
        assert color.images[0].get_clim() == pytest.approx((0, widest))
        assert true.get_ylabel() == name
    assert labels(figure) >= {"levels of 0–255"}
    assert "gray copy 0.0 and " in figure.alt


@pytest.mark.parametrize("across", [1, 2])
def test_renderings_stand_beside_the_truth_with_their_scores_and_below_each_its_color_error(photos, across):
    targets = photos[:3]
    versions = {"a": photos[[1, 2, 3]], "SA+Hinge+BCE": photos[[2, 3, 0]]}
    scores = {name: [f"{name} {k}" for k in range(3)] for name in versions}
    figure = plots.renderings_with_errors(targets, versions, scores=scores, names="xyz", across=across)
    *panels, scale = figure.axes
    panels = np.array(panels).reshape(2 * -(-3 // across), -1)
    errors = {name: metrics.color_error(images, targets) for name, images in versions.items()}
    top = np.quantile(np.stack(list(errors.values())), 0.995)
    for k, target in enumerate(targets):
        row, first = 2 * (k // across), 4 * (k % across)
        photo, *rendered = panels[row, first : first + 3]
        np.testing.assert_array_equal(pixels(photo), target.permute(1, 2, 0))
        assert photo.get_xlabel() == "xyz"[k]
        assert [ax.get_title() for ax in (photo, *rendered)] == (
            ["true", "a", "SA+\nHinge+BCE"] if row == 0 else [""] * 3
        )
        for ax, below, (name, images) in zip(rendered, panels[row + 1, first + 1 :], versions.items()):
            np.testing.assert_array_equal(pixels(ax), images[k].permute(1, 2, 0))
            assert ax.get_xlabel() == f"{name} {k}"
            assert ax.axison
            np.testing.assert_allclose(pixels(below), errors[name][k])
            assert below.images[0].get_clim() == pytest.approx((0, top))
    assert sum(len(ax.images) for ax in panels.flat) == 3 * 5
    assert scale.get_ylabel() == "color error (levels of 0–255)"
    assert f"a {errors['a'].mean():.0f}, SA+Hinge+BCE {errors['SA+Hinge+BCE'].mean():.0f}." in figure.alt


EPOCHS = pd.DataFrame(
    (model, seed, epoch, loss + seed, 0.7 * loss, 0.5 / epoch, gain)
    for model, loss, gain in (("plain", 1, np.nan), ("SA", 1, 0.1), ("SA'", 4, 0.8))
    for seed in (0, 1, 5)
    for epoch in (1, 2)
).set_axis(["model", "seed", "epoch", "d_loss", "g_loss", "l1", "gain"], axis=1)


def test_curves_are_means_over_seeds_in_a_band_from_the_lowest_to_the_highest():
    figure = plots.curves_over_seeds(EPOCHS, [["plain", "SA"], ["SA'"]])
    panels = np.array(figure.axes).reshape(2, 4)
    d_loss = panels[0, 0]
    assert [line.get_label() for line in d_loss.lines] == ["plain", "SA"]
    np.testing.assert_allclose(d_loss.lines[0].get_data(), [[1, 2], [3, 3]])
    corners = d_loss.collections[0].get_paths()[0].vertices
    assert (corners[:, 1].min(), corners[:, 1].max()) == (1, 6)
    np.testing.assert_allclose(panels[1, 2].lines[0].get_ydata(), [0.5, 0.25])
    assert np.isnan(panels[0, 3].lines[0].get_ydata()).all()  # no attention, no gain
    np.testing.assert_allclose(panels[1, 3].lines[0].get_ydata(), 0.8)
    assert [upper.get_ylim() == lower.get_ylim() for upper, lower in panels.T] == [False, False, True, True]
    assert [ax.get_xlabel() for ax in panels[-1]] == ["epoch"] * 4
    assert "over 2 epochs. Mean L1 of the last epoch: plain 0.25, SA 0.25, SA' 0.25." in figure.alt


def test_curves_of_one_row_draw_only_its_models():
    figure = plots.curves_over_seeds(EPOCHS, [["SA"]])
    assert [line.get_label() for line in figure.axes[0].lines] == ["SA"]
    assert "plain" not in figure.alt


def test_each_run_is_a_dot_in_the_row_of_its_model_with_its_worst_epoch_and_a_failed_model_has_an_empty_row():
    columns = ["model", "loss", "seed", "d_swing", "d_worst", "g_swing", "g_worst", "jumps", "psnr"]
    rows = [("b", "bce", 0, 0.1, 0.2, 0.3, 0.4, 0.05, 20.0), ("b", "bce", 1, 0.3, 0.4, 0.5, 0.6, 0.15, 22.0)]
    rows.append(("h", "hinge", 0, 1.0, 1.5, 2.0, 2.5, 0.0, 21.0))
    figure = plots.stability(
        pd.DataFrame(rows, columns=columns), {"b": "b (2 of 2)", "lost": "lost (0 of 2)", "h": "h"}
    )
    d_swing, g_swing, jumps, psnr = figure.axes
    worst, dots, *others = d_swing.lines
    np.testing.assert_allclose(worst.get_xydata(), [[0.2, 0], [0.4, 0]])
    np.testing.assert_allclose(dots.get_xydata(), [[0.1, 0], [0.3, 0]])
    np.testing.assert_allclose(others[-1].get_xydata(), [[0.2, 0], [1, 2]])  # means
    np.testing.assert_allclose(g_swing.lines[0].get_xdata(), [0.4, 0.6])
    np.testing.assert_allclose(jumps.lines[0].get_xdata(), [5, 15])
    np.testing.assert_allclose(psnr.lines[-1].get_xydata(), [[21, 0], [21, 2]])
    assert [text.get_text() for text in d_swing.get_yticklabels()] == ["b (2 of 2)", "lost (0 of 2)", "h"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["bce", "hinge"]
    assert figure.alt.endswith("b 0.40 and 21.0; h 2.00 and 21.0.")


# --- the explorers' figures -------------------------------------------------------------------------------------------


def test_a_logit_is_marked_on_each_loss_and_each_gradient():
    x = torch.linspace(-4, 4, 9)
    curves, points = {"square": (x, x**2, 2 * x)}, {"square": tuple(torch.tensor([k]) for k in (1.5, 2.25, 3.0))}
    figure = plots.loss_at(curves, points)
    for ax, y, at in zip(figure.axes, (x**2, 2 * x), (2.25, 3)):
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), y)
        assert (*ax.lines[1].get_xdata(), *ax.lines[1].get_ydata()) == (1.5, at)
    assert figure.alt.endswith("At logit 1.50: square 2.25, gradient 3.00.")
    assert plots.loss_at(curves, points, figure=figure) is figure
    assert len(figure.axes) == 2


def test_a_walk_through_a_dirac_gan_is_drawn_with_its_distance_from_the_solution():
    grid = torch.meshgrid(*[torch.linspace(-2, 2, 3)] * 2, indexing="ij")
    path = torch.tensor([0.6, 0.3, 0.0]), torch.tensor([0.8, 0.4, 0.0])
    plane, distance = plots.dirac_walk((*grid, grid[1], -3 * grid[0]), path).axes
    np.testing.assert_allclose(plane.lines[0].get_xydata(), torch.stack(path, dim=1))
    np.testing.assert_allclose(distance.lines[1].get_ydata(), [1, 0.5, 0], atol=1e-6)
    lengths = np.hypot(plane.collections[0].U, plane.collections[0].V)
    np.testing.assert_allclose(lengths[[0, 1, 2, 3, 5, 6, 7, 8]], 1, rtol=1e-6)
    assert lengths[4] == 0


def test_attention_lies_over_the_photograph_with_a_frame_around_the_one_that_looks(photos):
    beta, maps = torch.rand(4, 4).softmax(1) / 4, {name: torch.randn(4, 4) for name in ("x", "o", "y")}
    gamma = torch.tensor([-5.0, 0.1, 0.1, 1.0])
    figure = plots.attention_looks(luma(photos)[0], beta, query=(1, 3), maps=maps, gamma=gamma, channel=3)
    seen, *panels, gains = figure.axes
    np.testing.assert_array_equal(seen.images[1].get_array(), beta)
    frame = seen.lines[0].get_xydata()
    assert (*frame.min(0), *frame.max(0)) == (0.75, 0.25, 1.0, 0.5)
    for ax, part in zip(panels, maps.values()):
        np.testing.assert_array_equal(pixels(ax), part)
    shares = gains.patches[0].get_data().values
    assert (shares[0], shares.max(), shares.sum()) == (0.25, 0.5, 1)  # what lies beyond the axis is counted at its end
    assert gains.lines[0].get_xdata()[0] == 1
    assert "25% are negative" in figure.alt


def test_what_a_score_sees_is_framed_also_beyond_the_photograph(photos):
    figure = plots.patch_seen(photos[0], (-4, 8, 12), edge=6)
    (ax,) = figure.axes
    frame = 16 * ax.lines[1].get_xydata()
    assert (*frame.min(0), *frame.max(0)) == (8, -4, 20, 8)
    assert "44% of it is photograph" in figure.alt  # 8 of 12 rows times 8 of 12 columns


@pytest.mark.parametrize(("share", "column"), [(0, 0), (0.25, 4), (1, 16)])
def test_one_picture_lies_over_the_other_up_to_the_line(photos, share, column):
    gray = gray_to_rgb(luma(photos))[0]
    ax = plots.before_after(luma(photos)[0], photos[0], share, titles=("gray", "true")).axes[0]
    left, right = (image.permute(1, 2, 0).numpy() for image in (gray, photos[0]))
    np.testing.assert_array_equal(pixels(ax)[:, :column], left[:, :column])
    np.testing.assert_array_equal(pixels(ax)[:, column:], right[:, column:])
    assert ax.get_title() == "gray  |  true"
