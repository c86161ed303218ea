"""The figures of the course, one function per figure: numbers in, a figure with alternative text out.

No function here computes a result, shows a figure or saves one.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["attention_cost", "feature_maps", "self_attention_module", "tone_curves"],
        "figure": ["Figure"],
        "games": ["dirac_games", "ends_of_games", "scores_by_seed"],
        "losses": ["cross_entropy_parts", "hinge_loss", "sides_of_losses", "value_and_gradient"],
        "luminance": ["coarse_chroma", "fidelity_and_vividness"],
        "medical": ["disagreement", "lightness_of_maps", "windows_on_values"],
        "networks": ["generator_structure", "growing_patches", "shares_of_attention"],
        "photos": ["colors_of_gray", "opponent_colors", "photo_grid"],
        "results": [
            *("differences_of_single_runs", "effects_by_data_set"),
            *("holm_steps", "means_with_intervals", "two_intervals"),
        ],
        "scores": ["conventions", "parts_of_errors", "renderings_with_errors", "score_by_colorfulness", "ssim_map"],
        "the_game": ["best_discriminator", "colors_of_a_game", "moments_of_a_game"],
        "training": [
            *("curves_over_seeds", "gains_over_training", "losses_over_training", "over_steps"),
            *("skill_over_training", "stability"),
        ],
    },
)
