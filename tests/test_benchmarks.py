"""What the benchmarks compare, and what they write; no test asserts a time."""

import pytest
import torch
from torch import nn

from benchmarks import __main__ as benchmarks
from benchmarks.plain import plain_step, textbook
from hcegan_lib import train
from hcegan_lib.backend import kernels
from hcegan_lib.backend.kernels import DownConvolution, UpConvolution
from hcegan_lib.models import UNetGenerator


def source():
    return torch.Generator().manual_seed(0)


def test_the_plain_loop_has_pytorchs_own_layers_with_the_same_weights():
    ours, plain = (UNetGenerator(base_channels=8, depth=5, image_size=32, generator=source()) for _ in "ab")
    textbook(plain)
    for kind, theirs, count in ((DownConvolution, nn.Conv2d, 5), (UpConvolution, nn.ConvTranspose2d, 4)):
        assert sum(type(layer) is kind for layer in ours.modules()) == count
        assert not any(isinstance(layer, kind) for layer in plain.modules())
        assert sum(type(layer) is theirs for layer in plain.modules()) >= count
    gray = torch.rand(2, 1, 32, 32, generator=source())
    torch.testing.assert_close(ours(gray), plain(gray))


def step_rows(pix2pix, attending):
    """Rows of both kinds of step; the times are in milliseconds, by precision."""
    return [
        *(benchmarks.Row(f"training step, 256 px, {name}; a loop", "ms", ms, 900) for name, ms in pix2pix.items()),
        *(benchmarks.Row(f"training step of SA', 256 px, {name}; so", "ms", ms, 900) for name, ms in attending.items()),
    ]


def test_the_papers_grid_is_counted_from_its_photographs_and_its_models():
    told = benchmarks.paper_grid(
        step_rows({"bfloat16": 100, "float32": 250}, {"bfloat16": 500, "float32": 2000})  # paper.yaml sets float32
    )
    steps = (800 + 6 * 500) * 200  # photographs, epochs
    assert f"{8 * steps / 1e6:.1f} million steps" in told
    assert "7 of 8 models" in told
    assert f"{steps * (0.25 + 7 * 2) / 3600:,.0f} hours" in told


def test_the_peak_of_memory_counts_what_is_held_at_a_time():
    def two_in_a_row():
        for _ in range(2):
            torch.ones(1_000_000)

    def two_at_a_time():
        return torch.ones(1_000_000), torch.ones(1_000_000)

    assert 4e6 <= benchmarks.peak_bytes(two_in_a_row, "cpu") < 8e6
    assert benchmarks.peak_bytes(two_at_a_time, "cpu") >= 8e6


def test_the_table_says_what_each_ratio_means():
    rows = [benchmarks.Row("a step; a loop", "ms", 20, 40), benchmarks.Row("  its peak", "Gop/s", 50, 200, peak=True)]
    rows += step_rows({"float32": 1}, {"float32": 2})
    table = benchmarks.render_results(rows, "cpu")
    assert "| a step; a loop | 20 ms | 40 ms | 2.00 |" in table
    assert "| &nbsp;&nbsp;its peak | 50 Gop/s | 200 Gop/s | 0.25 |" in table


TINY = train.TrainConfig(image_size=32, base_channels=2, depth=5, batch_size=2, precision="float32")


def test_the_tuned_plain_loop_has_the_losses_of_the_plain_one():
    pair = torch.rand(2, 1, 32, 32, generator=source()), torch.rand(2, 3, 32, 32, generator=source())
    options = ({}, {"tuned": True}, {"tuned": True, "precision": "bfloat16"})
    plain, tuned, half = (plain_step(*train.build(TINY), **choice) for choice in options)
    for _ in range(5):
        expected = plain(*pair)
        assert tuned(*pair) == pytest.approx(expected, rel=1e-4)
        assert half(*pair) == pytest.approx(expected, rel=3e-2)


def test_each_step_is_compared_with_the_plain_loop_and_with_the_tuned_one_in_its_own_format(monkeypatch):
    for size in ("TOUR", "LARGE"):
        monkeypatch.setattr(benchmarks, size, TINY)
    monkeypatch.setattr(benchmarks, "seconds", lambda *turns, **options: range(1, len(turns) + 1))
    rows = [row for row in benchmarks.steps_against_the_plain_loop("cpu") if not row.peak]
    assert [row.what.partition("batch 2, ")[2] for row in rows[:4]] == [
        "float32; plain loop, float32",
        "float32; plain loop, fused Adam, frozen D, float32",
        "bfloat16; plain loop, float32",
        "bfloat16; plain loop, fused Adam, frozen D, bfloat16",
    ]
    assert [row.reference / row.ours for row in rows[:4]] == [1 / 2, 3 / 2, 1 / 4, 5 / 4]


def test_without_the_curve_one_channel_goes_to_the_kernel(monkeypatch):
    monkeypatch.setattr(kernels, "attend_by_curve", lambda *parts: "curve")
    monkeypatch.setattr(kernels, "attend_by_kernel", lambda *parts: "kernel")
    x, seen = torch.rand(1, 1024, 1), []
    benchmarks.without_the_curve(lambda x: seen.append(kernels.attend(x, x, x)), x)
    assert [*seen, kernels.attend(x, x, x)] == ["kernel", "curve"]
