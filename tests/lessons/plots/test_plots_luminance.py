import numpy as np
import pandas as pd
from drawn import curves

from hcegan_lib.lessons import plots


def test_coarse_chroma_is_drawn_over_the_side_of_the_blocks_with_levels_to_compare():
    scores = pd.DataFrame({"psnr": [33.0, 29.0, 22.5], "ssim": [94.0, 90.0, 85.0]}, index=[2, 4, 64])
    figure = plots.coarse_chroma(scores, {"best model": 20.4, "gray copy": 18.4})
    psnr, ssim = figure.axes
    drawn = curves(psnr)
    np.testing.assert_array_equal(drawn["true luma, coarse true chroma"].get_data(), [[2, 4, 64], [33, 29, 22.5]])
    assert set(drawn["best model"].get_ydata()) == {20.4}
    np.testing.assert_array_equal(ssim.lines[0].get_ydata(), [94, 90, 85])
    assert "PSNR falls from 33.0 to 22.5 dB, SSIM from 94.0 to 85.0%" in figure.alt


def test_fidelity_is_drawn_over_vividness_with_a_mark_at_the_model_as_trained():
    curve = pd.DataFrame({"vividness": [0.0, 0.6, 1.2], "psnr": [17.0, 18.0, 16.0]}, index=[0, 1, 2])
    figure = plots.fidelity_and_vividness({"L1": curve, "game": curve.assign(psnr=[17.0, 17.5, 18.5])})
    (ax,) = figure.axes
    np.testing.assert_array_equal(ax.lines[0].get_data(), [[0, 0.6, 1.2], [17, 18, 16]])
    drawn = curves(ax)
    assert [(*drawn[name].get_xdata(), *drawn[name].get_ydata()) for name in ("L1", "game")] == [(0.6, 18), (0.6, 17.5)]
    assert "L1 is 0.60 as vivid as the truth and best at factor 1.00" in figure.alt
    assert "game is 0.60 as vivid as the truth and best at factor 2.00" in figure.alt
