import numpy as np
import torch

from hcegan_lib.lessons import explorers

AT = torch.linspace(-3, 3, 31)
REAL = torch.randn(50, generator=torch.Generator().manual_seed(0))
FILM = {turn: (REAL - 2 + turn / 4, torch.sigmoid(AT + turn)) for turn in (0, 4, 8, 12)}


def test_a_turn_of_a_game_is_drawn_with_its_points_and_its_discriminator():
    figure = explorers.game_picture(FILM, real=REAL, at=AT, turn=8)
    (ax,) = figure.axes
    real, fake, probability = ax.lines[:3]
    np.testing.assert_array_equal(real.get_xdata(), REAL)
    np.testing.assert_allclose(fake.get_xdata(), REAL, atol=1e-6)  # in turn 8 they have arrived
    np.testing.assert_allclose(probability.get_ydata(), torch.sigmoid(AT + 8))
    assert f"Turn 8: the fake points have mean {REAL.mean():.2f}" in figure.alt


def test_the_slider_of_a_game_stops_at_the_recorded_turns_and_can_be_played():
    explorer = explorers.game_explorer(FILM, real=REAL, at=AT)
    (turn,) = explorer.panel.controls
    assert turn["texts"] == ["0", "4", "8", "12"]
    assert turn["play"]
    explorer.set(turn=12)
    assert "Turn 12" in explorer.panel.alt


def test_about_a_dozen_turns_of_a_long_game_are_stored():
    film = {turn: FILM[4 * (turn % 4)] for turn in range(100)}
    explorer = explorers.game_explorer(film, real=REAL, at=AT)
    assert [frame["chosen"]["turn"] for frame in explorer.panel.frames] == list(range(0, 100, 9))
