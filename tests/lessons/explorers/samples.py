"""Every explorer, with small inputs: photographs, feature maps, a game."""

import numpy as np
import torch

from hcegan_lib.lessons import explorers
from hcegan_lib.losses import LOSSES
from hcegan_lib.models import PatchDiscriminator


def noise(*shape):
    return torch.from_numpy(np.random.default_rng(sum(shape)).random(shape, dtype=np.float32))


GRAY, COLOR = noise(3, 1, 32, 32), noise(3, 3, 32, 32)
MAPS = {"8 x 8": noise(3, 16, 8, 8), "4 x 4": noise(3, 24, 4, 4)}
AT = torch.linspace(-3, 3, 31)
FILM = {turn: (noise(40) + turn, torch.sigmoid(AT + turn)) for turn in (0, 1, 2)}
PICTURES = {"gray": GRAY, "halfway": (COLOR + GRAY) / 2, "true": COLOR}


def moment(init, step):
    """A moment of training as `record_starts` keeps it: later maps are larger, later layers are drawn anew."""
    layers = {size: explorers.attention_at_start(x.shape[1], init=init, seed=step) for size, x in MAPS.items()}
    return {size: (layer, (1 + step) * MAPS[size]) for size, layer in layers.items()}


RECORDING = {init: {step: moment(init, step) for step in (0, 5)} for init in ("zero", "normal", "uniform")}

PATCHES = PatchDiscriminator(base_channels=2)


def dirac_picture(*, loss, other, **values):
    return explorers.dirac_picture(loss=LOSSES[loss], other=LOSSES[other], names=(loss, other), **values)


# Explorer -> how to make it, its plain function, and values to set, one step per entry.
EXPLORERS = {
    "loss": (
        explorers.loss_explorer,
        explorers.loss_picture,
        [
            *({"logit": -1.5}, {"margin": 2.0}, {"label": -1}, {"logit": 3.0, "margin": 0.5}),
            *({"first": "mse"}, {"second": explorers.PRINTED}),
        ],
    ),
    "dirac": (
        lambda: explorers.dirac_explorer(steps=120),
        dirac_picture,
        [
            {"loss": "hinge"},
            {"rate": 0.6},
            {"theta": -1.5},
            {"psi": 0.0, "loss": "bce"},
            {"other": "hinge"},
            {"steps": 7},
        ],
    ),
    "game": (
        lambda: explorers.game_explorer(FILM, real=noise(40), at=AT),
        lambda **values: explorers.game_picture(FILM, real=noise(40), at=AT, **values),
        [{"turn": 1}, {"turn": 2}],
    ),
    "attention": (
        lambda: explorers.attention_explorer(RECORDING, COLOR),
        lambda **values: explorers.attention_picture(RECORDING, COLOR, **values),
        [
            *({"step": 5}, {"channel": 9}, {"size": "4 x 4"}, {"photograph": 2}),
            *({"row": 3}, {"column": 0}, {"size": "8 x 8", "step": 0}),
        ],
    ),
    "patch": (
        lambda: explorers.patch_explorer(PATCHES, COLOR[0]),
        lambda **values: explorers.patch_picture(PATCHES, COLOR[0], **values),
        [{"row": 0}, {"column": 0}, {"row": 1}],
    ),
    "gallery": (
        lambda: explorers.gallery(PICTURES),
        lambda **values: explorers.gallery_picture(PICTURES, **values),
        [{"share": 0.1}, {"left": "halfway"}, {"photograph": 1}, {"right": "gray"}],
    ),
}
