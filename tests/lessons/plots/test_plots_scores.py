import numpy as np
import pandas as pd
import pytest
from drawn import labels, pixels

from hcegan_lib import metrics
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons import plots

SCORES = pd.DataFrame({"psnr": [20.0, 30.0, 25.0], "true_colorfulness": [60.0, 10.0, 35.0]})


CONVENTIONS = pd.DataFrame(
    {"gray": [20.0, np.inf, 14.0], "noisy": [22.0, 25.0, 16.0]}, index=["ours", "luma", "signed"]
)


def test_psnr_is_drawn_over_colorfulness_with_a_line_at_its_mean():
    figure = plots.score_by_colorfulness(SCORES)
    ax = figure.axes[0]
    np.testing.assert_array_equal(
        ax.collections[0].get_offsets(), SCORES[["true_colorfulness", "psnr"]], err_msg="points"
    )
    assert ax.lines[0].get_ydata() == [25, 25]
    assert labels(figure) == {"colorfulness of the true photograph (0-255 scale)", "PSNR (dB)"}
    assert "least colorful scores 30 dB, the most colorful 20 dB; the mean is 25.0 dB" in figure.alt
    assert "is -1.0." in figure.alt


def test_the_ssim_map_is_placed_at_the_centers_of_the_windows(photos):
    similarity = np.linspace(-0.2, 1, 36).reshape(6, 6)
    figure = plots.ssim_map(luma(photos)[0], photos[0], similarity)
    drawn = figure.axes[2].images[0]
    np.testing.assert_array_equal(drawn.get_array(), similarity)
    assert drawn.get_extent() == [5, 11, 11, 5]
    assert drawn.get_clim() == (-0.2, 1)
    np.testing.assert_array_equal(pixels(figure.axes[1]), photos[0].permute(1, 2, 0))
    assert "from -0.20 to 1.00 with mean 0.40" in figure.alt
    assert labels(figure) == {"scored image", "true photograph", "SSIM map", "SSIM of the window"}


def test_each_convention_is_drawn_as_given_and_an_infinite_value_is_hollow_in_a_strip_beyond_the_scale():
    figure = plots.conventions(CONVENTIONS)
    ax = figure.axes[0]
    gray, infinite, noisy, _, _ = ax.lines
    np.testing.assert_array_equal(noisy.get_xdata(), [22, 25, 16])
    np.testing.assert_array_equal(gray.get_xdata(), [20, np.nan, 14])
    edge, strip = ax.patches[0].get_x(), ax.get_xlim()[1]
    assert 25 < edge < infinite.get_xdata()[0] < strip
    assert list(infinite.get_ydata()) == [1]
    assert infinite.get_markerfacecolor() == "white"
    assert max(ax.get_xticks()) < edge  # no number stands below the strip
    assert [text.get_text() for text in ax.texts] == ["∞", "infinite"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ours", "luma", "signed"]
    assert ax.get_xlabel() == "PSNR (dB)"
    assert figure.alt.endswith("3 conventions: gray from 14.0 to 20.0; noisy from 16.0 to 25.0; 1 infinite.")


def test_luminance_and_color_errors_are_drawn_on_scales_that_all_versions_share(photos):
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
    assert labels(figure) >= {"levels (0–255)"}
    assert "gray copy 0.0 and " in figure.alt


@pytest.mark.parametrize("across", [1, 2])
def test_renderings_are_shown_beside_the_truth_with_scores_and_color_errors_below(photos, across):
    targets = photos[:3]
    versions = {"a": photos[[1, 2, 3]], "SA+Hinge+BCE": photos[[2, 3, 0]]}
    scores = {name: [f"{name} {k}" for k in range(3)] for name in versions}
    figure = plots.renderings_with_errors(targets, versions, scores=scores, names="xyz", across=across)
    *panels, scale = figure.axes
    panels = np.array(panels).reshape(2 * -(-3 // across), -1)
    errors = {name: metrics.color_error(images, targets) for name, images in versions.items()}
    for k, target in enumerate(targets):
        row, first = 2 * (k // across), 4 * (k % across)
        photo, *rendered = panels[row, first : first + 3]
        top = np.quantile(np.stack([maps[k] for maps in errors.values()]), 0.995)
        assert panels[row + 1, first].texts[0].get_text() == f"color error:\n0 to {top:.0f}\nlevels"
        np.testing.assert_array_equal(pixels(photo), target.permute(1, 2, 0))
        assert photo.get_xlabel() == "xyz"[k]
        assert [ax.get_title() for ax in (photo, *rendered)] == (
            ["true", "a", "SA+\nHinge+BCE"] if row == 0 else [""] * 3
        )
        for ax, below, (name, images) in zip(rendered, panels[row + 1, first + 1 :], versions.items()):
            np.testing.assert_array_equal(pixels(ax), images[k].permute(1, 2, 0))
            assert ax.get_xlabel() == f"{name} {k}"
            assert ax.axison
            np.testing.assert_allclose(pixels(below), errors[name][k] / top, rtol=1e-5)
            assert below.images[0].get_clim() == (0, 1)
    assert sum(len(ax.images) for ax in panels.flat) == 3 * 5
    assert scale.get_ylabel() == "color error, on the scale beside each row"
    assert f"a {errors['a'].mean():.0f}, SA+Hinge+BCE {errors['SA+Hinge+BCE'].mean():.0f}." in figure.alt
