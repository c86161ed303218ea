import numpy as np
import pytest
import torch
from drawn import curves, labels
from scipy import stats

from hcegan_lib.lessons import plots


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


def test_figure_1_draws_the_excess_over_the_margin_and_both_hinge_losses():
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
    assert "scores of a, b, c, d, and a line 0.75 below the score of the true class, b. " in figure.alt
    assert "exceed the line by 0.25" in figure.alt


def test_figure_1_rejects_a_true_class_without_a_score():
    with pytest.raises(ValueError, match="label must be one of the classes a, b, got 'c'"):
        plots.hinge_loss({"a": 1.0, "b": 2.0}, label="c")


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_cross_entropy_is_drawn_above_the_entropy_and_touches_it_at_the_true_probability(p):
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


def test_losses_of_real_and_rendered_pairs_are_drawn_with_derivatives_and_infinite_losses_are_marked():
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
    assert (log.get_ylim(), log_slope.get_ylim()) == ((-5.5, 4), (-4, 4))  # low enough for log 0.01
    assert "log -0.25 and 0; square -8 and 4." in figure.alt
