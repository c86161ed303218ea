"""Interactive figures, one module per topic: controls over a plain function, `..._picture`, that draws.

Explorers hold no results of their own; a notebook can call each plain function without widgets.
"""

from hcegan_lib.lessons.explorers.attention import (
    attended_maps,
    attention_at_start,
    attention_explorer,
    attention_looks,
    attention_picture,
    look,
)
from hcegan_lib.lessons.explorers.explorer import Explorer, new_figure, picture
from hcegan_lib.lessons.explorers.games import dirac_explorer, dirac_picture, dirac_walk
from hcegan_lib.lessons.explorers.losses import loss_at, loss_explorer, loss_picture, margin_losses
from hcegan_lib.lessons.explorers.patches import patch_explorer, patch_picture, patch_seen
from hcegan_lib.lessons.explorers.versions import before_after, gallery, gallery_picture

__all__ = [
    "Explorer",
    "attended_maps",
    "attention_at_start",
    "attention_explorer",
    "attention_looks",
    "attention_picture",
    "before_after",
    "dirac_explorer",
    "dirac_picture",
    "dirac_walk",
    "gallery",
    "gallery_picture",
    "look",
    "loss_at",
    "loss_explorer",
    "loss_picture",
    "margin_losses",
    "new_figure",
    "patch_explorer",
    "patch_picture",
    "patch_seen",
    "picture",
]
