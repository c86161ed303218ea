import numpy as np
import pandas as pd
import pytest
from drawn import curves, labels

from hcegan_lib.lessons import plots

LOG = pd.DataFrame({"step": [1, 2, 3], "d_loss": [1.4, 1.3, 1.2], "g_loss": [0.7, 0.8, 0.9], "l1": [0.5, 0.4, 0.3]})


EPOCHS = pd.DataFrame(
    (model, seed, epoch, loss + seed, 0.7 * loss, 0.5 / epoch, gain)
    for model, loss, gain in (("plain", 1, np.nan), ("SA", 1, 0.1), ("SA'", 4, 0.8))
    for seed in (0, 1, 5)
    for epoch in (1, 2)
).set_axis(["model", "seed", "epoch", "d_loss", "g_loss", "l1", "gain"], axis=1)


def test_runs_of_different_lengths_are_drawn_from_step_1_on():
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
    assert plots.over_steps({"a": [0, 1]}, ylabel="b", xscale="linear").axes[0].get_xscale() == "linear"


def test_gains_are_means_in_a_band_over_seeds_beside_a_line_of_one_learning_rate_per_step():
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


def test_losses_over_training_are_running_means_with_one_line_per_model():
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
    assert "over 2 epochs. Mean L1 in the last epoch: plain 0.25, SA 0.25, SA' 0.25." in figure.alt


def test_curves_show_only_the_models_of_the_given_rows():
    figure = plots.curves_over_seeds(EPOCHS, [["SA"]])
    assert [line.get_label() for line in figure.axes[0].lines] == ["SA"]
    assert "plain" not in figure.alt


def test_stability_draws_each_run_with_its_worst_epoch_and_an_empty_row_for_a_failed_model():
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


def test_skill_is_drawn_over_epochs_with_the_tint_and_the_start_of_the_decay():
    skill = EPOCHS.assign(skill=0.1 * EPOCHS["epoch"] + 0.01 * EPOCHS["seed"])
    figure = plots.skill_over_training(skill[skill["model"] != "SA"], tint=0.36)
    (ax,) = figure.axes
    drawn = curves(ax)
    assert list(drawn) == ["plain", "SA'", "one tint"]
    np.testing.assert_allclose(drawn["plain"].get_data(), [[1, 2], [0.12, 0.22]])  # mean over the seeds 0, 1, 5
    assert set(drawn["one tint"].get_ydata()) == {0.36}
    assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 2][
        -1
    ] == pytest.approx(1)  # half of two epochs
    assert figure.alt == "Chroma skill over 2 epochs. plain ends at 0.22; SA' ends at 0.22; one tint has 0.36."
