from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.worker.harness import Agent, Process, Sqs, TestQueue

Start = Callable[..., Process]


@pytest.fixture(scope="session")
def sqs() -> Iterator[Sqs]:
    emulator = Sqs()
    yield emulator
    emulator.close()


@pytest.fixture
def queue(sqs: Sqs) -> TestQueue:
    return sqs.queue()


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    yield agent
    agent.close()


@pytest.fixture
def start(tmp_path: Path, sqs: Sqs, queue: TestQueue) -> Iterator[Start]:
    """Starts the worker on the test's queue, with this handler and these environment variables."""
    processes: list[Process] = []

    def start(handler: str | None = None, on: TestQueue = queue, **environment: str) -> Process:
        processes.append(Process(tmp_path, sqs, on, handler, **environment))
        return processes[-1]

    yield start
    for process in processes:
        process.close()
