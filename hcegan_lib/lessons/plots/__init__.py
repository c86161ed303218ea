"""The figures of the course, one function per figure: numbers in, a figure with alternative text out.

No function here computes a result, shows a figure or saves one.
"""

from hcegan_lib.lessons.plots.attention import (
    attention_cost,
    feature_maps,
    self_attention_module,
    where_positions_look,
)
from hcegan_lib.lessons.plots.figure import Figure
from hcegan_lib.lessons.plots.games import dirac_games
from hcegan_lib.lessons.plots.losses import cross_entropy_parts, hinge_loss, sides_of_losses, value_and_gradient
from hcegan_lib.lessons.plots.networks import generator_structure, growing_patches
from hcegan_lib.lessons.plots.photos import colors_of_gray, opponent_colors, photo_grid
from hcegan_lib.lessons.plots.results import (
    differences_of_single_runs,
    differences_to_baseline,
    holm_steps,
    means_with_intervals,
    two_intervals,
)
from hcegan_lib.lessons.plots.scores import (
    conventions,
    parts_of_errors,
    renderings_with_errors,
    score_by_colorfulness,
    ssim_map,
)
from hcegan_lib.lessons.plots.training import (
    curves_over_seeds,
    discriminators_in_training,
    gains_over_training,
    losses_over_training,
    over_steps,
    stability,
)

__all__ = [
    "Figure",
    "attention_cost",
    "colors_of_gray",
    "conventions",
    "cross_entropy_parts",
    "curves_over_seeds",
    "differences_of_single_runs",
    "differences_to_baseline",
    "dirac_games",
    "discriminators_in_training",
    "feature_maps",
    "gains_over_training",
    "generator_structure",
    "growing_patches",
    "hinge_loss",
    "holm_steps",
    "losses_over_training",
    "means_with_intervals",
    "opponent_colors",
    "over_steps",
    "parts_of_errors",
    "photo_grid",
    "renderings_with_errors",
    "score_by_colorfulness",
    "self_attention_module",
    "sides_of_losses",
    "ssim_map",
    "stability",
    "two_intervals",
    "value_and_gradient",
    "where_positions_look",
]
