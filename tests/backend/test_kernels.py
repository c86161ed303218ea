import pytest
import torch
import torch.nn.functional as F

from hcegan_lib.backend import kernels
from hcegan_lib.backend.kernels import DownConvolution, UpConvolution
from hcegan_lib.models import UNetGenerator, render


def source(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def parts():
    """Query, key and value in double precision, 7 positions of 2 photographs."""
    source = torch.Generator().manual_seed(2)
    return [torch.randn(2, 7, C, dtype=torch.double, generator=source, requires_grad=True) for C in (2, 2, 5)]


# Strips of one row, of uneven heights (3, 3, 1), and all rows at once.
@pytest.mark.parametrize("strip", [1, 2 * 3 * 7, 2**21])
def test_the_gradient_in_strips_is_the_numerical_one(strip, parts, monkeypatch):
    monkeypatch.setattr(kernels, "STRIP", strip)
    assert torch.autograd.gradcheck(kernels.AttentionInStrips.apply, parts)


# One lane of 7 rows; 7 lanes of one.
@pytest.mark.parametrize("threads", [2, 7])
@pytest.mark.parametrize("attend", [kernels.attend_in_strips, kernels.attend_by_kernel])
def test_both_forms_of_attention_equal_the_matrix_form(attend, threads, parts, monkeypatch):
    monkeypatch.setattr(kernels, "STRIP", 2 * 3 * 7)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    query, key, value = parts
    matrix_form = (query @ key.transpose(1, 2)).softmax(dim=-1) @ value
    torch.testing.assert_close(attend(*parts), matrix_form)
    direction = torch.randn(matrix_form.shape, dtype=torch.double, generator=torch.Generator().manual_seed(3))
    expected = torch.autograd.grad(matrix_form, parts, direction)
    torch.testing.assert_close(torch.autograd.grad(attend(*parts), parts, direction), expected)


@pytest.mark.parametrize(("C", "chosen"), [(16, "kernel"), (64, "kernel"), (65, "strips")])
def test_wide_maps_go_through_strips_on_a_cpu(C, chosen, monkeypatch):
    monkeypatch.setattr(kernels, "attend_in_strips", lambda *parts: "strips")
    monkeypatch.setattr(kernels, "attend_by_kernel", lambda *parts: "kernel")
    assert kernels.attend(torch.rand(1, 7, 2), torch.rand(1, 7, 2), torch.rand(1, 7, C)) == chosen


@pytest.mark.parametrize(("d", "C", "width"), [(1, 1, 8), (2, 5, 8), (3, 24, 24), (13, 100, 104), (9, 8, 16)])
def test_the_kernel_gets_one_multiple_of_8_and_may_not_store_the_matrix(d, C, width, monkeypatch):
    def kernel(query, key, value, scale):
        assert query.shape == key.shape == value.shape == (2, 1, 7, width)
        assert not torch.backends.cuda.math_sdp_enabled()
        assert torch.backends.cuda.flash_sdp_enabled()
        assert torch.backends.cuda.mem_efficient_sdp_enabled()
        assert torch.backends.cuda.cudnn_sdp_enabled()
        return value

    monkeypatch.setattr(F, "scaled_dot_product_attention", kernel)
    value = torch.rand(2, 7, C)
    assert torch.equal(kernels.attend_by_kernel(torch.rand(2, 7, d), torch.rand(2, 7, d), value), value)
    assert torch.backends.cuda.math_sdp_enabled()


@pytest.mark.parametrize("gamma_init", [None, "normal"])
def test_no_tensor_of_the_generator_is_on_the_wrong_device(gamma_init, fake_gpu):
    generator = UNetGenerator(base_channels=8, gamma_init=gamma_init)
    gray = torch.rand(2, 1, 256, 256)
    with fake_gpu:
        generator.to("cuda")
        assert generator(gray.to("cuda")).device.type == "cuda"
        assert render(generator, gray).device.type == "cpu"


def test_shapes_can_be_computed_without_values():
    """Lesson 08 reads the shapes of the paper's network from tensors on the device "meta"."""
    with torch.device("meta"):
        generator = UNetGenerator(gamma_init="normal", image_size=64, depth=6)
        assert generator(torch.empty(1, 1, 64, 64)).shape == (1, 3, 64, 64)


@pytest.mark.parametrize(("side", "folded"), [(1, True), (2, True), (3, False), (4, False)])
def test_both_forms_of_the_transposed_convolution_equal_pytorchs(side, folded, monkeypatch):
    layer, folds, fold = UpConvolution(48, 5).double(), [], F.fold
    monkeypatch.setattr(F, "fold", lambda *arguments, **options: folds.append(1) or fold(*arguments, **options))
    x = torch.rand(2, 48, side, side, dtype=torch.double, generator=source(), requires_grad=True)
    expected = F.conv_transpose2d(x, layer.weight, stride=2, padding=1)
    incoming = torch.rand(expected.shape, dtype=torch.double, generator=source(1))
    torch.testing.assert_close(layer(x), expected)
    for a, b in zip(*(torch.autograd.grad(y, (x, layer.weight), incoming) for y in (layer(x), expected))):
        torch.testing.assert_close(a, b)
    assert bool(folds) == folded


@pytest.mark.parametrize(
    ("side", "dtype", "unfolded"), [(2, "bfloat16", True), (8, "bfloat16", False), (2, "float32", False)]
)
def test_both_forms_of_the_convolution_equal_pytorchs(side, dtype, unfolded, monkeypatch):
    layer, unfolds, unfold = DownConvolution(24, 5), [], F.unfold
    monkeypatch.setattr(F, "unfold", lambda *arguments, **options: unfolds.append(1) or unfold(*arguments, **options))
    layer.to(getattr(torch, dtype))
    x = torch.rand(2, 24, side, side, generator=source()).to(layer.weight.dtype).requires_grad_()
    expected = F.conv2d(x.double(), layer.weight.double(), stride=2, padding=1)
    incoming = torch.rand(expected.shape, generator=source(1))
    rounding = dict.fromkeys(("rtol", "atol"), 2e-2 if dtype == "bfloat16" else 1e-5)
    torch.testing.assert_close(layer(x).double(), expected, **rounding)
    ours = torch.autograd.grad(layer(x), (x, layer.weight), incoming.to(layer.weight.dtype))
    for a, b in zip(ours, torch.autograd.grad(expected, (x, layer.weight), incoming.double())):
        torch.testing.assert_close(a, b, **rounding)
    assert bool(unfolds) == unfolded
