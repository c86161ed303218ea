import numpy as np
import pytest
import torch

from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.lessons import explorers

COLOR = torch.rand(3, 3, 16, 16)
GRAY = luma(COLOR)
VERSIONS = {"gray": GRAY, "halfway": (COLOR + GRAY) / 2, "true": COLOR}


@pytest.mark.parametrize(("share", "column"), [(0, 0), (0.25, 4), (1, 16)])
def test_one_version_is_shown_up_to_the_line_and_the_other_from_there(share, column):
    ax = explorers.gallery_picture(VERSIONS, left="gray", right="true", share=share).axes[0]
    left, right = (image.permute(1, 2, 0).numpy() for image in (gray_to_rgb(GRAY)[0], COLOR[0]))
    np.testing.assert_array_equal(ax.images[0].get_array()[:, :column], left[:, :column])
    np.testing.assert_array_equal(ax.images[0].get_array()[:, column:], right[:, column:])
    assert ax.get_title() == "gray  |  true"


def test_the_gallery_starts_with_the_first_version_on_the_left_and_the_last_on_the_right():
    explorer = explorers.gallery(VERSIONS)
    assert (explorer.values["left"], explorer.values["right"]) == ("gray", "true")
    assert list(explorer.controls["photograph"].options.values()) == [0, 1, 2]
