from pathlib import Path

from tests.chaos.memory import MAX_GROWTH_MIB, MAX_MIB, measure
from tests.worker.harness import Sqs


def test_the_parent_stays_small_and_does_not_grow_with_its_messages(tmp_path: Path) -> None:
    sqs = Sqs()
    try:
        memory = measure(tmp_path, sqs, 3_000)
    finally:
        sqs.close()
    assert memory.maximum < MAX_MIB
    assert memory.growth < MAX_GROWTH_MIB
