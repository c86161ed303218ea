"""`color.py` against Pillow, scikit-image and NumPy."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2gray, rgb2yuv

from hcegan_lib.color import LUMA_WEIGHTS, gray_to_rgb, luma, to_signed, to_unit


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
