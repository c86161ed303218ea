"""Choose the training protocol on pix2pix alone, by photographs held out of the training photographs.

`python -m benchmarks.tuning SET...` trains each option below on each set (default: flowers) with a few seeds and writes
data/results/tuning.csv. No test photograph is looked at. Finished runs are kept in data/runs/tuning, so a call that was
interrupted goes on where it stopped.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import pandas as pd
import torch
from scipy import stats
from tqdm import tqdm

from hcegan_lib import data, metrics, paper, train
from hcegan_lib.backend.files import write_atomically
from hcegan_lib.color import gray_to_rgb
from hcegan_lib.experiment import records
from hcegan_lib.experiment.results import effects
from hcegan_lib.models import UNetGenerator, render

BASE = replace(train.TOUR, learning_rate=1e-3, decay_from=0.5, precision="bfloat16")
STEPS = 1000
OPTIONS = {  # name -> changed settings, and steps: one choice at a time differs from the first row
    "base": ({}, STEPS),
    "rate 5e-4": ({"learning_rate": 5e-4}, STEPS),
    "rate 2e-3": ({"learning_rate": 2e-3}, STEPS),
    "rate 4e-3": ({"learning_rate": 4e-3}, STEPS),
    "rate 8e-3": ({"learning_rate": 8e-3}, STEPS),
    "constant rate": ({"decay_from": 1.0}, STEPS),
    "decay from 0.25": ({"decay_from": 0.25}, STEPS),
    "twice the steps": ({}, 2 * STEPS),
    "float32": ({"precision": "float32"}, STEPS),
    "batch of 4": ({"batch_size": 4}, 2 * STEPS),  # as many epochs, at nearly the same cost
    "batch of 4, rate 5e-4": ({"batch_size": 4, "learning_rate": 5e-4}, 2 * STEPS),
}
AVERAGED = 3  # epochs whose generators are averaged, as a further row of each run


def tune(name: str, option: str, seed: int) -> list[dict]:
    """Train one option on one set; return one row for its last generator and one for the average of the last epochs."""
    torch.set_num_threads(1)
    folder = records.RUNS / "tuning" / f"{Path(name).name}-{option.replace(' ', '-')}-seed{seed}"
    if (folder / "tuning.json").exists():
        return json.loads((folder / "tuning.json").read_text(encoding="utf-8"))
    changes, steps = OPTIONS[option]
    photos = data.validation_split(data.load(name, BASE.image_size))
    settings = replace(BASE, data=name, seed=seed, **changes)
    per_epoch = len(photos.train) // settings.batch_size
    settings = replace(settings, epochs=round(steps / per_epoch))
    states = []
    for epoch in range(settings.epochs - AVERAGED + 1, settings.epochs + 1):
        fit = train.fit(settings, photos, folder, progress=False, stop_at=epoch * per_epoch)
        if fit.step == epoch * per_epoch:  # not in a run that had been finished before
            states.append({key: value.clone() for key, value in fit.generator.state_dict().items()})
    generators = {1: fit.generator}
    if len(states) == AVERAGED:
        generators[AVERAGED] = train.build(settings)[0]
        mean = {key: torch.stack([state[key].double() for state in states]).mean(0) for key in states[0]}
        generators[AVERAGED].load_state_dict(mean)
    given = {"data": photos.name, "option": option, "seed": seed, "steps": fit.steps}
    given |= {
        key: asdict(settings)[key] for key in ("learning_rate", "decay_from", "batch_size", "epochs", "precision")
    }
    rows = [given | {"averaged epochs": n} | score(generators[n], photos.test) for n in generators]
    rows[0]["seconds"] = round(float(fit.log["seconds"].sum()), 1)
    write_atomically(folder / "tuning.json", json.dumps(rows))
    return rows


def score(generator: UNetGenerator, photos: data.Photos) -> dict[str, float]:
    """Average PSNR (dB), SSIM (percent) and chroma skill over photographs, with the gray copy's beside them."""
    gray, _ = photos.batch()
    ours, theirs = (metrics.evaluate(images, photos) for images in (render(generator, gray), gray_to_rgb(gray)))
    skill = 1 - ours["chroma_error"].mean() / theirs["chroma_error"].mean()
    scores = {"psnr": ours["psnr"].mean(), "ssim": 100 * ours["ssim"].mean(), "skill": skill}
    scores |= {"gray psnr": theirs["psnr"].mean(), "gray ssim": 100 * theirs["ssim"].mean()}
    return {name: float(score) for name, score in scores.items()}


def seed_spread(table: pd.DataFrame, metric: str) -> float:
    """Standard deviation of a run's score over seeds, pooled over all options and sets."""
    groups = table[table["averaged epochs"] == 1].groupby(["data", "option"])[metric].agg(["var", "count"])
    freedom = groups["count"] - 1
    return float((groups["var"].fillna(0) * freedom).sum() / freedom.sum()) ** 0.5


def power(table: pd.DataFrame, seeds: int = 5) -> pd.DataFrame:
    """Compute the power of each primary contrast, if the paper's effects and their spread over its columns are true.

    The spread over sets is that of the paper's columns; `seed_spread` adds the spread of a mean over `seeds` seeds. The
    test is two-sided, over seven sets: at 5%, and at 5% / 6, Holm's strictest level.
    """
    rows = []
    for name, (_, _, weights) in effects.PRIMARY.items():
        for metric, unit in paper.UNITS.items():
            printed = effects.printed_effects(weights, metric)
            target, sets = max(printed.mean(), effects.LEAST[metric]), len(printed)
            seed_variance = sum(w**2 for w in weights.values()) * seed_spread(table, metric) ** 2 / seeds
            error = ((printed.var() + seed_variance) / sets) ** 0.5
            row = {"contrast": name, "measure": f"{metric.upper()}, {unit}", "target": f"{target:.2f}"}
            for label, level in {"power at 5%": 0.05, "power at 5% / 6": 0.05 / 6}.items():
                critical = stats.t.ppf(1 - level / 2, sets - 1)
                beyond = stats.nct.sf(critical, sets - 1, target / error)
                row[label] = f"{beyond + stats.nct.cdf(-critical, sets - 1, target / error):.2f}"
            half = stats.t.ppf(0.975, seeds - 1) * (seed_variance / sets) ** 0.5
            rows.append(row | {"half-width over seeds": f"{half:.2f}"})
    return pd.DataFrame(rows)


def main() -> None:
    """Train all options side by side and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", default=["flowers"], help="data sets, as data.load takes them")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    jobs = list(product(chosen.sets, OPTIONS, range(chosen.seeds)))
    jobs.sort(key=lambda job: job[2])  # one seed of everything first
    with ProcessPoolExecutor(chosen.workers, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(tune, *job) for job in jobs]
        rows = []
        for done in tqdm(as_completed(futures), total=len(jobs), unit="run"):
            rows += done.result()
            table = pd.DataFrame(rows).sort_values(["data", "option", "averaged epochs", "seed"])
            records.write_table(records.RESULTS / "tuning.csv", table)
    print(table.groupby(["data", "option", "averaged epochs"])[["psnr", "ssim", "skill"]].mean().round(2).to_string())
    print(power(table).to_string(index=False))


if __name__ == "__main__":
    main()
