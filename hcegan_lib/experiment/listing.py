"""Lists the runs in data/runs: what each was made from, how far it is, and what it scores."""

from pathlib import Path

import pandas as pd

from hcegan_lib import paper
from hcegan_lib.backend.checkpoints import CheckpointError, read_log, read_run_json
from hcegan_lib.experiment.results import IN_TABLES

SETTINGS = ["image_size", "base_channels", "epochs", "batch_size", "learning_rate"]


def list_runs(folder: Path) -> pd.DataFrame:
    """List every run below a folder, in the order of their paths.

    Returns
    -------
    DataFrame
        One row per run: run (its path below the folder), data, model, seed, the columns `SETTINGS`, state ("finished",
        "step N", "failed: see its error.txt", or why it cannot be read), psnr (dB) and ssim (percent), means over the
        test photographs, NaN unless finished.
    """
    runs = sorted(path.parent for path in folder.rglob("config.json"))
    rows = [_row(run) | {"run": run.relative_to(folder).as_posix()} for run in runs]
    return pd.DataFrame(rows, columns=["run", "data", "model", "seed", *SETTINGS, "state", "psnr", "ssim"])


def _row(run: Path) -> dict:
    try:
        settings = read_run_json(run / "config.json")
        row = {name: settings.get(name) for name in ("data", "seed", *SETTINGS)}
        row["model"] = paper.model_name(settings["gamma_init"], settings["loss"], settings.get("head", "rgb"))
        if (run / "error.txt").exists():
            return row | {"state": "failed: see its error.txt"}
        if not (run / "record.json").exists():
            log = read_log(run)
            return row | {"state": f"step {log[-1]['step'] if log else 0}"}
        scores = pd.DataFrame(read_run_json(run / "record.json")["scores"])
        means = {metric: factor * scores[metric].mean() for metric, factor in IN_TABLES.items()}
        return row | {"state": "finished"} | means
    except (CheckpointError, LookupError, TypeError) as error:
        return {"state": f"damaged: {' '.join(str(error).split())}"}
