"""What the tests of the fake SQS do with a queue."""

from collections.abc import Callable

import pytest

from tests.worker.fake_sqs import FakeSqs
from tests.worker.fake_sqs_store import Delivery, SqsError


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def one(queue: FakeSqs) -> Delivery:
    (delivery,) = queue.receive()
    return delivery


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(SqsError) as caught:
        call()
    return caught.value.code


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.id for delivery in deliveries]


def put(queue: FakeSqs, *bodies: str, group: str = "g") -> list[str]:
    return [queue.send(body, group=group, deduplication_id=f"{group}{body}") for body in bodies]
