"""What all exercises share: their registry, `check` and `judge`, and the comparison of answers.

No printed text may depend on the random input, so that notebooks can store it.
"""

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import Tensor

Answer = Callable  # the function that a student has written
TOLERANCE = 3e-5  # above the rounding of float32, far below the effect of any mistake that the tests look for


class Exercise(NamedTuple):
    """The test of an exercise, which raises WrongAnswer, and the hints for students who are stuck."""

    test: Callable[[Answer], None]
    hints: tuple[str, ...]  # each failed try shows one more


class WrongAnswer(Exception):
    """The answer is wrong; the text says why."""


class NotWritten(Exception):
    """The answer is still the stub of the exercise."""


EXERCISES: dict[str, Exercise] = {}  # by number, such as "01.2"
failures: Counter[str] = Counter()  # failed tries since the exercise was last answered correctly


def exercise(number: str, *hints: str) -> Callable:
    """Register the decorated function as the test of an exercise."""

    def register(test: Callable[[Answer], None]) -> Callable[[Answer], None]:
        EXERCISES[number] = Exercise(test, hints)
        return test

    return register


def check(number: str, answer: Answer) -> None:
    """Test a function against an exercise, such as "01.2"; print that it is right, or what is wrong and a hint.

    Each wrong try shows one more hint; the stub is only said to be not written yet. ValueError lists the exercises if
    there is none of this number.
    """
    judge(number, answer)  # a notebook would display the returned value


def judge(number: str, answer: Answer) -> bool:
    """Do the same as `check`, and return whether the answer is right."""
    if number not in EXERCISES:
        raise ValueError(f"number must be one of the exercises {', '.join(EXERCISES)}, got {number!r}")
    test, hints = EXERCISES[number]
    try:
        test(_guard(answer))
    except NotWritten:
        print(f"Exercise {number}: not written yet.")
        return False
    except WrongAnswer as complaint:
        failures[number] += 1
        print(f"Exercise {number}: {complaint}")
        for hint in hints[: failures[number]]:
            print(f"  Hint: {hint}")
        return False
    del failures[number]
    print(f"Exercise {number}: right.")
    return True


def _guard(answer: Answer) -> Answer:
    """Wrap an answer so that it gets copies, and so that its errors and missing results become complaints."""
    if not callable(answer):
        kind = type(answer).__name__
        raise WrongAnswer(f"pass the function itself, without calling it; got an object of type {kind}.")

    def call(*arguments: object) -> object:
        try:
            result = answer(*copy.deepcopy(arguments))
        except NotImplementedError:
            raise NotWritten from None
        except WrongAnswer:  # from a function that the test passed to the answer
            raise
        except Exception as error:
            text = " ".join(str(error).split())
            raise WrongAnswer(f"your function raises {type(error).__name__}{f': {text}' if text else '.'}") from None
        if result is None or result is ...:
            raise NotWritten
        return result

    return call


def compare(
    result: object, expected: object, slips: Mapping | None = None, *, tolerance: float = TOLERANCE, otherwise: str = ""
) -> None:
    """Raise `WrongAnswer` if a result differs from the expected one; both may be numbers, sequences or tensors.

    `slips` maps complaints to the results of common mistakes; `otherwise` is the complaint about other wrong values.
    """
    result, expected = as_array(result), np.asarray(expected, float)
    if result.shape == expected.shape and np.allclose(result, expected, rtol=tolerance, atol=tolerance):
        return
    for complaint, slip in (slips or {}).items():
        slip = np.asarray(slip, float)
        if slip.shape == result.shape and np.allclose(result, slip, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise WrongAnswer(complaint)
    as_array(result, expected.shape)
    not_finite = "some of the values are infinite or NaN." if not np.isfinite(result).all() else None
    raise WrongAnswer(otherwise or not_finite or "the values are wrong.")


def as_array(result: object, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Convert a result to an array of floats; raise `WrongAnswer` if it holds anything else or has another shape."""
    try:
        array = np.asarray(result.detach() if isinstance(result, Tensor) else result, float)
    except (TypeError, ValueError):
        raise WrongAnswer(f"expected numbers, got an object of type {type(result).__name__}.") from None
    if shape not in (None, array.shape):
        expected, got = (f"shape {shape}", array.shape) if shape else ("one number", f"shape {array.shape}")
        raise WrongAnswer(f"expected {expected}, got {got or 'one number'}.")
    return array


def uniform(*shape: int) -> Tensor:
    """Draw pixels in [0, 1], different ones in each call, without touching torch's global seed."""
    return torch.from_numpy(np.random.default_rng().random(shape, dtype=np.float32))


def normal(*shape: int) -> Tensor:
    """Draw from N(0, 1), different numbers in each call, without touching torch's global seed."""
    return torch.from_numpy(np.random.default_rng().standard_normal(shape).astype(np.float32))


def mean_interval(values: np.ndarray, error: np.ndarray | None = None, df: float = 0, level: float = 0.95) -> tuple:
    """Compute the t interval of the mean over the first axis. The other parameters are for mistakes."""
    error = stats.sem(values) if error is None else error
    return stats.t.interval(level, df or len(values) - 1, values.mean(axis=0), error)


def patch_scores(*counts: int) -> Tensor:
    """Draw 100 scores, shape (4, 1, 5, 5): so many in [-3, -1], [-1, 0], [0, 1] and [1, 3]."""
    ranges = (-3, -1), (-1, 0), (0, 1), (1, 3)
    drawn = [low + (high - low) * uniform(count) for (low, high), count in zip(ranges, counts)]
    return torch.cat(drawn).view(4, 1, 5, 5)
