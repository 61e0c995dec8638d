import json
import os
import socket
from datetime import datetime

import pytest

from tests.chaos.proxy import Proxy
from tests.helpers.waiting import until
from tests.worker.conftest import Start
from tests.worker.harness import Agent, Sqs, TestQueue
from worker.aws import protection

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
    on = {"ProtectionEnabled": True, "ExpiresInMinutes": 1450}
    assert [wish for _, wish in agent.wishes] == [off, on, off, on, off]
    started = [datetime.fromisoformat(line["time"]).timestamp() for line in worker.events("started", "job_started")]
    worker.wait_for("job_done", 4)  # its line may be read later than the agent was asked
    done = [datetime.fromisoformat(line["time"]).timestamp() for line in worker.events("job_done")]
    assert len(done) == 4
    proved, first_on, first_off, second_on, second_off = (at for at, _ in agent.wishes)
    slack = 0.002  # log lines have milliseconds
    assert proved <= started[0] + slack
    assert first_on <= started[1] + slack
    assert done[2] <= first_off + slack
    assert second_on <= started[4] + slack
    assert done[3] <= second_off + slack


def test_protection_goes_at_once_when_no_other_job_waits(
    start: Start, sqs: Sqs, queue: TestQueue, agent: Agent
) -> None:
    queue.send("job")
    proxy = Proxy(int(sqs.endpoint.rpartition(":")[2]), record=True)
    worker = start(ECS_AGENT_URI=agent.uri, EBB_AWS_ENDPOINT_URL=proxy.endpoint, EBB_STOP_TIMEOUT="120")
    until(lambda: agent.asked == [False, True, False])
    worker.close()
    proxy.close()
    receives = [json.loads(seen.body) for seen in proxy.seen if seen.action == "ReceiveMessage"]
    assert [receive["WaitTimeSeconds"] for receive in receives[:2]] == [
        10,
        0,
    ]  # an idle receive waits, this one does not


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((403, {"error": {"Code": "AccessDeniedException"}}), "AccessDeniedException"),
        ((200, {"failure": {"Arn": "task", "Reason": "TASK_NOT_VALID", "Detail": "no service"}}), "TASK_NOT_VALID"),
        ((200, {}), "does not confirm the request"),
    ],
)
def test_where_protection_is_refused_nothing_is_received_and_the_worker_exits_69(
    start: Start, queue: TestQueue, agent: Agent, answer: tuple[int, dict[str, object]], reason: str
) -> None:
    queue.send("job")
    agent.plan = [answer]
    worker = start(ECS_AGENT_URI=agent.uri)
    assert worker.exit_code() == os.EX_UNAVAILABLE
    assert [line["event"] for line in worker.lines] == ["protection_refused", "stopped"]
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
    assert names == ["started", "deployment_blocked", "job_given_back", "stopped"]
    assert queue.counts() == (1, 0)


def test_an_agent_lost_later_gives_the_message_back_and_exits_69(start: Start, queue: TestQueue, agent: Agent) -> None:
    queue.send("job")
    lost = (504, {"error": {"Code": "RequestCanceled"}})
    agent.plan = [(200, YES)] + [lost] * protection.MAX_TRIES
    worker = start(ECS_AGENT_URI=agent.uri)
    assert worker.exit_code() == os.EX_UNAVAILABLE
    names = [line["event"] for line in worker.lines]
    assert names == ["started", "protection_refused", "job_given_back", "stopped"]
    assert queue.counts() == (1, 0)


def test_jobs_that_end_within_the_stop_timeout_may_run_unprotected(
    start: Start, queue: TestQueue, agent: Agent
) -> None:
    queue.send({"sleep": 0.1})
    worker = start(ECS_AGENT_URI=agent.uri, EBB_PROTECTION="off", EBB_STOP_TIMEOUT="30", EBB_JOB_TIMEOUT="20")
    worker.wait_for("job_done")
    assert agent.asked == []
    assert [line["reason"] for line in worker.events("no_protection")] == ["EBB_PROTECTION is off"]


def test_two_jobs_at_once_are_protected_once(start: Start, queue: TestQueue, agent: Agent) -> None:
    for _ in range(4):
        queue.send({"sleep": 0.5})
    worker = start(ECS_AGENT_URI=agent.uri, EBB_CONCURRENCY="2")
    worker.wait_for("job_done", 4)
    until(lambda: agent.asked == [False, True, False])
