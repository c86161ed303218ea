import math

import pytest
import torch

from hcegan_lib.attention import SelfAttention2d


@pytest.fixture
def x():
    return torch.randn(2, 16, 4, 5, generator=torch.Generator().manual_seed(0))


def module(gamma_init="normal", channels=16, **options):
    return SelfAttention2d(channels, gamma_init, generator=torch.Generator().manual_seed(1), **options)


def by_loop(attention, x):
    """Compute Eq. (12) and (13) with Python loops over positions, one number at a time."""
    B, C, H, W = x.shape
    Wf, Wg, Wh = (layer.weight[:, :, 0, 0].double() for layer in (attention.f, attention.g, attention.h))
    beta, y = torch.zeros(B, H * W, H * W, dtype=torch.double), torch.zeros(B, C, H * W, dtype=torch.double)
    for b in range(B):
        pixels = [x[b, :, n // W, n % W].double() for n in range(H * W)]
        for j, xj in enumerate(pixels):
            scores = [math.exp(float((Wf @ xi) @ (Wg @ xj))) for xi in pixels]
            o = torch.zeros(C, dtype=torch.double)
            for i, xi in enumerate(pixels):
                beta[b, j, i] = scores[i] / sum(scores)
                o += beta[b, j, i] * (Wh @ xi)
            y[b, :, j] = attention.gamma.double() * o + xj
    return beta, y.view(B, C, H, W)


@pytest.mark.parametrize("gamma_init", ["normal", "uniform", "zero"])
def test_it_is_a_plain_loop_over_equations_12_and_13(gamma_init, x):
    attention = module(gamma_init)
    with torch.no_grad():
        beta, y = by_loop(attention, x)
        torch.testing.assert_close(attention(x).double(), y, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(attention.attention(x).double(), beta, rtol=1e-5, atol=1e-7)


def test_row_j_of_the_map_sums_to_one_over_i(x):
    beta = module().attention(x)
    assert beta.shape == (2, 20, 20)
    torch.testing.assert_close(beta.sum(dim=2), torch.ones(2, 20))
    assert not torch.allclose(beta.sum(dim=1), torch.ones(2, 20), atol=1e-3)


def test_it_is_the_identity_at_gamma_zero(x):
    assert torch.equal(module("zero")(x), x)


@pytest.mark.parametrize("gamma_init", ["zero", "normal", "uniform"])
def test_f_g_and_h_learn_at_step_0_exactly_when_gamma_is_not_zero(gamma_init, x):
    attention = module(gamma_init)
    attention(x).square().sum().backward()
    norms = [layer.weight.grad.norm().item() for layer in (attention.f, attention.g, attention.h)]
    assert attention.gamma.grad.norm() > 0
    if gamma_init == "zero":
        assert norms == [0, 0, 0]
    else:
        assert min(norms) > 0


def test_gamma_starts_at_zero_normal_or_uniform_draws():
    assert torch.equal(module("zero", 4096).gamma, torch.zeros(4096))
    normal, uniform = module("normal", 4096).gamma.detach(), module("uniform", 4096).gamma.detach()
    assert abs(normal.mean()) < 0.1
    assert normal.std() == pytest.approx(1, abs=0.1)
    assert uniform.min() >= 0
    assert uniform.max() <= 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.05)


def test_the_same_generator_gives_the_same_module():
    for a, b in zip(module().parameters(), module().parameters()):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("channels", "inner"), [(1, 1), (4, 1), (8, 1), (64, 8)])
def test_f_and_g_are_eight_times_narrower_and_never_empty(channels, inner):
    attention = module(channels=channels)
    assert attention.f.weight.shape == attention.g.weight.shape == (inner, channels, 1, 1)
    assert attention.h.weight.shape == (channels, channels, 1, 1)
    assert attention(torch.randn(1, channels, 3, 3)).shape == (1, channels, 3, 3)


def largest_allocation(run):
    """Bytes that the hungriest single operation of `run` asks for."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    return max(event.self_cpu_memory_usage for event in profile.events())


def test_it_can_be_built_on_the_meta_device():
    with torch.device("meta"):
        assert SelfAttention2d(8, "normal").gamma.device.type == "meta"


def test_forward_and_backward_never_build_an_n_by_n_matrix():
    matrix, x = 4 * (80 * 80) ** 2, torch.randn(1, 16, 80, 80, requires_grad=True)
    attention = module()
    assert largest_allocation(lambda: attention(x).sum().backward()) < matrix / 8
    assert largest_allocation(lambda: attention.attention(x)) >= matrix  # the probe sees such a matrix where it is


def test_an_unknown_start_is_refused_with_the_names_that_exist():
    with pytest.raises(ValueError, match="zero, normal, uniform, got 'ones'"):
        SelfAttention2d(8, "ones")


@pytest.mark.parametrize("options", [{"channels": 0}, {"channels": 8, "reduction": 0}])
def test_sizes_below_one_are_refused(options):
    with pytest.raises(ValueError, match="at least 1"):
        SelfAttention2d(**options)
