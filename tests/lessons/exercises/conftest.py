import re

import pytest

from hcegan_lib.lessons.exercises import judge
from hcegan_lib.lessons.exercises.checking import failures


@pytest.fixture(autouse=True)
def no_failures_so_far():
    failures.clear()


@pytest.fixture
def assert_complaint(capsys):
    """Assert that an answer always gets a complaint that matches a pattern, whatever the random input."""

    def assert_complaint(number, answer, pattern):
        for _ in range(5):
            assert judge(number, answer) is False
            complaint = capsys.readouterr().out.splitlines()[0]
            assert re.search(pattern, complaint), complaint

    return assert_complaint
