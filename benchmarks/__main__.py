"""Our code against a plain reference beside it: same process, same inputs, median of several runs.

A ratio is worth more than a time: the next machine has other times, and much the same ratios.
"""

import platform
import statistics
import time
from collections.abc import Callable

import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from hcegan_lib import data, metrics

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


def metrics_against_scikit_image() -> tuple[str, float, float]:
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

    return "PSNR and SSIM, 32 photographs at 256 px, against scikit-image in a loop", *seconds(ours, reference)


def main() -> None:
    """Print one table."""
    print(f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads, medians of {RUNS} runs")
    print(f"{'what':75}  {'ours':>8}  {'reference':>9}  {'ratio':>5}")
    for benchmark in (metrics_against_scikit_image,):
        name, ours, reference = benchmark()
        print(f"{name:75}  {1e3 * ours:5.0f} ms  {1e3 * reference:6.0f} ms  {reference / ours:5.1f}")


if __name__ == "__main__":
    main()
