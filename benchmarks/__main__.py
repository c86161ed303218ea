"""Compare our code with a plain reference: same process, same inputs, median of several runs.

Ratios carry over to other machines better than times do.
"""

import argparse
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

os.environ["KINETO_LOG_LEVEL"] = "99"  # before torch, whose profiler would report each start and end

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from PIL import Image, ImageOps
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from benchmarks.plain import plain_step
from hcegan_lib import course, data, metrics, paper, sources, train
from hcegan_lib.attention import SelfAttention2d, positions
from hcegan_lib.backend import kernels
from hcegan_lib.backend.kernels import UpConvolution, attend_by_kernel, attend_in_strips
from hcegan_lib.backend.parallel import find_device
from hcegan_lib.experiment.records import git_commit
from hcegan_lib.losses import LOSSES

RESULTS = Path(__file__).parent
TOUR = train.PROFILES["tour"]
LARGE = train.TrainConfig()  # the paper's size: 256 px, 64 channels, batch 1


@dataclass(frozen=True)
class Row:
    """One line of the table: our time or memory, the reference's, and their ratio."""

    what: str
    unit: str
    ours: float
    reference: float
    peak: bool = False  # the reference is the machine's peak, not another implementation

    @property
    def ratio(self) -> float:
        return self.ours / self.reference if self.peak else self.reference / self.ours


def seconds(*functions: Callable, device: str = "cpu", runs: int = 9) -> list[float]:
    """Median time of each function. They take turns, so that a busy moment of the machine affects all of them."""
    times = [[] for _ in functions]
    for _ in range(runs + 1):
        for function, taken in zip(functions, times):
            start = time.perf_counter()
            function()
            if device == "cuda":
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken[1:]) for taken in times]  # the first round warms up


def peak_bytes(function: Callable, device: str) -> int:
    """Peak memory of tensors during one call, beyond what was allocated before."""
    function()  # the first call also allocates what all later calls share
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        function()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()  # negative when memory is freed
        peak = max(peak, held)
    return peak


# --- metrics, attention -----------------------------------------------------------------------------------------------


def metrics_against_scikit_image(device: str) -> Iterator[Row]:
    """Score 32 photographs at 256 px with both metrics, as one batch or one by one with scikit-image."""
    _, color = data.load("mini", 256).train.batch(range(32))
    noise = 0.05 * torch.randn(color.shape, generator=torch.Generator().manual_seed(0))
    images = (color + noise).clamp(0, 1)
    pairs = list(zip(color.numpy(), images.numpy()))
    images_there, color_there = images.to(device), color.to(device)

    def ours() -> None:
        metrics.psnr(images_there, color_there)
        metrics.ssim(images_there, color_there)

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

    name = "PSNR and SSIM of 32 photographs at 256 px; scikit-image in a loop"
    yield Row(name, "ms", *(1e3 * time for time in seconds(ours, reference, device=device)))


def attention_forms(N: int, C: int, device: str) -> tuple[Callable, ...]:
    """Forward and backward pass of attention: ours, with the matrix of Eq. (12), PyTorch's kernel, in strips."""
    source = torch.Generator().manual_seed(0)
    attention = SelfAttention2d(C, "normal", generator=source).to(device)
    side = round(N**0.5)
    x = torch.randn(1, C, side, side, generator=source).to(device).requires_grad_()

    def backward(y: torch.Tensor) -> None:
        attention.zero_grad()
        x.grad = None
        y.square().sum().backward()

    def ours() -> None:
        backward(attention(x))

    def finish(o: torch.Tensor) -> None:
        backward(attention.gamma.view(1, C, 1, 1) * o.transpose(1, 2).reshape(x.shape) + x)

    def naive() -> None:
        finish(attention.attention(x) @ positions(attention.h(x)))

    def attending(attend: Callable) -> None:
        finish(attend(*(positions(part(x)) for part in (attention.g, attention.f, attention.h))))

    return ours, naive, partial(attending, attend_by_kernel), partial(attending, attend_in_strips)


def attention_against_the_whole_matrix(device: str) -> Iterator[Row]:
    """Maps of 128 x 128 and 64 x 64 positions: levels 1 and 2 of the paper's encoder."""
    name = "attention, forward and backward, N = 16384, C = 64: peak extra memory; N x N matrix"
    yield Row(name, "MB", *(peak_bytes(form, device) / 1e6 for form in attention_forms(16384, 64, device)[:2]))
    for C in (32, 128):
        ours, *others = (1e3 * time for time in seconds(*attention_forms(4096, C, device), device=device))
        for other, time_of_other in zip(("N x N matrix", "PyTorch's kernel, padded", "in strips"), others):
            yield Row(f"attention, forward and backward, N = 4096, C = {C}: time; {other}", "ms", ours, time_of_other)


def curve_against_the_other_forms(device: str) -> Iterator[Row]:
    """Level 0 of the paper's encoder, one channel of 256 x 256 positions: a curve, or the form of the other levels."""
    ours, _, kernel, _ = attention_forms(65536, 1, device)
    times = (1e3 * time for time in seconds(ours, kernel, device=device, runs=2))
    name = "attention, forward and backward, N = 65536, C = 1, as a curve; PyTorch's kernel, padded"
    yield Row(name, "ms", *times)


def up_convolution_against_pytorchs(device: str) -> Iterator[Row]:
    """Second stage of the decoder at the paper's size, from 2 x 2 to 4 x 4 positions, forward and backward."""
    source = torch.Generator().manual_seed(0)
    ours, x = UpConvolution(1024, 512).to(device), torch.randn(1, 1024, 2, 2, generator=source).to(device)

    def backward(convolution: Callable) -> None:
        ours.zero_grad()
        convolution(x).square().sum().backward()

    pytorchs = partial(F.conv_transpose2d, weight=ours.weight, stride=2, padding=1)
    times = seconds(partial(backward, ours), partial(backward, pytorchs), device=device, runs=20)
    name = "transposed convolution, 1024 to 512 channels, 2 x 2 positions, forward and backward; PyTorch's"
    yield Row(name, "ms", *(1e3 * time for time in times))


# --- one training step ------------------------------------------------------------------------------------------------


def batch(settings: train.TrainConfig, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Photographs of the first step."""
    photos = data.load("mini", settings.image_size).train
    return train.batch_of_step(photos, settings, 0, device)


def our_step(settings: train.TrainConfig, device: str) -> Callable[[torch.Tensor, torch.Tensor], dict]:
    """Our training step, as in `train.fit`."""
    networks = train.build(settings, device)
    optimizers = tuple(train.adam(network, settings, device) for network in networks)

    def step(gray: torch.Tensor, color: torch.Tensor) -> dict:
        return train.train_step(
            networks,
            optimizers,
            gray,
            color,
            loss=LOSSES["bce"],
            l1_weight=settings.l1_weight,
            precision=settings.precision,
        )

    return step


def several(step: Callable, pair: tuple, count: int) -> None:
    """Take several steps in a row, as in training, where the weights stay in the cache."""
    for _ in range(count):
        step(*pair)


def product(precision: str, device: str) -> tuple[Callable, int]:
    """Multiply two large matrices, the fastest that a machine computes, and say how many operations that takes."""
    size = 2048 if device == "cpu" else 8192
    matrix = torch.randn(size, size, device=device, dtype=getattr(torch, precision))
    return lambda: matrix @ matrix, 2 * size**3


def steps_against_the_plain_loop(device: str) -> Iterator[Row]:
    """Train pix2pix on the same batch: ours, the plain loop, and the plain loop with what PyTorch offers."""
    for settings, count in ((TOUR, 5), (LARGE, 2)):
        pair = batch(settings, device)
        plain = train.replace(settings, precision="float32")
        runs = {"plain": plain_step(*train.build(plain, device))}
        for precision in train.PRECISIONS:
            runs["ours", precision] = our_step(train.replace(settings, precision=precision), device)
            runs["tuned", precision] = plain_step(*train.build(plain, device), tuned=True, precision=precision)
        turns = {name: partial(several, step, pair, count) for name, step in runs.items()}
        products = {precision: product(precision, device) for precision in train.PRECISIONS}
        turns |= {precision: turn for precision, (turn, _) in products.items()}
        times = dict(zip(turns, seconds(*turns.values(), device=device)))
        step = {name: 1e3 * times[name] / count for name in runs}  # ms
        size = f"{settings.image_size} px, {settings.base_channels} channels, batch {settings.batch_size}"
        operations = count_operations(settings, pair, device)
        for precision in train.PRECISIONS:
            name, ours = f"training step, {size}, {precision}", step["ours", precision]
            yield Row(f"{name}; plain loop, float32", "ms", ours, step["plain"])
            yield Row(f"{name}; plain loop, fused Adam, frozen D, {precision}", "ms", ours, step["tuned", precision])
            peak = products[precision][1] / times[precision] / 1e9
            name = f"  its {operations / 1e9:.1f} billion operations, {precision}; a large matrix product"
            yield Row(name, "Gop/s", operations / ours / 1e6, peak, peak=True)


def count_operations(settings: train.TrainConfig, pair: tuple, device: str) -> int:
    """Operations of one step: convolutions and their gradients only."""
    with FlopCounterMode(display=False) as counter:
        our_step(settings, device)(*pair)
    return counter.get_total_flops()


def without_the_curve(step: Callable, *pair: torch.Tensor) -> None:
    """Take a step in which one channel is no special case."""
    with patch.object(kernels, "count_nodes", lambda query, key: math.inf):
        step(*pair)


def steps_with_attention(device: str) -> Iterator[Row]:
    """Train SA' at 256 px, with attention before every convolution of the encoder."""
    pair = batch(LARGE, device)
    for precision in train.PRECISIONS:
        step = our_step(train.replace(LARGE, gamma_init="normal", precision=precision), device)
        turns = partial(step, *pair), partial(without_the_curve, step, *pair)
        times = (1e3 * time for time in seconds(*turns, device=device, runs=2))
        yield Row(f"training step of SA', 256 px, {precision}; level 0 by PyTorch's kernel", "ms", *times)


ONE_STEP = """
import re
from benchmarks.__main__ import LARGE, batch, our_step
from hcegan_lib import train
settings = train.replace(LARGE, gamma_init="normal")
pair = batch(settings, "cpu")
our_step(settings, "cpu")(*pair)
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def memory_of_a_step(device: str) -> Iterator[Row]:
    """Run one step at 256 px, with attention before every convolution of the encoder, in its own process."""
    name = "memory of a process that trains one step at 256 px, attention everywhere; N x N of level 0 alone"
    # From Linux's /proc, because the count of `resource` starts with the memory of the parent process.
    if device == "cpu" and sys.platform == "linux":
        told = subprocess.run([sys.executable, "-c", ONE_STEP], check=True, capture_output=True, text=True).stdout
        yield Row(name, "MB", int(told) / 1e3, 4 * (256 * 256) ** 2 / 1e6)


# --- photographs ------------------------------------------------------------------------------------------------------


def thousand_photographs(folder: Path) -> Path:
    """Write 1,000 JPEG files of 1024 x 768 pixels: mini's photographs, enlarged, mirrored and cropped in many ways."""
    random = np.random.default_rng(0)
    sources = sorted((data.KIT_ROOT / "data" / "mini").rglob("*.jpg"))
    for k in range(1000):
        photo = data.open_photo(sources[k % len(sources)])
        left, top, side = *random.integers(0, 40, 2), random.integers(180, 216)
        photo = photo.crop((left, top, left + side, top + side)).resize((1024, 768), Image.Resampling.BICUBIC)
        (ImageOps.mirror(photo) if k % 2 else photo).save(folder / f"{k:04d}.jpg", quality=90)
    return folder


def loading_against_decoding(device: str) -> Iterator[Row]:
    """Load photographs from the cache, or decode and scale them again with one thread per core."""

    def decode(path: Path) -> np.ndarray:
        return np.asarray(ImageOps.fit(data.open_photo(path), (64, 64), Image.Resampling.LANCZOS))

    def decode_all(folder: Path) -> list[np.ndarray]:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(decode, sorted(folder.rglob("*.jpg"))))

    with tempfile.TemporaryDirectory() as place:
        cache, folder = Path(place, "cache"), Path(place, "photographs")
        folder.mkdir()
        for name, source in (("mini", data.KIT_ROOT / "data" / "mini"), ("1,000", thousand_photographs(folder))):
            data.load(source, 64, cache=cache)
            times = seconds(lambda s=source: data.load(s, 64, cache=cache), lambda s=source: decode_all(s), runs=3)
            yield Row(
                f"load the photographs of {name} at 64 px from the cache; decode them", "ms", *(1e3 * t for t in times)
            )


# --- the table --------------------------------------------------------------------------------------------------------

BENCHMARKS = (
    metrics_against_scikit_image,
    attention_against_the_whole_matrix,
    curve_against_the_other_forms,
    up_convolution_against_pytorchs,
    steps_against_the_plain_loop,
    steps_with_attention,
    memory_of_a_step,
    loading_against_decoding,
)


def processor(device: str) -> str:
    """Name of the processor or GPU."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    names = [line.partition(":")[2].strip() for line in cpu_lines() if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")  # Linux only
    return path.read_text().splitlines() if path.exists() else []


def paper_grid(rows: list[Row]) -> str:
    """Estimate the time of the paper's whole grid on this machine from one step of pix2pix and one of SA'."""
    grid = yaml.safe_load((course.NOTEBOOKS / "grids" / "paper.yaml").read_text(encoding="utf-8"))
    precision = grid["set"]["precision"]
    pix2pix, attending = (
        next(row.ours for row in rows if row.what.startswith(start) and f", {precision};" in row.what)
        for start in ("training step, 256 px", "training step of SA', 256 px")
    )
    photos = sum(sources.SOURCES[Path(folder).name].train for folder in grid["data"])  # one per step
    steps = photos * LARGE.epochs  # of each model
    times = [pix2pix if model.gamma_init is None else attending for model in paper.MODELS.values()]
    return (
        f"The paper's grid is {steps * len(times) / 1e6:.1f} million steps per seed. In {precision}, at "
        f"{pix2pix:,.0f} ms per step of pix2pix and {attending:,.0f} ms with attention, which "
        f"{times.count(attending)} of {len(times)} models have, "
        f"it takes {steps * sum(times) / 1e3 / 3600:,.0f} hours, one step at a time."
    )


def render_results(rows: list[Row], device: str) -> str:
    """Format the table of RESULTS.md."""
    lines = [
        "# Speed and memory: ours and a reference",
        "",
        f"Written by `python -m benchmarks --device {device}` on {processor(device)},",
        f"Python {platform.python_version()}, torch {torch.__version__}, commit {git_commit()}.",
        "Medians of several runs that took turns in one process, with a new process for each group of rows. The",
        "ratio is reference / ours: above 1, ours takes less. In the indented rows it is the fraction of the",
        "machine's peak that a step reaches.",
        "",
        "| ours; reference | ours | reference | ratio |",
        "|---|---|---|---|",
    ]
    for row in rows:
        what = f"&nbsp;&nbsp;{row.what.strip()}" if row.what.startswith(" ") else row.what
        lines.append(f"| {what} | {row.ours:,.0f} {row.unit} | {row.reference:,.0f} {row.unit} | {row.ratio:.2f} |")
    return "\n".join([*lines, "", paper_grid(rows), ""])


def measured(benchmark: Callable[[str], Iterator[Row]], device: str) -> list[Row]:
    return list(benchmark(device))


def in_new_process(benchmark: Callable[[str], Iterator[Row]], device: str) -> list[Row]:
    """Measure in a new process, so that no benchmark is affected by memory that another has used."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(measured, benchmark, device).result()


def main() -> None:
    """Measure, print one row at a time, and write the table to RESULTS.md (on a GPU: RESULTS-cuda.md)."""
    words = argparse.ArgumentParser(prog="benchmarks", description=main.__doc__)
    words.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    device = find_device(words.parse_args().device)
    print(f"{processor(device)}, torch {torch.__version__}")
    print(f"{'ours; reference':98}  {'ours':>11}  {'reference':>11}  {'ratio':>5}")
    rows = []
    for benchmark in tqdm(BENCHMARKS, unit="benchmark", disable=not sys.stderr.isatty()):
        for row in in_new_process(benchmark, device):
            rows.append(row)
            line = f"{row.what:98}  {row.ours:5.0f} {row.unit:5}  {row.reference:5.0f} {row.unit:5}  {row.ratio:5.2f}"
            tqdm.write(line)
    path = RESULTS / ("RESULTS.md" if device == "cpu" else f"RESULTS-{device}.md")
    path.write_text(render_results(rows, device), encoding="utf-8")
    print(f"{paper_grid(rows)}\nwritten to {path}")


if __name__ == "__main__":
    from benchmarks import __main__ as importable  # a new process finds a benchmark by its module's name

    importable.main()
