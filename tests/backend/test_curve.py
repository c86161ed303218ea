import math

import pytest
import torch

from hcegan_lib.attention import SelfAttention2d
from hcegan_lib.backend import curve, kernels
from hcegan_lib.backend.curve import attend_by_curve, count_nodes

N = 4096


def uniform(size, source):
    return torch.rand(size, generator=source) * 2 - 1


def two_valued(size, source):
    """Draw -1 and 1, the hardest case for a polynomial."""
    return torch.rand(size, generator=source).round() * 2 - 1


def parts(scores, draw=uniform, positions=N):
    """Query, key and value of two images; scores from `-scores` to `scores`, in the second image half as large."""
    source = torch.Generator().manual_seed(0)
    x, size = uniform((2, positions, 1), source), torch.tensor([scores, scores / 2]).view(2, 1, 1)
    key = draw((2, positions, 1), source)
    return [part.requires_grad_() for part in (size * x, key, 0.3 * key + 0.1 * x - 2)]


def with_gradients(function, parts, direction):
    """Output of `function` and the gradients of all its arguments, in double precision."""
    o = function(*parts)
    return [x.detach().double() for x in (o, *torch.autograd.grad(o, parts, direction.to(o.dtype)))]


def doubled(parts):
    return [part.detach().double().requires_grad_() for part in parts]


def direction(positions=N):
    return torch.randn(2, positions, 1, generator=torch.Generator().manual_seed(1))


def by_curve(query, key, value):
    return attend_by_curve(query, key, value, count_nodes(query, key))


def assert_equal_to_the_largest(ours, expected, share):
    for name, a, b in zip(("o", "query", "key", "value"), ours, expected, strict=True):
        assert (a - b).abs().max() <= share * b.abs().max(), name


@pytest.mark.parametrize(("scores", "draw"), [(0.3, uniform), (4, two_valued), (30, uniform)])
def test_values_and_gradients_are_those_of_the_matrix_form(scores, draw):
    p = parts(scores, draw)
    expected = with_gradients(curve.attention, doubled(p), direction())
    assert_equal_to_the_largest(with_gradients(by_curve, p, direction()), expected, 1e-6)


def test_values_and_gradients_at_65536_positions_are_those_in_strips():
    p, some = parts(2, positions=2**16), slice(None, None, 512)  # every 512th position looks at all positions
    d_o = torch.zeros(2, 2**16, 1)
    d_o[:, some] = direction(2**7)
    ours = with_gradients(by_curve, p, d_o)
    query, key, value = doubled(p)
    strips = with_gradients(kernels.AttentionInStrips.apply, [query[:, some], key, value], direction(2**7))
    assert_equal_to_the_largest([ours[0][:, some], ours[1][:, some], *ours[2:]], strips, 1e-6)
    assert_equal_to_the_largest(with_gradients(kernels.attend, p, d_o), ours, 0)


@pytest.mark.parametrize("same", ["query", "key", "query and key"])
def test_constant_images_have_the_right_gradients_too(same):
    p = parts(1, positions=512)
    for part, name in zip(p, ("query", "key", "value")):
        if name in same:
            part.data = torch.full_like(part, 0.7)
    expected = with_gradients(curve.attention, doubled(p), direction(512))
    largest = max(x.abs().max() for x in expected[1:])  # some of the gradients are zero
    for a, b in zip(with_gradients(by_curve, p, direction(512)), expected):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6 * largest.item())


def test_bfloat16_comes_back_as_bfloat16_and_is_computed_precisely():
    p = [part.detach().bfloat16().requires_grad_() for part in parts(4, positions=512)]
    expected = with_gradients(curve.attention, doubled(p), direction(512).bfloat16())
    assert by_curve(*p).dtype == torch.bfloat16
    assert_equal_to_the_largest(with_gradients(by_curve, p, direction(512)), expected, 2**-8)


def test_a_constant_photograph_can_be_attended_to_under_bfloat16_autocast():
    layer = SelfAttention2d(1, "normal", generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(torch.full((2, 1, 16, 16), 0.3))
    y.sum().backward()
    expected = 0.3 * (1 + layer.gamma * layer.h.weight.flatten())
    torch.testing.assert_close(y, expected.view(1, 1, 1, 1).expand_as(y), rtol=1e-2, atol=1e-2)
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_the_gradient_is_the_numerical_one_whatever_the_number_of_parts(monkeypatch):
    monkeypatch.setattr(curve, "PART", 2 * 7 * 3)
    p = doubled(parts(1, positions=7))
    assert torch.autograd.gradcheck(lambda *p: attend_by_curve(*p, 40), p)


@pytest.mark.parametrize("scores", [0.5, 4, 20])
def test_the_number_of_nodes_is_enough_and_half_of_them_would_not_be(scores):
    x = torch.linspace(-1, 1, 500, dtype=torch.double).view(1, -1, 1)
    p = scores * x, x.sign(), x.sign()  # o = tanh(query)
    nodes = count_nodes(*p[:2])
    errors = [(attend_by_curve(*p, n) - p[0].tanh()).abs().max() for n in (nodes, nodes // 2)]
    assert errors[0] < curve.TOLERANCE < errors[1]


@pytest.mark.parametrize(
    ("scores", "chosen"), [(1, True), (5, True), (40, False), (math.inf, False), (math.nan, False)]
)
def test_attention_is_a_curve_if_few_nodes_are_enough(scores, chosen, monkeypatch):
    p = parts(1, positions=2048)
    p[0].data[0, 0] = scores
    monkeypatch.setattr(kernels, "attend_by_curve", lambda *p: "curve")
    monkeypatch.setattr(kernels, "attend_by_kernel", lambda *p: "kernel")
    assert kernels.attend(*p) == ("curve" if chosen else "kernel")


@pytest.mark.parametrize(("d", "C"), [(1, 8), (2, 1)])
def test_more_than_one_channel_is_never_a_curve(d, C, monkeypatch):
    monkeypatch.setattr(kernels, "attend_by_curve", lambda *p: pytest.fail("a curve"))
    kernels.attend(torch.zeros(1, 512, d), torch.zeros(1, 512, d), torch.zeros(1, 512, C))
