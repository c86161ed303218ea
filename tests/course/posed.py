"""Exercises for the tests of grading, so that these do not depend on the course's own."""

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hcegan_lib.lessons.exercises import EXERCISES
from hcegan_lib.lessons.exercises.checking import Exercise, WrongAnswer, compare, uniform


def hinge(answer):
    scores, labels = 6 * uniform(8, 9) - 3, torch.ones(8, 9)
    labels[::2] = -1
    slips = {"the sign is flipped.": torch.relu(1 + labels * scores)}
    compare(answer(scores, labels), torch.relu(1 - labels * scores), slips)


def share(answer):
    scores = uniform(50)
    compare(answer(scores), (scores > 0.5).float().mean())


def steps(answer):
    """Pass a function, which complains if it is called too often."""
    calls = iter(range(100))

    def halve(x):
        if next(calls, None) is None:
            raise WrongAnswer("the loop never ends.")
        return x / 2

    compare(answer(halve, 1.0), 7)


class Sizes(TorchDispatchMode):
    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.is_floating_point():  # not the bytes that go to another process
            self.largest = max(self.largest, result.numel())
        return result


def small(answer):
    """Watch how the answer works, not only what it returns."""
    with Sizes() as sizes:
        result = answer(torch.ones(8))
    compare(result, 8)
    if sizes.largest > 8:
        raise WrongAnswer(f"one tensor holds {sizes.largest} numbers.")


POSED = {f"98.{number}": Exercise(test, ("a hint",)) for number, test in enumerate((hinge, share, steps, small), 1)}


def pose():
    """Register the exercises, in a process that grades or in one that runs an answer."""
    EXERCISES.update(POSED)
