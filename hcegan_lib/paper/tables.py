"""The paper's Tables 1-3, read from `data/paper/`, where each number is kept as printed."""

import pandas as pd

from hcegan_lib import KIT_ROOT

FOLDER = KIT_ROOT / "data" / "paper"
UNITS = {"psnr": "dB", "ssim": "%"}


def table(number: int) -> pd.DataFrame:
    """Read the paper's Table 1 (attention), 2 (loss) or 3 (start of the attention's gamma).

    Returns
    -------
    DataFrame
        One row per printed number, in the order of print. Columns: `table`; `metric`, "psnr" or "ssim"; `unit`, "dB" or
        "%"; `model`, a key of `MODELS`; `dataset`, one of `DATASETS`; `value`; `bold`, whether the number is printed in
        bold, even if it is not the best of its column; `printed`, the number as in our copy, stray spaces included.
    """
    if number not in (1, 2, 3):
        raise ValueError(f"number must be 1, 2 or 3, got {number!r}")
    cells = pd.read_csv(FOLDER / f"table{number}.csv", dtype={"printed": str})
    value = cells["printed"].str.replace(" ", "").astype(float)  # our copy has "22.5 51" for 22.551
    cells = cells.assign(table=number, unit=cells["metric"].map(UNITS), value=value)
    return cells[["table", "metric", "unit", "model", "dataset", "value", "bold", "printed"]]
