"""The paper's eight models and seven data sets, and three models of ours that keep the luma."""

from typing import NamedTuple

from hcegan_lib.backend.messages import did_you_mean


class Model(NamedTuple):
    """The choices that distinguish the models: attention and adversarial loss, and in ours the generator's head."""

    gamma_init: str | None  # how the attention's gamma starts; None means no attention
    loss: str  # a key of losses.LOSSES, or "none" for L1 alone
    head: str = "rgb"  # what the generator predicts, of models.HEADS; "rgb" in all models of the paper


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

# Not in the paper: its generators repaint the luma that they are given, and these keep it.
LUMA_MODELS: dict[str, Model] = {
    "pix2pix, luma kept": Model(None, "bce", "luma"),
    "SA'+Hinge+BCE, luma kept": Model("normal", "hinge_bce", "luma"),
    "L1 alone, luma kept": Model(None, "none", "luma"),
}

# In the order of the tables' columns.
DATASETS: tuple[str, ...] = ("DIV2K", "Lion", "Bird", "Orange", "Dog", "Fish", "Ladybird")

# Our sets of photographs that stand in for them; `data/standins/crops.csv` lists the photographs.
STANDINS: dict[str, str] = {"DIV2K": "standin-varied"} | {name: f"standin-{name.lower()}" for name in DATASETS[1:]}


def model(name: str) -> Model:
    """Look up a model by its name, a key of `MODELS` or `LUMA_MODELS`; raise ValueError if there is none."""
    models = MODELS | LUMA_MODELS
    if name not in models:
        raise ValueError(f"unknown model {name!r}{did_you_mean(name, models)}")
    return models[name]


def model_name(gamma_init: str | None, loss: str, head: str = "rgb") -> str:
    """Return the name for these choices, or a description such as "gamma=uniform, loss=hinge_mse" if they have none."""
    names = {choices: name for name, choices in (MODELS | LUMA_MODELS).items()}
    described = f"gamma={gamma_init}, loss={loss}" + f", head={head}" * (head != "rgb")
    return names.get((gamma_init, loss, head), described)
