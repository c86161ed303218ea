"""Made-up scores and manifests that the tests of results share."""

import json
from itertools import product

import numpy as np
import pandas as pd

from hcegan_lib.experiment import records

SETTINGS = {"image_size": 64, "epochs": 7, "batch_size": 8, "base_channels": 24, "attend_max_positions": 1024}
SETTINGS |= {"learning_rate": 0.004, "decay_from": 0.5, "precision": "bfloat16"}
LIFT = {"pix2pix": 0.0, "pix2pix+SA": 0.1, "SA'+Hinge+BCE": 1.0}  # dB


def made_up_scores(seeds=5, photographs=8, data="mini"):
    """Draw scores that differ much between photographs, little between seeds, and by LIFT between models."""
    random = np.random.default_rng(0)
    hard, luck = random.normal(20, 4, photographs), random.normal(0, 0.2, (len(LIFT), seeds))
    rows = [(records.GRAY_COPY, -1, n, hard[n] + 3) for n in range(photographs)]
    for (m, model), seed, n in product(enumerate(LIFT), range(seeds), range(photographs)):
        rows.append((model, seed, n, hard[n] + LIFT[model] + luck[m, seed] + random.normal(0, 0.1)))
    table = pd.DataFrame(rows, columns=["model", "seed", "file", "psnr"])
    table = table.assign(data=data, file=table["file"].map("{}.jpg".format), ssim=table["psnr"] / 100)
    others = dict.fromkeys(set(records.COLUMNS) - set(table), 10.0)
    return table.assign(**others)[records.COLUMNS]


def made_up_run(model, seed, **changed):
    """Describe a run as a manifest does."""
    return {
        "model": model,
        "settings": {"seed": seed} | SETTINGS | changed,
        "data": {"name": "mini", "train": 156},
        "environment": {"commit": "0123456789abcdef-dirty"},
    }


def write_manifest(folder, runs, failed=()):
    """Write the manifest of the grid "made"."""
    manifest = {"grid": "made", "runs": runs, "failed": list(failed)}
    (folder / "made.json").write_text(json.dumps(manifest), encoding="utf-8")


def mean_of(scores, model, seed, column="psnr"):
    """Average a run over its photographs."""
    return scores.loc[(scores["model"] == model) & (scores["seed"] == seed), column].mean()
