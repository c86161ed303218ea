"""What a figure shows, read back from its panels."""

import numpy as np


def pixels(ax):
    return np.asarray(ax.images[0].get_array())


def labels(figure):
    return {text for ax in figure.axes for text in (ax.get_xlabel(), ax.get_ylabel()) if text}


def curves(ax):
    """Lines by label, without the gray lines that mark the axes."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
