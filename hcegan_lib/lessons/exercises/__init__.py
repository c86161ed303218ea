"""Tests and hints for the notebooks' exercises, one module per notebook; `check` runs a test on fresh random input.

The exercises' texts and solutions are in the notebooks, not here.
"""

from importlib import import_module
from pkgutil import iter_modules

from hcegan_lib.lessons.exercises.checking import EXERCISES, check, judge

__all__ = ["EXERCISES", "check", "judge"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")  # registers its exercises
for _number in sorted(EXERCISES):  # the modules are in alphabetical order, the notebooks are not
    EXERCISES[_number] = EXERCISES.pop(_number)
