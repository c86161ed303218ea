import torch

from hcegan_lib.lessons import explorers
from hcegan_lib.models import PatchDiscriminator, receptive_box


def test_the_frame_is_the_receptive_box_and_may_extend_beyond_the_photograph():
    discriminator = PatchDiscriminator(base_channels=2)
    figure = explorers.patch_picture(discriminator, torch.rand(3, 64, 64), row=0, column=5)
    frame = 64 * figure.axes[0].lines[1].get_xydata()  # (x, y)
    top, left, side = receptive_box(discriminator, 0, 5)
    assert (top, left, side) == (-23, 17, 70)
    assert (*frame.min(0), *frame.max(0)) == (left, top, left + side, top + side)
    assert "the photograph fills 45% of it" in figure.alt  # 47 of 70 rows times 47 of 70 columns
