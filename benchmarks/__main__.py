"""Our code against a plain reference beside it: same process, same inputs, median of several runs.

A ratio is worth more than a time: the next machine has other times, and much the same ratios.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable

os.environ["KINETO_LOG_LEVEL"] = "99"  # before torch: its profiler would report each start and end

import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.profiler import ProfilerActivity, profile

from hcegan_lib import data, metrics
from hcegan_lib.attention import SelfAttention2d, positions

RUNS = 9


def seconds(*functions: Callable) -> list[float]:
    """Median time of each function; they take turns, so that a busy moment of the machine meets all of them."""
    times = [[] for _ in functions]
    for _ in range(RUNS + 1):
        for function, taken in zip(functions, times):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken[1:]) for taken in times]  # the first round warms up


def peak_bytes(function: Callable) -> int:
    """Most memory of tensors that one call holds at a time, beyond what was there before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        function()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()  # below 0 where memory is given back
        peak = max(peak, held)
    return peak


def metrics_against_scikit_image() -> tuple[str, str, float, float]:
    """Score a batch of 32 photographs at 256 px with both measures, or each photograph with scikit-image."""
    _, color = data.load("mini", 256).train.batch(range(32))
    noise = 0.05 * torch.randn(color.shape, generator=torch.Generator().manual_seed(0))
    images = (color + noise).clamp(0, 1)
    pairs = list(zip(color.numpy(), images.numpy()))

    def ours() -> None:
        metrics.psnr(images, color)
        metrics.ssim(images, color)

    def reference() -> None:
        for target, image in pairs:
            peak_signal_noise_ratio(target, image, data_range=1)
            structural_similarity(
                target,
                image,
                channel_axis=0,
                data_range=1,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
            )

    name = "PSNR and SSIM, 32 photographs at 256 px, against scikit-image in a loop"
    return name, "ms", *(1e3 * time for time in seconds(ours, reference))


def attention_forms(N: int, C: int) -> tuple[Callable, Callable]:
    """Give one forward and backward pass of attention, ours, and with the N x N matrix of Eq. (12) written out."""
    source = torch.Generator().manual_seed(0)
    attention = SelfAttention2d(C, "normal", generator=source)
    side = round(N**0.5)
    x = torch.randn(1, C, side, side, generator=source, requires_grad=True)

    def backward(y: torch.Tensor) -> None:
        attention.zero_grad()
        x.grad = None
        y.square().sum().backward()

    def ours() -> None:
        backward(attention(x))

    def naive() -> None:
        o = attention.attention(x) @ positions(attention.h(x))  # (1, N, C)
        backward(attention.gamma.view(1, C, 1, 1) * o.transpose(1, 2).reshape(x.shape) + x)

    return ours, naive


def memory_of_attention() -> tuple[str, str, float, float]:
    """Hold as few numbers as possible at a time: N = 16384 is a map of 128 x 128, level 1 of the paper's encoder."""
    name = "attention forward and backward, N = 16384, C = 64: peak extra memory"
    return name, "MB", *(peak_bytes(form) / 1e6 for form in attention_forms(16384, 64))


def time_of_attention() -> tuple[str, str, float, float]:
    """N = 4096 is a map of 64 x 64, level 2 of the paper's encoder."""
    name = "attention forward and backward, N = 4096, C = 128: time"
    return name, "ms", *(1e3 * time for time in seconds(*attention_forms(4096, 128)))


def main() -> None:
    """Print one table."""
    print(f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads, medians of {RUNS} runs")
    print(f"{'what':75}  {'ours':>8}  {'reference':>9}  {'ratio':>5}")
    for benchmark in (metrics_against_scikit_image, memory_of_attention, time_of_attention):
        name, unit, ours, reference = benchmark()
        print(f"{name:75}  {ours:5.0f} {unit}  {reference:6.0f} {unit}  {reference / ours:5.1f}")


if __name__ == "__main__":
    main()
