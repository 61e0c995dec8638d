import os
import socket
import time
from datetime import datetime

import pytest

from tests.worker.conftest import Start
from tests.worker.harness import Agent, TestQueue, until
from worker import protection
from worker.protection import Protection, ProtectionError

BLOCKED = {"failure": {"Arn": "arn:aws:ecs:task", "Reason": "DEPLOYMENT_BLOCKED", "Detail": None}}
YES = {"protection": {"ProtectionEnabled": False}}


def test_protection_is_proved_first_then_changed_only_between_idle_and_busy(
    start: Start, queue: TestQueue, agent: Agent
) -> None:
    for _ in range(3):
        queue.send({"sleep": 0.2})
    worker = start(ECS_AGENT_URI=agent.uri)
    until(lambda: len(agent.wishes) >= 3)
    queue.send("late")
    until(lambda: len(agent.wishes) >= 5)
    off = {"ProtectionEnabled": False}
    on = {"ProtectionEnabled": True, "ExpiresInMinutes": 1440}
    assert [wish for _, wish in agent.wishes] == [off, on, off, on, off]
    started = [datetime.fromisoformat(line["time"]).timestamp() for line in worker.events("started", "job_started")]
    done = [datetime.fromisoformat(line["time"]).timestamp() for line in worker.events("job_done")]
    assert len(done) == 4
    proved, first_on, first_off, second_on, second_off = (at for at, _ in agent.wishes)
    slack = 0.002  # log lines have milliseconds
    assert proved <= started[0] + slack
    assert first_on <= started[1] + slack
    assert done[2] <= first_off + slack
    assert second_on <= started[4] + slack
    assert done[3] <= second_off + slack


def test_protection_goes_at_once_when_no_other_job_waits(start: Start, queue: TestQueue, agent: Agent) -> None:
    queue.send("job")
    worker = start(ECS_AGENT_URI=agent.uri, EBB_STOP_TIMEOUT="120")  # an idle receive waits for 20 seconds
    worker.wait_for("job_done")
    until(lambda: agent.asked == [False, True, False], limit=5)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((403, {"error": {"Code": "AccessDeniedException"}}), "AccessDeniedException"),
        ((200, {"failure": {"Arn": "task", "Reason": "TASK_NOT_VALID", "Detail": "no service"}}), "TASK_NOT_VALID"),
        ((200, {}), "does not say that it is done"),
    ],
)
def test_where_protection_is_refused_nothing_is_received_and_the_worker_exits_69(
    start: Start, queue: TestQueue, agent: Agent, answer: tuple[int, dict[str, object]], reason: str
) -> None:
    queue.send("job")
    agent.plan = [answer]
    worker = start(ECS_AGENT_URI=agent.uri)
    assert worker.exit_code() == os.EX_UNAVAILABLE
    assert [line["event"] for line in worker.lines] == ["protection_refused"]
    assert reason in worker.lines[0]["reason"]
    assert agent.asked == [False]
    assert queue.receives() == 0


def test_where_no_agent_answers_nothing_is_received_and_the_worker_exits_69(start: Start, queue: TestQueue) -> None:
    queue.send("job")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    worker = start(ECS_AGENT_URI=f"http://127.0.0.1:{port}")
    assert worker.exit_code() == os.EX_UNAVAILABLE
    assert "Connection refused" in worker.events("protection_refused")[0]["reason"]
    assert queue.receives() == 0


def test_a_blocked_deployment_gives_the_message_back_and_exits_0(start: Start, queue: TestQueue, agent: Agent) -> None:
    queue.send("job")
    agent.plan = [(200, YES), (200, BLOCKED)]
    worker = start(ECS_AGENT_URI=agent.uri)
    assert worker.exit_code() == 0
    names = [line["event"] for line in worker.lines]
    assert names == ["started", "job_given_back", "deployment_blocked", "stopped"]
    assert queue.counts() == (1, 0)


def test_an_agent_lost_later_gives_the_message_back_and_exits_69(start: Start, queue: TestQueue, agent: Agent) -> None:
    queue.send("job")
    lost = (504, {"error": {"Code": "RequestCanceled"}})
    agent.plan = [(200, YES)] + [lost] * protection.TRIES
    worker = start(ECS_AGENT_URI=agent.uri)
    assert worker.exit_code() == os.EX_UNAVAILABLE
    assert [line["event"] for line in worker.lines] == ["started", "job_given_back", "protection_refused"]
    assert queue.counts() == (1, 0)


def test_an_agent_that_stumbles_is_asked_again(agent: Agent) -> None:
    throttled = (400, {"error": {"Code": "ThrottlingException"}})
    agent.plan = [(504, {"error": {"Code": "RequestCanceled"}}), throttled]
    pauses: list[float] = []
    Protection(agent.uri, sleep=pauses.append).prove()
    assert agent.asked == [False, False, False]
    assert pauses == [protection.PAUSE] * 2


def test_an_agent_that_hangs_is_given_up_within_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        with pytest.raises(ProtectionError, match="does not answer: timed out"):
            Protection(f"http://127.0.0.1:{deaf.getsockname()[1]}", sleep=lambda _: None).prove()
        assert time.monotonic() - began < 3


def test_protection_is_refreshed_before_a_job_that_it_might_not_outlast(agent: Agent) -> None:
    now = 0.0
    task = Protection(agent.uri, clock=lambda: now)
    task.protect()
    now = (protection.EXPIRES_IN - protection.LEAST_LEFT) * 60
    task.protect()
    assert agent.asked == [True]
    now += 1
    task.protect()
    assert agent.asked == [True, True]
    assert protection.LEAST_LEFT > 12 * 60
    assert protection.EXPIRES_IN <= 2880


def test_a_release_that_failed_is_tried_again_when_next_idle(agent: Agent) -> None:
    task = Protection(agent.uri, sleep=lambda _: None)
    task.protect()
    agent.plan = [(403, {})]
    task.release()
    assert task.on
    task.release()
    assert not task.on
    task.release()
    assert agent.asked == [True, False, False]


def test_a_proxy_in_the_environment_is_not_asked_for_the_agent(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    Protection(agent.uri).prove()
    assert agent.asked == [False]
