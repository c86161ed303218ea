"""Tests and hints for the notebooks' exercises, one module per notebook; `check` runs a test on fresh random input.

The exercises' texts and solutions are in the notebooks, not here.
"""

from hcegan_lib.lessons.exercises import (  # importing a module registers its exercises
    attention_inits,
    cross_entropy_loss,
    figures,
    hinge_cross_entropy,
    hinge_loss,
    measuring_color,
    networks,
    reading_critically,
    self_attention,
    start_here,
    tables,
    train,
)
from hcegan_lib.lessons.exercises.checking import EXERCISES, check, judge

__all__ = ["EXERCISES", "check", "judge"]

for _number in sorted(EXERCISES):  # the modules above are in alphabetical order, the notebooks are not
    EXERCISES[_number] = EXERCISES.pop(_number)
