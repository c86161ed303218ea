import os
import shutil

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from hcegan_lib import data, models, train
from hcegan_lib.backend import kernels
from tests.tiny import TINY

# The system's Chromium. Tests that need it are skipped if it or Playwright is missing; nothing is downloaded.
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, CHROMIUMS)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

torch.set_num_threads(1)  # the networks of the tests are tiny; two threads that wait for each other are slower than one


def pytest_configure(config):
    config.option.cov_source = None  # pytest-cov has read it; nbval would measure inside the notebooks' kernels too


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return data.load("mini", TINY.image_size, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def unbroken(photos, tmp_path_factory):
    """Train 18 steps without a stop: what every stopped and resumed run must end with."""
    return train.fit(TINY, photos, tmp_path_factory.mktemp("unbroken"), progress=False)


@pytest.fixture
def make_pipe():
    """Make a pipe in a folder, which blocks whoever opens it."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("Windows has no pipes in folders")
    return os.mkfifo


@pytest.fixture
def fake_gpu(monkeypatch):
    """Mode in which tensors have a device and no numbers: networks can move to "cuda", and mixed devices raise."""
    # These ask for numbers, and for the driver of the GPU.
    monkeypatch.setattr(models, "require_unit_range", lambda images, name: None)
    monkeypatch.setattr(kernels, "count_nodes", lambda query, key: 26)
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda query, key, value, scale: query + key + value)
    mode, layer = FakeTensorMode(allow_non_fake_inputs=True), nn.Linear(1, 1)
    try:
        with mode:
            layer.to("cuda")
    except RuntimeError as error:
        pytest.skip(f"this version of PyTorch asks the GPU's driver: {str(error).splitlines()[0]}")
    return mode


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip(f"no browser: none of {', '.join(CHROMIUMS)} is on the path")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
