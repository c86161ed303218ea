from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from hcegan_lib.attention import SelfAttention2d
from hcegan_lib.color import luma
from hcegan_lib.models import (
    PatchDiscriminator,
    UNetGenerator,
    color_photo,
    count_parameters,
    receptive_box,
    receptive_field,
    render,
)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def small(**options):
    settings = {"base_channels": 8, "depth": 4, "image_size": 32, "generator": source()} | options
    return UNetGenerator(**settings)


def test_the_generator_has_the_size_of_pix2pix():
    # Counted by hand from the layers of Isola et al. 2017, with 1 gray channel in: kernels of 4 x 4, no biases but the
    # last layer's, and two values a channel for each batch norm.
    down = [1, 64, 128, 256, 512, 512, 512, 512, 512]
    up = [(512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 3)]
    kernels = sum(16 * a * b for a, b in [*pairwise(down), *up])
    norms = 2 * sum(down[2:-1]) + 2 * sum(b for _, b in up[:-1])
    assert count_parameters(UNetGenerator()) == kernels + norms + 3
    assert count_parameters(UNetGenerator()) == pytest.approx(54.4e6, rel=0.01)


def test_the_discriminator_has_the_size_of_pix2pix():
    kernels = 16 * (4 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1)
    assert count_parameters(PatchDiscriminator()) == kernels + 64 + 1 + 2 * (128 + 256 + 512)
    assert count_parameters(PatchDiscriminator()) == pytest.approx(2.8e6, rel=0.02)


ENCODER_SHAPES = [(64, 128), (128, 64), (256, 32), (512, 16), (512, 8), (512, 4), (512, 2), (512, 1)]
DECODER_SHAPES = [(512, 2), (512, 4), (512, 8), (512, 16), (256, 32), (128, 64), (64, 128), (3, 256)]


def test_every_layer_of_the_generator_has_the_shape_of_the_paper():
    generator, seen = UNetGenerator(), {}
    for part in ("encoder", "decoder"):
        for level, layer in enumerate(getattr(generator, part)):
            layer.register_forward_hook(lambda _m, _i, out, key=(part, level): seen.update({key: tuple(out.shape)}))
    with torch.no_grad():
        out = generator(torch.rand(1, 1, 256, 256))
    assert out.shape == (1, 3, 256, 256)
    for part, shapes in (("encoder", ENCODER_SHAPES), ("decoder", DECODER_SHAPES)):
        for level, (channels, side) in enumerate(shapes):
            assert seen[part, level] == (1, channels, side, side), (part, level)


def test_the_discriminator_scores_30_by_30_patches():
    with torch.no_grad():
        assert PatchDiscriminator()(torch.rand(2, 4, 256, 256)).shape == (2, 1, 30, 30)


def test_one_score_sees_exactly_70_by_70_pixels():
    discriminator = PatchDiscriminator(base_channels=4, generator=source()).eval()
    assert receptive_field(discriminator) == 70
    pairs = torch.rand(1, 4, 256, 256, requires_grad=True)
    discriminator(pairs)[0, 0, 15, 15].backward()
    touched = pairs.grad.abs().sum(dim=(0, 1)) > 0
    assert touched.any(dim=1).sum() == 70
    assert touched.any(dim=0).sum() == 70


def test_a_network_without_convolutions_has_no_receptive_field():
    with pytest.raises(ValueError, match="Conv2d"):
        receptive_field(nn.Linear(2, 2))


def test_outputs_stay_in_the_unit_range():
    out = small()(torch.rand(2, 1, 32, 32))
    assert 0 <= out.min() < out.max() <= 1


def test_attention_precedes_every_encoder_convolution():
    generator = UNetGenerator(base_channels=8, gamma_init="zero")
    channels = [layer.gamma.numel() for layer in generator.attention]
    assert channels == [1, 8, 16, 32, 64, 64, 64, 64]


@pytest.mark.parametrize(("limit", "levels"), [(None, [0, 1, 2, 3]), (256, [1, 2, 3]), (64, [2, 3]), (0, [])])
def test_attention_is_left_out_where_the_map_has_more_positions(limit, levels):
    generator = small(gamma_init="normal", attend_max_positions=limit)
    assert [i for i, layer in enumerate(generator.attention) if isinstance(layer, SelfAttention2d)] == levels


def test_attention_with_zero_gain_does_not_change_the_generator():
    gray = torch.rand(2, 1, 32, 32)
    plain, attending = small().eval(), small(gamma_init="zero").eval()
    torch.testing.assert_close(attending(gray), plain(gray))


def test_a_seed_gives_the_same_convolutions_with_and_without_attention():
    plain, attending = small().state_dict(), small(gamma_init="normal").state_dict()
    for name, value in plain.items():
        assert torch.equal(value, attending[name]), name


@pytest.mark.parametrize("gamma_init", ["normal", "uniform"])
def test_with_one_seed_the_three_starts_of_attention_differ_in_gamma_alone(gamma_init):
    zero, drawn = small(gamma_init="zero").state_dict(), small(gamma_init=gamma_init).state_dict()
    different = [name for name, value in zero.items() if not torch.equal(value, drawn[name])]
    assert different == [name for name in zero if name.endswith("gamma")]
    assert len(different) == len({tuple(drawn[name].tolist()) for name in different}) > 1


def test_initial_weights_are_drawn_as_in_pix2pix():
    generator = UNetGenerator(generator=source())
    kernel = generator.encoder[4][1].weight
    assert kernel.mean().item() == pytest.approx(0, abs=1e-4)
    assert kernel.std().item() == pytest.approx(0.02, rel=0.01)
    assert generator.encoder[4][2].weight.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(generator.decoder[-1][1].bias, torch.zeros(3))


def test_dropout_is_where_pix2pix_has_it():
    drops = [any(isinstance(part, nn.Dropout) for part in layer) for layer in UNetGenerator(base_channels=2).decoder]
    assert drops == [False, True, True, True, False, False, False, False]


def test_skip_connections_carry_detail_past_the_bottleneck():
    generator, source_a, source_b = small().eval(), torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32)
    generator.encoder[-1].register_forward_hook(lambda _m, _i, out: torch.zeros_like(out))
    assert (generator(source_a) - generator(source_b)).abs().max() > 1e-4  # nothing else can tell them apart


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 1}, "depth must be at least 2"),
        ({"image_size": 40, "depth": 4}, "multiple of 2 \\*\\* depth = 16, got 40"),
        ({"gamma_init": "ones"}, "gamma_init must be one of"),
        ({"head": "lab"}, "head must be one of rgb, luma, got 'lab'"),
        ({"base_channels": 0}, "base_channels must be at least 1, got 0"),
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"out_channels": 0}, "out_channels must be at least 1, got 0"),
    ],
)
def test_settings_that_cannot_be_built_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


@pytest.mark.parametrize("name", ["in_channels", "base_channels"])
def test_a_discriminator_without_channels_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        PatchDiscriminator(**{name: 0})


@pytest.mark.parametrize("shape", [(0, 1, 32, 32), (1, 0, 32, 32), (1, 32, 32)])
def test_the_generator_refuses_a_batch_without_photographs_or_channels(shape):
    with pytest.raises(ValueError, match=r"gray must have shape \(B, 1, H, W\) with B at least 1, got \("):
        small()(torch.rand(shape))


@pytest.mark.parametrize(
    ("gray", "message"),
    [
        (torch.rand(2, 1, 32, 32).double(), "gray must be float32 .* got torch.float64"),
        (torch.full((2, 1, 32, 32), 200, dtype=torch.uint8), "gray must be float32 .* got torch.uint8"),
        (torch.rand(2, 3, 32, 32), r"gray must be float32 of shape \(N, 1, H, W\), got .*\(2, 3, 32, 32\)"),
        (torch.rand(2, 32, 32), r"got torch.float32, \(2, 32, 32\)"),
        (torch.rand(0, 1, 32, 32), "gray must contain at least one photograph"),
        (torch.full((2, 1, 32, 32), 200.0), r"gray must be in \[0, 1\], got values from 200 to 200"),
        (torch.full((2, 1, 32, 32), -0.5), r"gray must be in \[0, 1\], got values from -0.5"),
        (torch.full((2, 1, 32, 32), torch.nan), "got values from nan"),
    ],
)
def test_render_refuses_what_is_not_a_batch_of_gray_photographs(gray, message):
    with pytest.raises(ValueError, match=message):
        render(small(), gray)


def test_the_luma_head_keeps_the_luma_and_can_still_color():
    generator, gray = small(head="luma").eval(), torch.rand(2, 1, 32, 32)
    nn.init.normal_(generator.decoder[-1][1].weight, 0, 2.0, generator=source())  # vivid, as if trained
    colors = render(generator, gray)
    assert colors.shape == (2, 3, 32, 32)
    assert 0 <= colors.min() < colors.max() <= 1
    assert (luma(colors) - gray).abs().max() < 1e-6
    assert (colors - gray).abs().mean() > 0.05


def test_the_luma_head_has_two_channels_in_the_last_layer_and_is_else_the_same_network():
    rgb, kept = small(gamma_init="zero").state_dict(), small(gamma_init="zero", head="luma").state_dict()
    assert list(rgb) == list(kept)
    assert [name for name in rgb if rgb[name].shape != kept[name].shape] == ["decoder.3.1.weight", "decoder.3.1.bias"]
    assert kept["decoder.3.1.weight"].shape == (16, 2, 4, 4)
    for name in [name for name in rgb if not name.startswith(("decoder.3", "attention"))]:
        assert torch.equal(rgb[name], kept[name]), name


def test_the_rgb_head_is_the_default_and_starts_with_the_same_draws_as_ever():
    plain, named = small(), small(head="rgb")
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), named.state_dict().values()))
    total = sum(value.double().abs().sum().item() for value in plain.state_dict().values())
    assert total == pytest.approx(1761.18447192, rel=1e-9)  # before there were heads


@pytest.mark.parametrize("head", ["rgb", "luma"])
def test_a_photograph_of_any_shape_is_colored_with_either_head(head):
    photo = Image.radial_gradient("L").resize((90, 61)).convert("RGB")
    colored = color_photo(small(head=head), photo, 32)
    assert colored.size == (47, 32)
    if head == "luma":
        small_gray = photo.resize((47, 32), Image.Resampling.LANCZOS).convert("L")
        difference = np.asarray(colored.convert("L"), int) - np.asarray(small_gray, int)
        assert np.abs(difference).max() <= 1


def test_a_photograph_that_does_not_halve_evenly_is_refused_with_its_size():
    with pytest.raises(ValueError, match="multiples of 16, got 40 and 32"):
        small()(torch.rand(1, 1, 40, 32))


def test_several_batches_at_once_have_the_scores_and_gradients_of_separate_calls():
    together, apart = (PatchDiscriminator(base_channels=4, generator=torch.Generator().manual_seed(0)) for _ in "ab")
    batches = [scale * torch.rand(2, 4, 32, 32, generator=torch.Generator().manual_seed(scale)) for scale in (1, 3)]
    ours, theirs = together(*batches), tuple(apart(batch) for batch in batches)
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b)
    for logits in (ours, theirs):
        (logits[0].square().sum() - logits[1].sum()).backward()
    for a, b in zip(together.parameters(), apart.parameters()):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5)
    for (name, a), b in zip(together.state_dict().items(), apart.state_dict().values()):
        torch.testing.assert_close(a, b, msg=name)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 5), (3, 2), (5, 5)])
def test_the_receptive_box_is_exactly_where_the_gradient_is_nonzero(row, column):
    size = 64
    network = PatchDiscriminator(base_channels=1, generator=torch.Generator().manual_seed(0)).eval()
    pair = torch.rand(1, 4, size, size, requires_grad=True)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)  # positive weights, so no two paths cancel
    network(pair)[0, 0, row, column].backward()
    touched = torch.nonzero(pair.grad[0].abs().sum(0))
    top, left, side = receptive_box(network, row, column)
    assert side == receptive_field(network) == 70
    assert touched.min(0).values.tolist() == [max(top, 0), max(left, 0)]
    assert touched.max(0).values.tolist() == [min(top + side, size) - 1, min(left + side, size) - 1]
