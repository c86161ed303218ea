"""What the benchmarks compare, and what they write; no test asserts a time."""

import torch
from torch import nn

from benchmarks import __main__ as benchmarks
from benchmarks.plain import textbook
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


def test_the_papers_grid_is_counted_from_its_photographs():
    rows = [benchmarks.Row(f"training step, 256 px, {step} ms", "ms", step, 900) for step in (500, 250)]
    steps = 8 * (800 + 6 * 500) * 200  # models, photographs, epochs
    assert f"{steps / 1e6:.1f} million steps" in benchmarks.paper_grid(rows)
    assert f"{steps * 0.25 / 3600:,.0f} hours" in benchmarks.paper_grid(rows)


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
    rows.append(benchmarks.Row("training step, 256 px", "ms", 1, 2))
    table = benchmarks.render_results(rows, "cpu")
    assert "| a step; a loop | 20 ms | 40 ms | 2.00 |" in table
    assert "| &nbsp;&nbsp;its peak | 50 Gop/s | 200 Gop/s | 0.25 |" in table
