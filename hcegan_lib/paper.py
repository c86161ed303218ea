"""What the paper prints: its eight models, its seven data sets, and Tables 1-3.

The tables are read from `data/paper/`, where each number stands as it is printed. Only stray spaces are taken out on
the way. A bold mark that does not sit on the best value of its column stays where the page has it.
"""

from difflib import get_close_matches
from typing import NamedTuple

import pandas as pd

UNITS = {"psnr": "dB", "ssim": "%"}


class Model(NamedTuple):
    """One row of the paper's tables, as the two choices that make it: attention and adversarial loss."""

    gamma_init: str | None  # how the attention's gamma starts; None means no attention at all
    loss: str  # a key of losses.LOSSES


# Names as printed. SA starts gamma at zero, SA' at draws from N(0, 1), SA'' at draws from U(0, 1) (Sec. 3.2, 4.2).
MODELS: dict[str, Model] = {
    "pix2pix": Model(None, "bce"),
    "pix2pix+SA": Model("zero", "bce"),
    "pix2pix+SA'": Model("normal", "bce"),
    "pix2pix+SA''": Model("uniform", "bce"),
    "SA+Hinge+BCE": Model("zero", "hinge_bce"),
    "SA'+Hinge+BCE": Model("normal", "hinge_bce"),
    "SA''+Hinge+BCE": Model("uniform", "hinge_bce"),
    "SA+Hinge+MSE": Model("zero", "hinge_mse"),
}

# In the order of the tables' columns.
DATASETS: tuple[str, ...] = ("DIV2K", "Lion", "Bird", "Orange", "Dog", "Fish", "Ladybird")


def model(name: str) -> Model:
    """Look up one of the paper's eight models.

    Parameters
    ----------
    name
        A key of `MODELS`, for example "SA'+Hinge+BCE".

    Returns
    -------
    Model
        How its attention starts, and its adversarial loss.

    Raises
    ------
    ValueError
        If the paper has no model of that name.
    """
    if name in MODELS:
        return MODELS[name]
    close = get_close_matches(str(name), MODELS, n=1)
    hint = f' Did you mean "{close[0]}"?' if close else ""
    valid = ", ".join(f'"{valid}"' for valid in MODELS)
    raise ValueError(f"name must be one of the paper's models, got {name!r}.{hint} Valid names: {valid}")


def model_name(gamma_init: str | None, loss: str) -> str:
    """Name a pair as the paper does; the inverse of `model`.

    Parameters
    ----------
    gamma_init
        How the attention's gamma starts, or None for no attention.
    loss
        The adversarial loss.

    Returns
    -------
    str
        A key of `MODELS`, or a plain description such as "gamma=uniform, loss=hinge_mse" for a pair that the paper
        does not have.
    """
    pair = Model(gamma_init, loss)
    names = {known: name for name, known in MODELS.items()}
    return names.get(pair, f"gamma={gamma_init}, loss={loss}")


def table(number: int) -> pd.DataFrame:
    """Read one of the paper's three tables, one row a printed number.

    Parameters
    ----------
    number
        1 (attention), 2 (loss) or 3 (start of the attention's gamma).

    Returns
    -------
    DataFrame
        Columns `table`; `metric`, "psnr" or "ssim"; `unit`, "dB" or "%"; `model`, a key of `MODELS`; `dataset`, one of
        `DATASETS`; `value`; `bold`, whether the paper prints the number in bold; `printed`, the number as it stands on
        the page, stray spaces included. Rows stand in the order of print.

    Raises
    ------
    ValueError
        If the paper has no such table.
    """
    if number not in (1, 2, 3):
        raise ValueError(f"number must be 1, 2 or 3, got {number!r}")
    from hcegan_lib.data import KIT_ROOT  # here, because it loads torch, and the names above need none

    cells = pd.read_csv(KIT_ROOT / "data" / "paper" / f"table{int(number)}.csv", dtype={"printed": str})
    value = cells["printed"].str.replace(" ", "").astype(float)  # "22.5 51" is printed for 22.551
    cells = cells.assign(table=number, unit=cells["metric"].map(UNITS), value=value)
    return cells[["table", "metric", "unit", "model", "dataset", "value", "bold", "printed"]]
