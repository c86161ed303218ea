"""The paper's eight models and seven data sets."""

from typing import NamedTuple

from hcegan_lib.backend.messages import did_you_mean


class Model(NamedTuple):
    """The two choices that distinguish the rows of the paper's tables: attention and adversarial loss."""

    gamma_init: str | None  # how the attention's gamma starts; None means no attention
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
    """Look up one of the paper's models by its name, a key of `MODELS`; raise ValueError if there is none."""
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}{did_you_mean(name, MODELS)}")
    return MODELS[name]


def model_name(gamma_init: str | None, loss: str) -> str:
    """Return the paper's name for a pair, or a description such as "gamma=uniform, loss=hinge_mse" if it has none."""
    names = {pair: name for name, pair in MODELS.items()}
    return names.get((gamma_init, loss), f"gamma={gamma_init}, loss={loss}")
