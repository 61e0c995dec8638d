import os
from datetime import datetime

import pytest

from tests.helpers.waiting import until
from tests.worker.conftest import Start
from tests.worker.harness import Agent, TestQueue

BLOCKED = {"failure": {"Arn": "arn:aws:ecs:task", "Reason": "DEPLOYMENT_BLOCKED", "Detail": None}}
THROTTLED: tuple[int, dict[str, object]] = (400, {"error": {"Code": "ThrottlingException"}})
PROOF = {"ProtectionEnabled": True, "ExpiresInMinutes": 1}
ON = {"ProtectionEnabled": True, "ExpiresInMinutes": 1450}
OFF = {"ProtectionEnabled": False}
#: 60 seconds of hold are one then.
FAST = {"EBB_SANDBOX_SPEED": "60"}


def test_protection_is_proved_first_kept_between_jobs_and_ended_some_time_after_the_last(
    start: Start, queue: TestQueue, agent: Agent
) -> None:
    for _ in range(3):
        queue.send({"sleep": 0.2})
    worker = start(ECS_AGENT_URI=agent.uri, **FAST)
    until(lambda: len(agent.wishes) >= 3)
    queue.send("late")
    until(lambda: len(agent.wishes) >= 5)
    assert [wish for _, wish in agent.wishes] == [PROOF, ON, OFF, ON, OFF]
    worker.wait_for("job_done", 4)  # its line may be read later than the agent was asked
    assert [line["attempt"] for line in worker.events("job_started")] == [1] * 4
    started = [datetime.fromisoformat(line["time"]).timestamp() for line in worker.events("started", "job_started")]
    done = [datetime.fromisoformat(line["time"]).timestamp() for line in worker.events("job_done")]
    proved, first_on, first_off, second_on, second_off = (at for at, _ in agent.wishes)
    slack = 0.002  # log lines have milliseconds
    assert proved <= started[0] + slack
    assert first_on <= started[1] + slack
    assert done[2] <= first_off + slack
    assert second_on <= started[4] + slack
    assert done[3] <= second_off + slack


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((403, {"error": {"Code": "AccessDeniedException"}}), "AccessDeniedException"),
        ((200, {"failure": {"Arn": "task", "Reason": "TASK_NOT_VALID", "Detail": "no service"}}), "TASK_NOT_VALID"),
        ((504, {}), "504"),
    ],
)
def test_where_protection_cannot_be_had_nothing_is_received_and_the_worker_leaves_after_trying(
    start: Start, queue: TestQueue, agent: Agent, answer: tuple[int, dict[str, object]], reason: str
) -> None:
    queue.send("job")
    agent.plan = [answer] * 100
    worker = start(ECS_AGENT_URI=agent.uri, EBB_START_TIMEOUT="5")
    assert worker.exit_code() == os.EX_UNAVAILABLE
    assert [line["event"] for line in worker.lines] == ["protection_refused", "no_protection", "stopped"]
    assert all(reason in line["reason"] for line in worker.lines[:2])
    assert len(agent.asked) >= 2
    assert queue.receives() == 0


def test_an_agent_that_throttles_is_asked_again_and_costs_no_attempt(
    start: Start, queue: TestQueue, agent: Agent
) -> None:
    queue.send("job")
    agent.plan = [THROTTLED] * 3
    worker = start(ECS_AGENT_URI=agent.uri)
    worker.wait_for("job_done")
    assert [line["attempt"] for line in worker.events("job_started")] == [1]
    assert agent.asked == [True] * 5
    assert worker.process.poll() is None


def test_a_blocked_task_stays_receives_nothing_and_works_when_there_is_room(
    start: Start, queue: TestQueue, agent: Agent
) -> None:
    queue.send("job")
    agent.plan = [(200, BLOCKED)] * 2
    worker = start(ECS_AGENT_URI=agent.uri, **FAST)
    worker.wait_for("job_done")
    names = [line["event"] for line in worker.lines if "event" in line]
    assert names == ["deployment_blocked", "started", "job_started", "job_done"]
    assert [line["attempt"] for line in worker.events("job_started")] == [1]


def test_an_agent_lost_later_gives_the_message_back_and_exits_69(start: Start, queue: TestQueue, agent: Agent) -> None:
    agent.plan = [(200, {"protection": PROOF})] + [(504, {})] * 100
    queue.send("job")
    worker = start(ECS_AGENT_URI=agent.uri, EBB_START_TIMEOUT="5")
    assert worker.exit_code() == os.EX_UNAVAILABLE
    names = [line["event"] for line in worker.lines if "event" in line]
    assert names == ["started", "protection_refused", "no_protection", "job_given_back", "stopped"]
    assert sum(queue.counts()) == 1


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
    worker = start(ECS_AGENT_URI=agent.uri, EBB_CONCURRENCY="2", **FAST)
    worker.wait_for("job_done", 4)
    until(lambda: agent.asked == [True, True, False])
