"""A run of seconds that several test modules train."""

from dataclasses import replace

import pandas as pd
import torch

from hcegan_lib import train

TINY = replace(
    train.config("smoke"), gamma_init="normal", loss="hinge_bce", epochs=3, batch_size=26, checkpoint_every=5
)


def assert_same_run(a, b):
    """Assert that two runs have equal weights and logs, bit for bit."""
    for name, value in a.generator.state_dict().items():
        assert torch.equal(value, b.generator.state_dict()[name]), name
    columns = ["step", "d_loss", "g_loss", "l1", "real", "fake", "gain"]
    pd.testing.assert_frame_equal(a.log[columns], b.log[columns], check_exact=True)
