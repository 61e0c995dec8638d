import pytest

from tests.worker.core.fake_queues import Clock
from tests.worker.fake_sqs import FakeSqs


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> FakeSqs:
    return FakeSqs(clock)


@pytest.fixture
def fifo(clock: Clock) -> FakeSqs:
    return FakeSqs(clock, fifo=True)
