"""Every exercise against its own solution, its own stub, and the mistakes that people make."""

import math
import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats

from hcegan_lib import dirac, losses
from hcegan_lib.color import gray_to_rgb, luma
from hcegan_lib.experiment import results
from hcegan_lib.lessons import exercises
from hcegan_lib.lessons.exercises import EXERCISES, check, judge
from hcegan_lib.losses import AdversarialLoss
from hcegan_lib.metrics import psnr

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(autouse=True)
def no_failures_so_far():
    exercises._failures.clear()


def rec709(color):
    return (color * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(1, keepdim=True)


def tinted(gray, tint):
    return gray * tint.view(3, 1, 1)


def decibels(error, peak=1.0):
    return 10 * math.log10(peak**2 / error)


def even_ssim(x, y, C1=0.01**2, C2=0.03**2, ddof=0, luminance=True):
    covariance = np.cov(x.ravel(), y.ravel(), ddof=ddof)
    means = (2 * x.mean() * y.mean() + C1) / (x.mean() ** 2 + y.mean() ** 2 + C1) if luminance else 1
    return means * (2 * covariance[0, 1] + C2) / (covariance[0, 0] + covariance[1, 1] + C2)


def walk(derivative, start, rate):
    logit, steps = start, 0
    while logit <= 0:
        logit, steps = logit - rate * derivative(logit), steps + 1
    return steps


def alternating(field, theta, psi, rate):
    psi = psi + rate * field(theta, psi)[1]
    return theta + rate * field(theta, psi)[0], psi


def both_at_once(field, theta, psi, rate):
    v_theta, v_psi = field(theta, psi)
    return theta + rate * v_theta, psi + rate * v_psi


def generator_first(field, theta, psi, rate):
    theta = theta + rate * field(theta, psi)[0]
    return theta, psi + rate * field(theta, psi)[1]


def steps_to_the_margin(theta, psi, rate, alternating=True, reached=lambda scores: scores <= -1):
    game = AdversarialLoss(losses.printed_hinge_bce_discriminator, losses.bce_generator)
    thetas, psis = dirac.trajectory(game, theta, psi, learning_rate=rate, steps=300, alternating=alternating)
    return int(reached(thetas * psis).nonzero()[0])


def gained(o, x, gain):
    return (gain @ o if gain.ndim == 2 else gain[:, None] * o if gain.ndim else gain * o) + x


def way_of_h(layer, x, target, rate, steps, forget=True):
    start = layer.h.weight.detach().clone()
    descent = torch.optim.SGD(layer.parameters(), lr=abs(rate), maximize=rate < 0)
    for _ in range(steps):
        if forget:
            descent.zero_grad()
        torch.nn.functional.mse_loss(layer(x), target).backward()
        descent.step()
    return (layer.h.weight - start).norm().item()


def luma_put_right(images, targets):
    return images + luma(targets) - luma(images)


def seen(beta, values):
    return torch.einsum("bji,bci->bcj", beta, values.flatten(2)).view(values.shape)


def rows_back(layers, row):
    first = last = row
    for kernel, stride, padding in layers:
        first, last = first * stride - padding, last * stride - padding + kernel - 1
    return first, last


def judged(printed, exact, rounding=ROUND_HALF_UP, unit=None, reach=1):
    printed, exact = Decimal(printed), Decimal(exact)
    unit = Decimal(unit or Decimal(1).scaleb(printed.as_tuple().exponent))
    if exact.quantize(unit, rounding) == printed:
        return "holds"
    return "rounds differently" if abs(exact - printed) < reach * unit else "contradicts the table"


def least_difference(scores, ddof=1, df=20, variance=None, quantile=None):
    variance = scores.var(1, ddof=ddof).mean() if variance is None else variance
    return (stats.t.ppf(0.975, df) if quantile is None else quantile) * (2 * variance) ** 0.5


# Exercise -> answers that people give, each with a part of the complaint that they should read.
WRONG = {
    "00.1": [
        (lambda color: color.mean(1, keepdim=True), "plain mean"),
        (rec709, "Rec. 709"),
        (lambda color: luma(color)[:, 0], r"the shape is \(2, 5, 7\), and \(2, 1, 5, 7\) is wanted"),
        (lambda color: luma(color.flip(1)), "red and blue have changed places"),
        (lambda color: 255 * luma(color), "values are not the ones wanted"),
    ],
    "00.2": [
        (lambda color: color, "so are the colors"),
        (lambda color: gray_to_rgb(luma(color)), "gray copy"),
        (lambda color: color.flip(1), "gray is no longer the same"),
        (lambda color: 3 * color - 2 * luma(color), r"left \[0, 1\]"),
        (lambda color: luma(color), "the shape is"),
        (lambda color: color.numpy(), "return a tensor"),
    ],
    "00.3": [
        (lambda g, c, t: psnr(gray_to_rgb(g), c).mean() - psnr(tinted(g, t), c).mean(), "sign is turned"),
        (lambda g, c, t: psnr(tinted(g, t), c).mean(), "gray copy is to be taken off"),
        (lambda g, c, t: psnr(tinted(g, t), c) - psnr(gray_to_rgb(g), c), r"\(one number\)"),
        (
            lambda g, c, t: 10 * torch.log10((gray_to_rgb(g) - c).square().mean() / (tinted(g, t) - c).square().mean()),
            "this is pooled",
        ),
        (lambda g, c, t: psnr(g * t, c).mean(), "your function raises RuntimeError: The size of tensor"),
    ],
    "01.1": [
        (lambda x, y: decibels(np.mean((x - y) ** 2), 255), "bytes wrap around"),
        (lambda x, y: decibels(np.mean((x - y).astype(float) ** 2), 255), "bytes wrap around"),
        (lambda x, y: decibels(np.mean((x.astype(float) - y) ** 2)), "bytes go up to 255"),
        (lambda x, y: -decibels(np.mean((x.astype(float) - y) ** 2), 255), "sign is turned"),
        (lambda x, y: 10 * np.log(255**2 / np.mean((x.astype(float) - y) ** 2)), "natural logarithm"),
        (lambda x, y: 10 * np.log10(255 / np.mean((x.astype(float) - y) ** 2)), "peak is squared"),
    ],
    "01.2": [
        (lambda x, y: even_ssim(x, y, ddof=1), "n - 1"),
        (lambda x, y: even_ssim(x, y, 0, 0), "C1 and C2 are missing"),
        (lambda x, y: even_ssim(x, y, 0.03**2, 0.01**2), "changed places"),
        (lambda x, y: even_ssim(x, y, luminance=False), "second factor alone"),
        (
            lambda x, y: (
                even_ssim(x, x)
                * (2 * x.mean() * y.mean() + 1e-4)
                / (x.mean() ** 2 + y.mean() ** 2 + 1e-4)
                * (2 * x.std() * y.std() + 9e-4)
                / (x.var() + y.var() + 9e-4)
            ),
            "product of the standard deviations",
        ),
    ],
    "01.3": [
        (lambda x, y: psnr(x, y).mean(), "mean of the photographs' PSNR"),
        (psnr, "the shape is"),
        (lambda x, y: psnr(x, y).min(), "worst photograph"),
        (lambda x, y: -torch.log((x - y).square().mean()), "values are not the ones wanted"),
    ],
    "01.4": [
        (lambda image, gray: image * (gray / luma(image)), "stretched"),
        (lambda image, gray: gray_to_rgb(gray), "gray copy"),
        (lambda image, gray: (image + gray - luma(image)).clamp(0, 1), "do not clip"),
        (lambda image, gray: image - gray + luma(image), "wrong sign"),
        (lambda image, gray: image + gray, "values are not the ones wanted"),
    ],
    "02.1": [
        (lambda scores, labels: 1 - labels * scores, "no loss is below 0"),
        (lambda scores, labels: torch.relu(1 + labels * scores), "sign is turned"),
        (lambda scores, labels: torch.relu(-labels * scores), "margin is missing"),
        (lambda scores, labels: torch.relu(1 - labels * scores).mean(), "the shape is"),
        (lambda scores, labels: torch.relu(1 - scores), "labels are not used"),
        (lambda scores, labels: 1 - labels * scores.sigmoid(), "values are not the ones wanted"),
    ],
    "02.2": [
        (lambda s, label, margin: torch.full((len(s),), margin), "as printed"),
        (
            lambda s, label, margin: torch.relu(s - s.gather(1, label[:, None]) + margin).sum(1),
            "true class is in the sum",
        ),
        (lambda s, label, margin: F.multi_margin_loss(s, label, margin=margin, reduction="none"), "this is PyTorch's"),
        (lambda s, label, margin: 4 * F.multi_margin_loss(s, label, reduction="none"), "this takes 1"),
        (
            lambda s, label, margin: 4 * F.multi_margin_loss(-s, label, margin=margin, reduction="none"),
            "changed places",
        ),
        (lambda s, label, margin: 4 * F.multi_margin_loss(s, label, margin=margin), "the shape is"),
        (
            lambda s, label, margin: (
                torch.relu(s - s.gather(1, label[:, None]) + margin).scatter(1, label[:, None], 0).amax(1)
            ),
            "worst class alone",
        ),
    ],
    "02.3": [
        (lambda real, fake: ((real < 1).float().mean() + (fake > -1).float().mean()) / 2, "still teaches"),
        (lambda real, fake: ((real >= 1).float().mean() + (fake >= 1).float().mean()) / 2, "at -1 and below"),
        (lambda real, fake: ((real > 0).float().mean() + (fake < 0).float().mean()) / 2, "0 is where the verdict"),
        (lambda real, fake: (real >= 1).float().mean(), "real pairs only"),
        (lambda real, fake: (real >= 1).float().mean() + (fake <= -1).float().mean(), "sum of two shares"),
    ],
    "02.4": [
        (lambda share: math.log(share / (1 - share)), "under cross-entropy"),
        (lambda share: 2 * share - 1, "under the squared error"),
        (lambda share: 1.0 if share < 0.5 else -1.0, "sign is turned"),
        (lambda share: 2 * min(share, 1 - share), "least expected loss"),
        (lambda share: 1.0, "values are not the ones wanted|sign is turned"),
    ],
    "03.1": [
        (lambda p: stats.entropy(p), "in nats"),
        (lambda p: -stats.entropy(p, base=2), "sign is turned"),
        (lambda p: -np.log2(p).sum(), "weigh it with p"),
        (lambda p: np.mean(-p * np.log2(p)), "no mean to take"),
        (lambda p: -np.sum(p * np.log2(p)), "0 times log 0 is nan"),
    ],
    "03.2": [
        (lambda p, q: F.kl_div(p.log(), q, reduction="batchmean"), "wrong way round"),
        (lambda p, q: (p * (p / q).log()).mean(), "all entries"),
        (lambda p, q: F.kl_div(q.log(), p, reduction="sum"), "sum over the batch"),
        (lambda p, q: F.kl_div(q, p, reduction="batchmean"), "wants logarithms"),
        (lambda p, q: F.kl_div(q.log(), p, reduction="none").sum(1), "the shape is"),
        (lambda p, q: -(p * q.log()).sum(1).mean(), "entropy of P is to be taken off"),
    ],
    "03.3": [
        (lambda s, t: -t * F.logsigmoid(s), "one half is missing"),
        (lambda s, t: t * F.softplus(s) + (1 - t) * F.softplus(-s), "changed places"),
        (lambda s, t: F.binary_cross_entropy_with_logits(s, t), "the shape is"),
        (lambda s, t: -F.binary_cross_entropy_with_logits(s, t, reduction="none"), "sign is turned"),
        (lambda s, t: -t * s.sigmoid().log() - (1 - t) * (1 - s.sigmoid()).log(), "until the logits are large"),
        (lambda s, t: t * (1 + (-s).exp()).log() + (1 - t) * (1 + s.exp()).log(), "until the logits are large"),
        (lambda s, t: F.binary_cross_entropy(s.sigmoid(), t, reduction="none"), "cut off at 100"),
    ],
    "03.4": [
        (lambda derivative, start, rate: walk(derivative, start, rate) + 1, "one too many"),
        (lambda derivative, start, rate: walk(derivative, start, rate) - 1, "one too few"),
        (lambda derivative, start, rate: walk(derivative, start, -rate), r"03\.4: it does not come to an end"),
        (lambda derivative, start, rate: math.ceil(-start / rate), "values are not the ones wanted"),
    ],
    "05.1": [
        (lambda scores, label: torch.relu(1 - label * scores).mean(), "hinge residual alone"),
        (lambda scores, label: -F.logsigmoid(torch.relu(1 - label * scores)).mean(), "towards the target 1"),
        (lambda scores, label: F.softplus(-label * scores).mean(), "hinge is missing"),
        (lambda scores, label: torch.relu(1 - label * scores).log().mean(), r"Eq. \(10\) as printed"),
        (lambda scores, label: F.softplus(torch.relu(1 + label * scores)).mean(), "below"),
        (lambda scores, label: F.softplus(torch.relu(1 - label * scores)), r"\(one number\)"),
        (lambda scores, label: F.softplus(torch.relu(1 - scores)).mean(), "below"),
        (lambda scores, label: 2 * F.softplus(torch.relu(1 - label * scores)).mean(), "values are not the ones wanted"),
    ],
    "05.2": [
        (both_at_once, "both move at once"),
        (generator_first, "the generator moves first here"),
        (lambda field, theta, psi, rate: alternating(field, theta, psi, -rate), "points downhill already"),
        (lambda field, theta, psi, rate: alternating(field, theta, psi, rate)[::-1], "theta comes first"),
        (lambda field, theta, psi, rate: (theta, psi + rate * field(theta, psi)[1]), "the generator has not"),
        (lambda field, theta, psi, rate: psi + rate * field(theta, psi)[1], "the shape is"),
    ],
    "05.3": [
        (lambda *start: steps_to_the_margin(*start) + 1, "one too many"),
        (lambda *start: steps_to_the_margin(*start) - 1, "last step before"),
        (lambda *start: steps_to_the_margin(*start, alternating=False), "at once"),
        (lambda *start: steps_to_the_margin(*start, reached=lambda scores: scores.abs() >= 1), "only at -1"),
        (lambda theta, psi, rate: 17, "values are not the ones wanted"),
    ],
    "06.1": [
        (lambda s: s.softmax(1), "over j: share out over i"),
        (lambda s: s.softmax(0), "j first; transpose"),
        (lambda s: s.softmax(1).T, "over j, the pixel that looks"),
        (lambda s: s.exp().T, "do not sum to 1"),
        (lambda s: (s / 7**0.5).softmax(0).T, "no root"),
        (lambda s: s.T, "values are not the ones wanted"),
    ],
    "06.2": [
        (lambda beta, h, gamma, x: seen(beta.mT, h) * gamma.view(3, 1, 1) + x, r"takes beta\[i, j\]"),
        (lambda beta, h, gamma, x: seen(beta, h) * gamma.view(3, 1, 1), "x itself is missing"),
        (lambda beta, h, gamma, x: seen(beta, h) + x, "gain is missing"),
        (lambda beta, h, gamma, x: seen(beta, h) + gamma.view(3, 1, 1) * x, "gain belongs to o, and not to x"),
        (lambda beta, h, gamma, x: gamma.view(3, 1, 1) * (seen(beta, h) + x), "gain belongs to o alone"),
        (lambda beta, h, gamma, x: seen(beta, x) * gamma.view(3, 1, 1) + x, r"h\(x\), not x"),
        (
            lambda beta, h, gamma, x: gamma.view(3, 1, 1) * (beta @ h.flatten(2).mT).reshape(x.shape) + x,
            "channels and positions mixed up",
        ),
        (lambda beta, h, gamma, x: gamma * seen(beta, h) + x, "raises RuntimeError"),
    ],
    "06.3": [
        (lambda f, g, h, rows: (g @ f.T).softmax(1) @ h, "holds 3600 numbers, and 7 rows of 60 are 420"),
        (
            lambda f, g, h, rows: torch.nn.functional.scaled_dot_product_attention(g, f, h, scale=1.0),
            "holds 3600 numbers",
        ),
        (lambda f, g, h, rows: torch.cat([(part @ g.T).softmax(1) @ h for part in f.split(rows)]), "changed places"),
        (lambda f, g, h, rows: (f @ g.T).softmax(1).T @ h, "shares out over j"),
        (lambda f, g, h, rows: torch.cat([part @ f.T @ h for part in g.split(rows)]), "softmax is missing"),
        (lambda f, g, h, rows: (g[:rows] @ f.T).softmax(1) @ h, r"the shape is \(7, 6\), and \(60, 6\) is wanted"),
    ],
    "07.1": [
        (lambda o, x, gain: gain * o + x, "a gain belongs to a channel"),
        (lambda o, x, gain: gain * o if gain.ndim == 0 else o, "with a number, what is attended is right"),
        (lambda o, x, gain: gained(o, x, gain.T if gain.ndim == 2 else gain), "changed places"),
        (lambda o, x, gain: gained(o + x, 0 * x, gain), "with a number, x is multiplied too"),
        (lambda o, x, gain: gained(o, x, 2 * gain), "with a number, the values are not"),
    ],
    "07.2": [
        (lambda gradient, o: (gradient * o).mean((0, 2)), "positions are averaged"),
        (lambda gradient, o: (gradient * o).sum(2).mean(0), "photographs are averaged"),
        (lambda gradient, o: (gradient * o).sum(), r"\(3,\) is wanted|\(4,\) is wanted"),
        (lambda gradient, o: gradient.sum((0, 2)), "gain of 1"),
    ],
    "07.3": [
        (lambda layer, x, target, rate, steps: 0.0, "kept as a copy"),
        (lambda layer, x, target, rate, steps: way_of_h(layer, x, target, rate, steps, forget=False), "are added"),
        (lambda layer, x, target, rate, steps: way_of_h(layer, x, target, rate, steps + 1), "one step more"),
        (lambda layer, x, target, rate, steps: way_of_h(layer, x, target, -rate, steps), "uphill"),
    ],
    "07.4": [
        (lambda weight, gamma: gamma.view(1, -1, 1, 1) * weight, "what h reads"),
        (lambda weight, gamma: gamma * weight[..., 0, 0], "the shape is"),
        (lambda weight, gamma: weight / gamma.view(-1, 1, 1, 1), "divided out"),
        (lambda weight, gamma: gamma.abs().view(-1, 1, 1, 1) * weight, "sign of the gain"),
    ],
    "08.1": [
        (lambda inputs, outputs, kernel, side: kernel**2 * inputs * outputs, "these are the parameters"),
        (lambda inputs, outputs, kernel, side: kernel * inputs * outputs * side**2, "kernel squared"),
        (lambda inputs, outputs, kernel, side: kernel**2 * inputs * outputs * side, "side squared"),
        (lambda inputs, outputs, kernel, side: kernel**2 * outputs * side**2, "all channels of the input"),
        (lambda inputs, outputs, kernel, side: 2 * kernel**2 * inputs * outputs * side**2, "counted once"),
    ],
    "08.2": [
        (lambda layers, row: rows_back(layers, row), "last layer comes first"),
        (lambda layers, row: rows_back([(k, s, 0) for k, s, _ in reversed(layers)], row), "padding is missing"),
        (lambda layers, row: rows_back([(k + 1, s, p) for k, s, p in reversed(layers)], row), "one too far"),
        (
            lambda layers, row: (rows_back(layers[::-1], row)[0], 1 - np.subtract(*rows_back(layers[::-1], row))),
            "number of rows",
        ),
        (
            lambda layers, row: (rows_back(layers[::-1], row)[0], rows_back(layers[::-1], row)[1] + 1),
            "give the last row itself",
        ),
        (lambda layers, row: row, r"the shape is \(\), and \(2,\) is wanted"),
        (lambda layers, row: rows_back([(4, s, 1) for _, s, _ in reversed(layers)], row), "not for others"),
        (lambda layers, row: np.maximum(rows_back(layers[::-1], row), 0), "lies in the padding"),
    ],
    "08.3": [
        (lambda patch: [2, 2, 2, 1, 1], "one score of that network sees 70 pixels"),
        (lambda patch: 5, "object of type int"),
        (lambda patch: [4] * 3, "strides of 1 and 2 are wanted"),
        (lambda patch: [1] * ((patch - 1) // 3), r"it takes \d+ layers, and \d are enough"),
        (lambda patch: [], "strides of 1 and 2 are wanted"),
    ],
    "09.1": [
        (lambda n, batch, epochs: -(-n // batch) * epochs, "whole batches only"),
        (lambda n, batch, epochs: n // batch, "this is one epoch"),
        (lambda n, batch, epochs: n * epochs // batch, "each epoch starts anew"),
    ],
    "09.2": [
        (lambda real, fake: ((real > 0).float().mean() + (fake > 0).float().mean()) / 2, "below 0"),
        (lambda real, fake: (real > 0).float().mean(), "real pairs only"),
        (lambda real, fake: ((real > 1).float().mean() + (fake < -1).float().mean()) / 2, "margins"),
        (lambda real, fake: (real > 0).float().mean() + (fake < 0).float().mean(), "sum of two shares"),
    ],
    "09.3": [
        (lambda x: torch.nn.functional.batch_norm(x, None, None, training=True), "whole batch"),
        (lambda x: (x - x.mean((2, 3), True)) / (x.var((2, 3), keepdim=True) + 1e-5).sqrt(), "correction=0"),
        (lambda x: (x - x.mean((2, 3), True)) / x.std((2, 3), correction=0, keepdim=True), "before you take the root"),
        (lambda x: (x - x.mean((2, 3), True)) / (x.std((2, 3), correction=0, keepdim=True) + 1e-5), "adds it after"),
        (lambda x: (x - x.mean((2, 3), True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5), "the root of the"),
        (lambda x: x - x.mean((2, 3), True), "the spread is not 1 yet"),
    ],
    "10.1": [
        (lambda v: stats.t.interval(0.95, len(v) - 1, v.mean(), v.std(ddof=1)), "single run"),
        (lambda v: stats.norm.interval(0.95, v.mean(), stats.sem(v)), "Student's t"),
        (lambda v: stats.t.interval(0.95, len(v) - 1, v.mean(), stats.sem(v, ddof=0)), "ddof=1"),
        (lambda v: stats.t.interval(0.90, len(v) - 1, v.mean(), stats.sem(v)), "half of that at each end"),
        (lambda v: stats.t.interval(0.95, len(v), v.mean(), stats.sem(v)), "n - 1 degrees of freedom"),
        (lambda v: stats.t.interval(0.95, 4, v.mean(), stats.sem(v)), "not the ones wanted"),  # n is not always 5
    ],
    "10.2": [
        (lambda m, b: stats.ttest_rel(b.mean(1), m.mean(1)).confidence_interval(), "sign is turned"),
        (lambda m, b: stats.ttest_rel(m.ravel(), b.ravel()).confidence_interval(), "only the runs are"),
        (lambda m, b: stats.ttest_rel(m.mean(0), b.mean(0)).confidence_interval(), "over photographs"),
        (lambda m, b: stats.ttest_ind(m.mean(1), b.mean(1)).confidence_interval(), "the same seed"),
    ],
    "10.3": [
        (lambda p: np.minimum(len(p) * p, 1), "Bonferroni"),
        (lambda p: np.sort(results.holm(p)), "at its own place"),
        (lambda p: np.sort(results.holm(p))[p.argsort()], "do not read from them"),
        (lambda p: np.minimum(p * (len(p) + 1 - stats.rankdata(p)), 1), "greatest so far"),
        (
            lambda p: np.array([max((7 - r) * q for q, r in zip(p, stats.rankdata(p)) if q <= x) for x in p]),
            "at most 1",
        ),
        (lambda p: np.minimum(p * stats.rankdata(p), 1), "begins at the other end"),
    ],
    "10.4": [
        (lambda d, p, n: "higher" if d > 0 else "lower", "a p above 5 %"),
        (lambda d, p, n: "no difference seen" if p >= 0.05 else "higher" if d > 0 else "lower", "two seeds"),
        (lambda d, p, n: "too few runs" if n <= 3 else results.verdict(d, p, n), "three seeds"),
        (lambda d, p, n: "no difference seen" if p == 0.05 else results.verdict(-d, p, n), "above 0"),
        (lambda d, p, n: results.verdict(d, p - 1e-9, n), "a p of 5 % exactly"),
    ],
    "11.1": [
        (lambda images, targets: psnr(images, targets), "as they are"),
        (lambda images, targets: psnr(luma(images), luma(targets)), "score of the luma"),
        (
            lambda images, targets: psnr(images - (images - targets).mean(1, True), targets),
            "plain mean of the channels",
        ),
        (lambda images, targets: psnr(images * luma(targets) / luma(images), targets), "stretched"),
        (lambda images, targets: psnr(luma_put_right(images, targets), targets).mean(), r"the shape is \(\)"),
        (lambda images, targets: -psnr(luma_put_right(images, targets), targets), "sign is turned"),
    ],
    "11.2": [
        (lambda values: np.stack([values.min(0), values.max(0)]), "lowest to the highest seed"),
        (
            lambda values: np.stack(stats.t.interval(0.95, len(values) - 1, values.mean(0), values.std(0, ddof=1))),
            "a single seed lies",
        ),
        (lambda values: np.stack(stats.norm.interval(0.95, values.mean(0), stats.sem(values))), "Student's t"),
        (
            lambda values: np.stack(stats.t.interval(0.95, len(values) - 1, values.mean(0), stats.sem(values, ddof=0))),
            "ddof=1",
        ),
        (
            lambda values: np.stack(stats.t.interval(0.95, len(values) - 1, values.mean(0), stats.sem(values)))[::-1],
            "changed places",
        ),
        (
            lambda values: np.stack(stats.t.interval(0.95, 9, values.mean(1), stats.sem(values, 1))),
            r"\(2, 10\) is wanted",
        ),
        (lambda values: np.stack(stats.t.interval(0.95, 4, values.mean(0), stats.sem(values))), "not the ones wanted"),
    ],
    "11.3": [
        (lambda values: values.std(), "the drift is in it"),
        (lambda values: values.std(ddof=1), "the drift is in it"),
        (lambda values: np.sqrt(np.mean(np.diff(values) ** 2)), "halve the mean square"),
        (lambda values: np.sqrt(np.mean(np.diff(values) ** 2)) / 2, "before the root"),
        (lambda values: np.mean(np.diff(values) ** 2) / 2, "take the root"),
        (lambda values: np.abs(np.diff(values)).mean(), "mean size of the differences"),
        (lambda values: np.diff(values).std() / 2**0.5, "around their mean"),
    ],
    "12.1": [
        (lambda printed, exact: judged(printed, f"{float(exact):.2f}"), "exactly between two|cut off"),
        (lambda printed, exact: judged(printed, exact, ROUND_HALF_EVEN), "exactly between two"),
        (lambda printed, exact: judged(printed, exact, ROUND_DOWN), "that rounds to the printed one"),
        (lambda printed, exact: judged(printed, exact, unit="0.01"), "printed with one decimal"),
        (lambda printed, exact: judged(printed, exact).replace("rounds differently", "holds"), "exactly between two"),
        (lambda printed, exact: judged(printed, exact, reach=20), "contradicts the table' is wanted"),
        (lambda printed, exact: judged(printed, exact, reach=Decimal("1.0001")), "exactly one unit"),
        (lambda printed, exact: None, "not written yet"),
    ],
    "12.2": [
        (lambda values, bold: (values * bold).sum(0) == values.max(0), "where the mark is"),
        (lambda values, bold: (values * bold).sum(0) != values.min(0), "the highest one"),
        (lambda values, bold: (values * bold).sum(1) != values.max(1), "the shape is"),
        (lambda values, bold: bold.sum(0) != 1, "it finds nothing wrong"),
    ],
    "12.3": [
        (lambda scores: least_difference(scores) / 2**0.5, "the root of 2"),
        (lambda scores: least_difference(scores, ddof=0), "n - 1, `ddof=1`"),
        (lambda scores: least_difference(scores, variance=scores.var(ddof=1)), "own differences"),
        (lambda scores: least_difference(scores, variance=scores.std(1, ddof=1).mean() ** 2), "average the variances"),
        (lambda scores: least_difference(scores, df=5), "add up"),
        (lambda scores: least_difference(scores, df=16), "not the ones wanted"),  # rows squared
        (lambda scores: least_difference(scores, df=23), "for each model, not one in all"),
        (lambda scores: least_difference(scores, quantile=1.96), "Student's t"),
        (lambda scores: least_difference(scores, quantile=stats.t.ppf(0.95, 20)), "half of that at each end"),
        (lambda scores: least_difference(scores) * np.ones(4), "the shape is"),
    ],
}


def answers(stub):
    """Exercise -> the function that its notebook holds, or what is left of it for students."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        names = {}
        exec("\n".join(cell.source for cell in cells[:2]), names)  # parameters and imports
        for cell, following in pairwise(cells):
            if "exercise" in cell.metadata.get("tags", []):
                exec(without_solution(cell.source) if stub else cell.source, names)
                checks = {}
                exec(following.source, {**names, "check": checks.setdefault})
                found |= checks
    return found


def without_solution(source):
    lines, keep = [], True
    for line in source.splitlines():
        keep = keep and "### BEGIN SOLUTION" not in line
        lines += [line] * keep
        keep = keep or "### END SOLUTION" in line
    return "\n".join(lines)


SOLUTIONS = answers(stub=False)
STUBS = answers(stub=True)


@pytest.mark.parametrize("name", SOLUTIONS)
def test_the_solution_in_the_notebook_is_right_each_time(name, capsys):
    assert all(judge(name, SOLUTIONS[name]) for _ in range(5))
    assert set(capsys.readouterr().out.splitlines()) == {f"Exercise {name}: right."}


@pytest.mark.parametrize("name", STUBS)
def test_the_stub_is_not_written_yet_and_gets_the_first_hint(name, capsys):
    assert judge(name, STUBS[name]) is False
    first, *others = EXERCISES[name].hints
    assert capsys.readouterr().out == f"Exercise {name}: not written yet.\n  Hint: {first}\n"
    assert 1 <= len(others) <= 2


@pytest.mark.parametrize(("name", "number"), [(name, k) for name, wrong in WRONG.items() for k in range(len(wrong))])
def test_a_wrong_answer_is_told_what_is_wrong_with_it_each_time(name, number, capsys):
    answer, complaint = WRONG[name][number]
    for _ in range(5):
        assert judge(name, answer) is False
        verdict = capsys.readouterr().out.splitlines()[0]
        assert re.search(complaint, verdict), verdict


@pytest.mark.parametrize("tries", [np.linspace(-5, 5, 1000), np.linspace(-2, 2, 100), np.linspace(-10, 10, 10001)])
def test_the_best_score_need_not_lie_on_the_margin_of_whoever_tries_many(tries):
    def best(share):
        expected = share * np.maximum(0, 1 - tries) + (1 - share) * np.maximum(0, 1 + tries)
        return tries[expected.argmin()]

    assert judge("02.4", best)
    assert not judge("02.4", lambda share: "one")


def test_every_exercise_is_in_a_notebook_and_has_mistakes_to_catch():
    assert list(SOLUTIONS) == list(EXERCISES) == list(WRONG)
    assert min(map(len, WRONG.values())) >= 2


def test_each_failed_try_shows_one_more_hint_until_all_are_shown(capsys):
    hints = EXERCISES["00.2"].hints
    for shown in (1, 2, 3, 3):
        check("00.2", lambda color: color)
        assert capsys.readouterr().out.splitlines()[1:] == [f"  Hint: {hint}" for hint in hints[:shown]]


def test_a_right_answer_forgets_the_failed_tries_and_no_other_exercise_minds_them(capsys):
    check("00.2", lambda color: color)
    check("00.2", lambda color: color)
    check("00.1", lambda color: color)
    assert capsys.readouterr().out.count("Hint") == 1 + 2 + 1
    check("00.2", SOLUTIONS["00.2"])
    check("00.2", lambda color: color)
    assert capsys.readouterr().out.count("Hint") == 1


@pytest.mark.parametrize("stub", ["return None", "return ...", "raise NotImplementedError", "pass"])
def test_every_kind_of_stub_is_not_written_yet(stub, capsys):
    names = {}
    exec(f"def answer(image, target):\n    {stub}", names)
    assert judge("01.1", names["answer"]) is False
    assert capsys.readouterr().out.startswith("Exercise 01.1: not written yet.\n  Hint: ")


def test_an_error_in_the_answer_is_one_line_with_its_type_and_text(capsys):
    def answer(image, target):
        raise KeyError("no\nsuch key")

    assert judge("01.1", answer) is False
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == r"Exercise 01.1: your function raises KeyError: 'no\nsuch key'"
    assert "Traceback" not in out + err


def test_an_answer_with_too_few_arguments_is_told_so(capsys):
    assert judge("01.1", lambda image: image) is False
    assert "raises TypeError" in capsys.readouterr().out


def test_the_result_in_place_of_the_function_is_noticed(capsys):
    assert judge("00.1", torch.zeros(2, 1, 5, 7)) is False
    assert "pass the function itself, without calling it; this is of type Tensor" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("result", "complaint"), [("text", "object of type str"), ({}, "object of type dict"), (math.nan, "not a number")]
)
def test_what_is_no_number_is_complained_about(result, complaint, capsys):
    assert judge("01.1", lambda image, target: result) is False
    assert complaint in capsys.readouterr().out


def test_an_answer_may_change_its_input_and_cannot_pass_by_it():
    assert judge("00.2", lambda color: color.add_(luma(color)).div_(2))
    assert not judge("00.1", lambda color: color.zero_()[:, :1])


def test_each_try_gets_new_input_and_leaves_the_global_seed_alone():
    seen = []
    before = torch.get_rng_state()
    for _ in range(2):
        check("00.1", lambda color: seen.append(color))
    assert not torch.equal(*seen)
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_exercise_is_refused_with_the_names_of_all():
    with pytest.raises(ValueError, match=r"name must be one of the exercises 00\.1, 00\.2.*, got '0\.1'"):
        check("0.1", lambda: None)


def test_check_prints_the_verdict_and_leaves_nothing_for_the_notebook_to_show(capsys):
    assert check("00.1", SOLUTIONS["00.1"]) is None
    assert capsys.readouterr().out == "Exercise 00.1: right.\n"
