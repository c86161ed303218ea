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


def test_games_are_dots_with_their_lambda_and_the_knob_is_a_line_with_its_factor():
    games = pd.DataFrame(
        {"l1_weight": [1, 1, 30], "seed": [0, 1, 0], "vividness": [0.9, 0.7, 0.6], "psnr": [17.0, 18.0, 19.0]}
    )
    knob = pd.DataFrame({"factor": [0, 1.5], "seed": 0, "vividness": [0.0, 0.8], "psnr": [18.4, 20.0]})
    figure = plots.fidelity_and_vividness(games, knob)
    (ax,) = figure.axes
    drawn = curves(ax)
    np.testing.assert_allclose(drawn["trained with this λ"].get_data(), [[0.8, 0.6], [17.5, 19]])
    np.testing.assert_allclose(drawn["L1 alone, chroma times this factor"].get_data(), [[0, 0.8], [18.4, 20]])
    np.testing.assert_array_equal(ax.lines[0].get_data(), [[0.9, 0.7, 0.6], [17, 18, 19]])  # single runs
    assert [text.get_text() for text in ax.texts] == ["1", "30", "0", "1.5"]
    assert "trained with this λ, from 1: 0.80, 17.5 dB, to 30: 0.60, 19.0 dB" in figure.alt
