import numpy as np
import pytest
import torch
from skimage.color import rgb2ypbpr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.image import StructuralSimilarityIndexMeasure

from hcegan_lib import data, metrics
from hcegan_lib.color import gray_to_rgb, luma


@pytest.fixture(scope="module")
def photos():
    return data.load("mini", 256).test


@pytest.fixture(scope="module", params=["gray copy", "noisy", "dark"])
def pair(request, photos):
    """Give the 25 test photographs of mini at 256 px and three ways to be wrong about them."""
    gray, color = photos.batch()
    noise = 0.05 * torch.randn(color.shape, generator=torch.Generator().manual_seed(0))
    images = {"gray copy": gray_to_rgb(gray), "noisy": (color + noise).clamp(0, 1), "dark": 0.2 * color}
    return images[request.param], color


def by_skimage(function, images, targets, **options):
    pairs = zip(images.double().numpy(), targets.double().numpy())
    return torch.tensor([function(target, image, data_range=1, **options) for image, target in pairs])


def test_psnr_is_scikit_images_on_25_photographs(pair):
    expected = by_skimage(peak_signal_noise_ratio, *pair)
    assert len(expected) == 25
    torch.testing.assert_close(metrics.psnr(*pair).double(), expected, rtol=0, atol=1e-5)


def test_ssim_is_scikit_images_on_25_photographs(pair):
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 0}
    expected = by_skimage(structural_similarity, *pair, **wang)
    torch.testing.assert_close(metrics.ssim(*pair).double(), expected, rtol=0, atol=1e-5)


def test_ssim_is_near_torchmetrics_which_pads_the_border(pair):
    images, targets = pair
    other = StructuralSimilarityIndexMeasure(gaussian_kernel=True, sigma=1.5, kernel_size=11, data_range=1.0)
    assert metrics.ssim(images, targets).mean().item() == pytest.approx(other(images, targets).item(), abs=0.01)


def test_one_photograph_scores_the_same_alone_and_in_a_batch(pair):
    images, targets = pair
    for metric in (metrics.psnr, metrics.ssim):
        torch.testing.assert_close(metric(images, targets)[7:8], metric(images[7:8], targets[7:8]))


def test_equal_photographs_score_infinity_and_one(photos):
    _, color = photos.batch([0, 1])
    assert metrics.psnr(color, color).tolist() == [float("inf")] * 2
    torch.testing.assert_close(metrics.ssim(color, color), torch.ones(2))


def colorfulness_by_loop(image):
    """Hasler and Suesstrunk 2003, pixel by pixel, on a (3, H, W) array in [0, 1]."""
    rg, yb = [], []
    for red, green, blue in (255 * image.double()).flatten(1).T.tolist():
        rg.append(red - green)
        yb.append((red + green) / 2 - blue)
    return np.hypot(np.std(rg), np.std(yb)) + 0.3 * np.hypot(np.mean(rg), np.mean(yb))


def test_colorfulness_is_the_articles_formula_pixel_by_pixel():
    _, color = data.load("mini", 32).test.batch([0, 1, 2])
    expected = [colorfulness_by_loop(image) for image in color]
    assert metrics.colorfulness(color).tolist() == pytest.approx(expected, rel=1e-4)


def test_gray_has_no_colorfulness():
    assert metrics.colorfulness(torch.rand(2, 1, 8, 8).expand(2, 3, 8, 8)).tolist() == pytest.approx([0, 0], abs=1e-4)


def test_evaluate_gives_one_row_per_photograph_in_the_order_of_the_set(photos):
    gray, color = photos.batch()
    table = metrics.evaluate(gray_to_rgb(gray), photos)
    assert list(table.columns) == [
        *("file", "psnr", "ssim", "ciede2000", "chroma_error", "colorfulness", "true_colorfulness"),
        *("psnr_luma", "ssim_luma", "ciede2000_luma"),
    ]
    assert table["file"].tolist() == list(photos.files)
    assert table["psnr"].tolist() == metrics.psnr(gray_to_rgb(gray), color).tolist()
    for column in ("psnr", "ssim", "ciede2000"):  # the gray copy has the true luma already
        assert table[column + "_luma"].tolist() == pytest.approx(table[column].tolist(), rel=1e-4)
    assert table["true_colorfulness"].min() > 0 == pytest.approx(table["colorfulness"].max(), abs=1e-3)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
def test_shapes_that_would_broadcast_are_refused(metric):
    with pytest.raises(ValueError, match="equal shapes"):
        metric(torch.rand(2, 1, 16, 16), torch.rand(2, 3, 16, 16))
    with pytest.raises(ValueError, match="equal shapes"):
        metric(torch.rand(3, 16, 16), torch.rand(3, 16, 16))


def test_ssim_needs_room_for_one_window():
    with pytest.raises(ValueError, match="at least 11 x 11 pixels for SSIM, got 10 x 64"):
        metrics.ssim(torch.rand(1, 3, 10, 64), torch.rand(1, 3, 10, 64))


def test_colorfulness_needs_three_channels():
    with pytest.raises(ValueError, match="shape \\(B, 3, H, W\\)"):
        metrics.colorfulness(torch.rand(2, 1, 8, 8))


def test_evaluate_refuses_a_different_number_of_pictures(photos):
    with pytest.raises(ValueError, match="equal shapes"):
        metrics.evaluate(torch.rand(3, 3, 256, 256), photos)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: 255 * x, r"must be in \[0, 1\], got values from 0\..* to 25"),
        (lambda x: 2 * x - 1, r"must be in \[0, 1\], got values from -0\.99"),
        (lambda x: torch.where(x > 0.5, torch.nan, x), r"must be in \[0, 1\], got values from nan to nan"),
        (lambda x: (255 * x).byte(), r"must be float32 or float64 in \[0, 1\], got torch.uint8"),
        (lambda x: x.bfloat16(), r"must be float32 or float64 in \[0, 1\], got torch.bfloat16"),
    ],
)
def test_values_outside_0_and_1_are_refused(metric, change, message):
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=f"images {message}"):
        metric(change(x), x)
    with pytest.raises(ValueError, match=f"targets {message}"):
        metric(x, change(x))
    assert torch.isfinite(metric(x * (1 + 5e-5), x)).all()  # rounding is not an error


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_colorfulness_refuses_integers(dtype):
    with pytest.raises(ValueError, match=f"images must be float32 or float64 in \\[0, 1\\], got {dtype}"):
        metrics.colorfulness(torch.full((1, 3, 4, 4), 200, dtype=dtype))


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ssim, metrics.chroma_skill, metrics.ciede2000])
@pytest.mark.parametrize("shape", [(0, 3, 16, 16), (2, 0, 16, 16)])
def test_scores_refuse_a_batch_without_photographs_or_channels(metric, shape):
    with pytest.raises(ValueError, match="images must contain at least one photograph"):
        metric(torch.zeros(shape), torch.zeros(shape))


def test_colorfulness_refuses_an_empty_batch():
    with pytest.raises(ValueError, match="images must contain at least one photograph"):
        metrics.colorfulness(torch.zeros(0, 3, 16, 16))


def test_colorfulness_refuses_bytes():
    with pytest.raises(ValueError, match=r"images must be in \[0, 1\], got values from 0 to 255"):
        metrics.colorfulness(torch.tensor([0.0, 255.0, 9.0]).view(1, 3, 1, 1))


@pytest.fixture
def random_photos():
    return torch.from_numpy(np.random.default_rng(0).random((4, 3, 16, 16), dtype=np.float32))


def test_error_parts_are_the_errors_of_luma_and_color_differences_in_rec_601(random_photos):
    images, targets = random_photos[:2], random_photos[2:]
    luminance, color = metrics.error_parts(images, targets)
    ours, theirs = (rgb2ypbpr(batch.permute(0, 2, 3, 1).numpy()) for batch in (images, targets))
    y, pb, pr = np.moveaxis(ours - theirs, -1, 0)
    red, blue = 1.402 * pr, 1.772 * pb  # R - Y and B - Y, of which Pr and Pb are scaled copies
    np.testing.assert_allclose(luminance[:, 0], y, atol=1e-5)
    np.testing.assert_allclose(color[:, 0], red, atol=1e-5)
    np.testing.assert_allclose(color[:, 2], blue, atol=1e-5)
    np.testing.assert_allclose(color[:, 1], -(0.299 * red + 0.114 * blue) / 0.587, atol=1e-5)
    torch.testing.assert_close(luminance + color, images - targets)


def test_a_gray_copy_has_only_color_error_and_a_brighter_copy_only_luminance_error(random_photos):
    luminance, color = metrics.error_parts(gray_to_rgb(luma(random_photos)), random_photos)
    assert luminance.abs().max() < 1e-6
    assert color.abs().max() > 0.1
    assert metrics.color_error(0.5 * random_photos + 0.1, 0.5 * random_photos).max() < 1e-3


def test_the_color_error_is_a_root_mean_square_over_channels_in_levels():
    target = torch.full((3, 1, 1), 0.5)
    color = torch.tensor([0.2, 0.0, -0.2 * 0.299 / 0.114]).view(3, 1, 1)  # no luma
    wanted = 255 * np.sqrt((0.2**2 + (0.2 * 0.299 / 0.114) ** 2) / 3)
    assert metrics.color_error(target + color + 0.07, target).item() == pytest.approx(wanted, rel=1e-5)


def test_chroma_skill_is_the_share_of_the_squared_color_error_removed_pixel_by_pixel(random_photos):
    images, targets = random_photos[:2], random_photos[2:]
    expected = []
    for image, target in zip(images.double().flatten(2), targets.double().flatten(2)):
        error = gray_error = 0
        for (r, g, b), (true_r, true_g, true_b) in zip(image.T.tolist(), target.T.tolist()):
            y, true_y = 0.299 * r + 0.587 * g + 0.114 * b, 0.299 * true_r + 0.587 * true_g + 0.114 * true_b
            chroma, true = (r - y, g - y, b - y), (true_r - true_y, true_g - true_y, true_b - true_y)
            error += sum((ours - theirs) ** 2 for ours, theirs in zip(chroma, true))
            gray_error += sum(theirs**2 for theirs in true)
        expected.append(1 - error / gray_error)
    assert metrics.chroma_skill(images, targets).tolist() == pytest.approx(expected, rel=1e-4)


def test_chroma_skill_is_one_for_true_colors_zero_for_gray_and_ignores_the_luminance(random_photos):
    gray = gray_to_rgb(luma(random_photos))
    assert metrics.chroma_skill(random_photos, random_photos).tolist() == [1] * 4
    assert metrics.chroma_skill(gray, random_photos).tolist() == pytest.approx([0] * 4, abs=1e-6)
    half = (random_photos + gray) / 2  # half the chroma: a quarter of the squared error is left
    assert metrics.chroma_skill(half, random_photos).tolist() == pytest.approx([0.75] * 4, abs=1e-5)
    darker = random_photos - random_photos.amin(dim=1, keepdim=True)  # all channels by the same amount
    assert metrics.chroma_skill(darker, random_photos).tolist() == pytest.approx([1] * 4, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [  # of sRGB colors under D65, as color calculators print them
        ((0, 0, 0), (1, 1, 1), 100.0),
        ((1, 0, 0), (0, 1, 0), 86.61),
        ((1, 0, 0), (0, 0, 1), 52.88),
        ((0, 1, 0), (0, 0, 1), 83.19),
        ((0.4, 0.4, 0.4), (0.4, 0.4, 0.4), 0.0),
    ],
)
def test_ciede2000_has_the_known_values_and_is_symmetric(first, second, distance):
    a, b = (torch.tensor(color).float().view(1, 3, 1, 1).expand(1, 3, 5, 5) for color in (first, second))
    assert metrics.ciede2000(a, b).item() == pytest.approx(distance, abs=0.01)
    assert metrics.ciede2000(b, a).item() == pytest.approx(distance, abs=0.01)


def test_ciede2000_is_a_mean_over_the_pixels_of_each_photograph():
    black, white = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    white[1, :, :, 1:] = 0  # a quarter of the second one is wrong
    torch.testing.assert_close(metrics.ciede2000(black, white), torch.tensor([100.0, 25.0]), atol=1e-3, rtol=0)


def test_the_true_luma_under_true_chroma_is_the_photograph_whatever_the_brightness_was(photos):
    gray, color = photos.batch([0, 1])
    torch.testing.assert_close(metrics.restore_luma(0.6 * color + 0.4 * gray, gray), 0.6 * color + 0.4 * gray)
    faded = 0.5 * color + 0.2  # half the chroma over another luma
    restored = metrics.restore_luma(faded, gray)
    torch.testing.assert_close(restored, (color + gray) / 2, atol=1e-5, rtol=0)


def test_evaluate_scores_each_rendering_again_with_the_true_luma():
    photos = data.load("mini", 64).test
    gray, color = photos.batch()
    table = metrics.evaluate(0.5 * color + 0.2, photos)
    restored = (color + gray) / 2
    for column, metric in (("psnr", metrics.psnr), ("ssim", metrics.ssim), ("ciede2000", metrics.ciede2000)):
        assert table[f"{column}_luma"].tolist() == pytest.approx(metric(restored, color).tolist(), rel=1e-4)
    skill = 1 - table["chroma_error"] / metrics.evaluate(gray_to_rgb(gray), photos)["chroma_error"]
    assert skill.tolist() == pytest.approx(metrics.chroma_skill(0.5 * color + 0.2, color).tolist(), rel=1e-4)
    assert skill.tolist() == pytest.approx([0.75] * len(photos), abs=1e-3)
