import pytest
import torch

from hcegan_lib import data, train
from tests.tiny import TINY

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
