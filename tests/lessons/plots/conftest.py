import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def no_figure_is_shown_or_saved(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a plot function must not show"))
    monkeypatch.setattr(plt.Figure, "savefig", lambda *_, **__: pytest.fail("a plot function must not save"))
    yield
    plt.close("all")


@pytest.fixture
def photos():
    """Four random photographs, (4, 3, 16, 16)."""
    return torch.from_numpy(np.random.default_rng(0).random((4, 3, 16, 16), dtype=np.float32))
