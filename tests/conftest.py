import torch

torch.set_num_threads(1)  # the networks of the tests are tiny; two threads that wait for each other are slower than one


def pytest_configure(config):
    config.option.cov_source = None  # pytest-cov has read it; nbval would measure inside the notebooks' kernels too
