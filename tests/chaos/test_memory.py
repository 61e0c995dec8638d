from pathlib import Path

from tests.chaos.memory import GROWTH, MOST, measure
from tests.worker.harness import Sqs


def test_the_parent_stays_small_and_does_not_grow_with_its_messages(tmp_path: Path) -> None:
    sqs = Sqs()
    try:
        memory = measure(tmp_path, sqs, 3_000)
    finally:
        sqs.close()
    assert memory.most < MOST
    assert memory.growth < GROWTH
