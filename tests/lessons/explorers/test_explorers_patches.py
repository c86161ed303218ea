import torch

from hcegan_lib.lessons import explorers


def test_the_frame_around_what_a_score_sees_may_extend_beyond_the_photograph():
    figure = explorers.patch_seen(torch.rand(3, 16, 16), (-4, 8, 12), edge=6)
    (ax,) = figure.axes
    frame = 16 * ax.lines[1].get_xydata()
    assert (*frame.min(0), *frame.max(0)) == (8, -4, 20, 8)
    assert "the photograph fills 44% of it" in figure.alt  # 8 of 12 rows times 8 of 12 columns
