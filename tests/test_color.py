"""`color.py` against Pillow, scikit-image and NumPy."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2gray, rgb2ycbcr, rgb2yuv

from hcegan_lib import data
from hcegan_lib.color import (
    LUMA_WEIGHTS,
    chroma,
    gray_to_rgb,
    luma,
    require_unit_range,
    to_signed,
    to_unit,
    with_luma,
)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def test_the_two_ranges_are_each_others_inverse_for_every_byte():
    levels = torch.arange(256) / 255
    assert torch.equal((to_unit(to_signed(levels)) * 255).round(), torch.arange(256).float())
    torch.testing.assert_close(to_unit(to_signed(levels)), levels, atol=1e-7, rtol=0)


def test_black_middle_and_white_map_to_minus_one_zero_and_one():
    assert to_signed(torch.tensor([0.0, 0.5, 1.0])).tolist() == [-1.0, 0.0, 1.0]
    assert to_unit(torch.tensor([-1.0, 0.0, 1.0])).tolist() == [0.0, 0.5, 1.0]


def test_luma_is_pillows_mode_l_before_rounding(pixels):
    pillow = np.asarray(Image.fromarray(pixels).convert("L"), float)
    ours = luma(as_tensor(pixels))[0].numpy() * 255
    assert np.abs(ours - pillow).max() <= 0.51  # half a level of rounding, and Pillow's 16-bit weights


def test_luma_is_the_y_of_scikit_image_and_not_its_rgb2gray(pixels):
    ours = luma(as_tensor(pixels))[0].numpy()
    np.testing.assert_allclose(ours, rgb2yuv(pixels)[..., 0], atol=1e-6)
    assert np.abs(ours - rgb2gray(pixels)).max() > 0.05  # rgb2gray has the weights of Rec. 709


def test_luma_is_the_weighted_sum_in_numpy_for_any_leading_axes():
    color = np.random.default_rng(1).random((2, 5, 3, 4, 6))
    expected = np.einsum("c,...chw->...hw", [0.299, 0.587, 0.114], color)[:, :, None]
    actual = luma(torch.from_numpy(color))
    assert actual.shape == (2, 5, 1, 4, 6)
    np.testing.assert_allclose(actual.numpy(), expected, atol=1e-12)


def test_luma_of_a_gray_photograph_is_that_gray_and_stays_within_0_and_1():
    levels = (torch.arange(256) / 255).view(1, 1, 16, 16)
    assert sum(LUMA_WEIGHTS) == pytest.approx(1, abs=1e-12)
    gray = luma(gray_to_rgb(levels))
    torch.testing.assert_close(gray, levels, atol=1e-6, rtol=0)
    assert gray.min() >= 0
    assert gray.max() <= 1


def test_gray_copy_repeats_one_channel_three_times_without_using_memory():
    gray = torch.rand(2, 1, 4, 5)
    copy = gray_to_rgb(gray)
    assert copy.shape == (2, 3, 4, 5)
    assert all(torch.equal(copy[:, c], gray[:, 0]) for c in range(3))
    assert copy.data_ptr() == gray.data_ptr()


@pytest.mark.parametrize("shape", [(1, 8, 8), (4, 8, 8), (8, 3), (2, 8, 8, 3)])
def test_luma_refuses_images_without_three_channels_and_prints_the_shape(shape):
    with pytest.raises(ValueError, match=r"color must have shape \(\.\.\., 3, H, W\), got \(") as error:
        luma(torch.zeros(shape))
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 1), (2, 8, 8, 1)])
def test_gray_copy_refuses_images_with_several_channels_and_prints_the_shape(shape):
    with pytest.raises(ValueError, match=r"gray must have shape \(\.\.\., 1, H, W\), got \(") as error:
        gray_to_rgb(torch.zeros(shape))
    assert str(tuple(shape)) in str(error.value)


@pytest.mark.parametrize("function", [luma, to_signed, chroma])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_integers_are_refused_because_they_would_wrap_or_round_to_zero(function, dtype):
    with pytest.raises(ValueError, match=rf"must be floats in \[0, 1\], got {dtype}; divide bytes by 255"):
        function(torch.full((1, 3, 4, 4), 200, dtype=dtype))


def test_an_empty_batch_has_no_range():
    with pytest.raises(ValueError, match=r"gray must contain at least one photograph.* got \(0, 1, 8, 8\)"):
        require_unit_range(torch.zeros(0, 1, 8, 8), "gray")


# --- chroma -----------------------------------------------------------------------------------------------------------

CORNERS = torch.cartesian_prod(*3 * [torch.tensor([0.0, 1.0])]).view(8, 3, 1, 1)  # black, white, saturated primaries


@pytest.fixture(scope="module")
def photographs() -> torch.Tensor:
    """100 photographs of mini."""
    sets = data.load("mini", 64)
    return torch.cat([sets.test.batch()[1], sets.train.batch(range(75))[1]])


def test_chroma_is_the_cr_and_cb_of_scikit_image_with_ends_at_minus_one_and_one(pixels):
    _, blue, red = np.moveaxis(rgb2ycbcr(pixels), -1, 0)  # 16 to 240, and 128 for gray
    np.testing.assert_allclose(chroma(as_tensor(pixels)).numpy(), (np.stack([red, blue]) - 128) / 112, atol=1e-5)
    ends = chroma(CORNERS)
    assert (ends.amin().item(), ends.amax().item()) == pytest.approx((-1, 1))


def test_luma_and_chroma_of_every_photograph_give_the_photograph_back(photographs):
    assert len(photographs) == 100
    torch.testing.assert_close(with_luma(chroma(photographs), luma(photographs)), photographs, atol=2e-6, rtol=0)


def test_black_white_and_saturated_primaries_come_back_and_never_leave_the_range():
    back = with_luma(chroma(CORNERS), luma(CORNERS))
    torch.testing.assert_close(back, CORNERS, atol=2e-6, rtol=0)
    assert back.min() >= 0
    assert back.max() <= 1


def test_any_predicted_chroma_keeps_the_luma_of_100_photographs_even_in_bytes(photographs):
    gray = luma(photographs)
    colors = with_luma(2 * torch.rand(100, 2, 64, 64, generator=torch.Generator().manual_seed(0)) - 1, gray)
    assert colors.min() >= 0
    assert colors.max() <= 1
    assert (luma(colors) - gray).abs().max() < 1e-6
    assert (luma((255 * colors).round() / 255) - gray).abs().max() < 1 / 255


def test_the_most_vivid_chroma_over_a_gray_ramp_stays_in_range_and_gives_black_and_white_at_its_ends():
    ramp = torch.linspace(0, 1, 256).view(1, 1, 1, 256).expand(8, 1, 1, 256)
    vivid = torch.cartesian_prod(*2 * [torch.tensor([-1.0, 0.0, 1.0])])[[0, 1, 2, 3, 5, 6, 7, 8]].view(8, 2, 1, 1)
    colors = with_luma(vivid.expand(8, 2, 1, 256), ramp)
    assert torch.equal(colors.clamp(0, 1), colors)
    assert (luma(colors) - ramp).abs().max() < 1e-6
    assert torch.equal(colors[..., [0, -1]], torch.tensor([0.0, 1.0]).expand(8, 3, 1, 2))


def test_a_color_that_does_not_exist_is_made_paler_by_no_more_than_it_must_and_keeps_its_hue():
    wanted, gray = torch.tensor([0.9, -0.4]).view(2, 1, 1), torch.full((1, 1, 1), 0.8)
    color = with_luma(wanted, gray)
    assert color.max().item() == pytest.approx(1, abs=2e-6)  # red, at the end of its range
    red, blue = (chroma(color) / wanted).flatten().tolist()
    assert 0 < red < 1
    assert red == pytest.approx(blue, rel=1e-4)


def test_chroma_in_bfloat16_does_not_touch_the_luma():
    gray = torch.rand(1, 1, 8, 8)
    colors = with_luma((2 * torch.rand(1, 2, 8, 8) - 1).bfloat16(), gray)
    assert colors.dtype == torch.float32
    assert (luma(colors) - gray).abs().max() < 1e-6


@pytest.mark.parametrize("power", [1, 2])
def test_gradients_lead_to_every_color_even_from_far_outside_the_range(power):
    source = torch.Generator().manual_seed(0)
    targets = torch.rand(500, 3, 1, 1, generator=source)
    raw = torch.randn(500, 2, 1, 1, generator=source).requires_grad_()
    assert (with_luma(raw.tanh(), luma(targets)).detach().amax(dim=1) > 0.999).float().mean() > 0.2  # scaled down
    adam = torch.optim.Adam([raw], lr=0.02)
    for _ in range(600):
        distance = (with_luma(raw.tanh(), luma(targets)) - targets).abs()
        adam.zero_grad()
        distance.pow(power).sum().backward()
        adam.step()
    assert (distance.amax(dim=1) < 0.03).float().mean() > 0.99
