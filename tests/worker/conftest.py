import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.harness import Agent, Process, Sqs, TestQueue
from tests.worker.place import PRELUDE_LINES, Place
from tests.worker.sqs_stub import Stub
from tests.worker.table_store import Store
from worker import logs

Start = Callable[..., Process]
Open = Callable[..., Place]
#: The lines of the log since the last call.
Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def sqs() -> Iterator[Sqs]:
    emulator = Sqs()
    yield emulator
    emulator.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


@pytest.fixture
def queue(sqs: Sqs) -> TestQueue:
    return sqs.queue()


@pytest.fixture
def store(sqs: Sqs) -> Iterator[Store]:
    store = Store(sqs.endpoint)
    yield store
    store.client.delete_table(TableName=store.table)


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Logged:
    def lines() -> list[dict[str, Any]]:
        logs.OUTPUT.flush()
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return lines


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


@pytest.fixture
def open_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens slots with this handler; the other arguments are those of Place."""
    places: list[Place] = []

    def open_place(handler: str = "def handle(job): pass", **options: Any) -> Place:
        places.append(Place(monkeypatch, tmp_path, handler, **options))
        return places[-1]

    yield open_place
    for place in places:
        place.close()


@pytest.fixture
def handling(open_place: Open) -> Open:
    """Opens a place whose child has imported the handler."""

    def handling(handler: str, **environment: str) -> Place:
        place = open_place(PRELUDE_LINES + handler, **environment)
        assert place.ready().error is None
        return place

    return handling
