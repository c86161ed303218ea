import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from hcegan_lib.lessons import plots


def test_each_printed_difference_is_in_its_row_over_the_band_of_its_metric():
    rows = [
        *(("psnr", "a", "zero", "bce", "Lion", 0.5), ("psnr", "a", "zero", "bce", "Dog", -1.5)),
        *(("psnr", "b", "normal", "hinge_bce", "Lion", 1.0), ("psnr", "b", "normal", "hinge_bce", "Dog", 0.2)),
        *(("ssim", "a", "zero", "bce", "Lion", 3.0), ("ssim", "b", "normal", "hinge_bce", "Dog", 1.0)),
    ]
    differences = pd.DataFrame(rows, columns=["metric", "model", "gamma_init", "loss", "dataset", "difference"])
    figure = plots.differences_of_single_runs(differences, {"psnr": 1.0, "ssim": 4.0})
    psnr, ssim = figure.axes
    assert [label.get_text() for label in psnr.get_yticklabels()] == ["Lion", "Dog"]
    zero, a, b = psnr.lines
    assert (zero.get_xdata(), list(a.get_xdata()), list(b.get_xdata())) == ([0, 0], [0.5, -1.5], [1.0, 0.2])
    assert [list(np.round(line.get_ydata())) for line in (a, b)] == [[0, 1], [0, 1]]
    assert a.get_color() != b.get_color()
    assert a.get_marker() != b.get_marker()
    for ax, half in ((psnr, 1.0), (ssim, 4.0)):
        band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
        assert band.intervalx == pytest.approx([-half, half])
    assert [psnr.get_xlabel(), ssim.get_xlabel()] == ["difference in PSNR (dB)", "difference in SSIM (%)"]
    assert "2 of 4 differences in PSNR (dB) leave its band of ±1.00; 0 of 2 differences in SSIM (%)" in figure.alt
    plt.close(figure)
