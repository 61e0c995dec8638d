"""`make demo` on the first day. It shows the whole story of a stack that wakes by its metrics."""

import pytest

from tests.demo.story import Demo, Story
from tests.helpers.first_day import MAKE, checkout, environment


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    copy = checkout(tmp_path_factory.mktemp("first-day"))
    return Demo([*MAKE, "demo"], copy, environment())


class TestDemoOnTheFirstDay(Story):
    wake = "metrics"
