"""Interactive figures, one module per topic: controls over a plain function, `..._picture`, that draws.

Explorers hold no results of their own; a notebook can call each plain function without widgets. A function that draws
takes `figure`, an earlier result to change; None makes a new figure.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": [
            *("attended_layers", "attended_maps", "attention_at_start", "attention_explorer", "attention_looks"),
            *("attention_picture", "look", "record_starts"),
        ],
        "explorer": ["FIELD", "Control", "Explorer", "new_figure", "picture", "slider"],
        "games": ["dirac_explorer", "dirac_picture"],
        "losses": ["loss_explorer", "PRINTED", "loss_picture", "margin_losses"],
        "patches": ["patch_explorer", "patch_picture"],
        "the_game": ["game_explorer", "game_picture"],
        "upload": ["ColorUpload", "before_and_after", "color_upload"],
        "versions": ["gallery", "gallery_picture"],
    },
)
