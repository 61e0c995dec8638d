import json
import socket

import pytest

from tests.worker.harness import Agent
from worker.aws import protection
from worker.aws.protection import EcsAgent
from worker.core.events import Denial, Protect, Protected

ON, OFF = Protect(720), Protect(0)


def _protection(uri: str) -> EcsAgent:
    return EcsAgent(uri, clock=lambda: 7.0)


def test_protection_is_asked_for_with_its_minutes_and_given_back_without(agent: Agent) -> None:
    asked = _protection(agent.uri)
    assert asked.protect(OFF) == Protected(OFF, 7.0)
    assert asked.protect(ON) == Protected(ON, 7.0)
    assert [wish for _, wish in agent.wishes] == [
        {"ProtectionEnabled": False},
        {"ProtectionEnabled": True, "ExpiresInMinutes": 720},
    ]


def test_the_time_of_a_request_is_from_before_it(agent: Agent) -> None:
    ours = EcsAgent(agent.uri, clock=lambda: float(len(agent.wishes)))
    agent.plan = [(200, {"protection": {"ProtectionEnabled": True}}), (504, {})]
    assert [ours.protect(ON).asked_at for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("status", "answer", "denial", "error"),
    [
        (
            200,
            {"failure": {"Arn": "task", "Reason": "DEPLOYMENT_BLOCKED", "Detail": None}},
            Denial.BLOCKED,
            "ECS refused: DEPLOYMENT_BLOCKED",
        ),
        (
            200,
            {"failure": {"Arn": "task", "Reason": "TASK_NOT_VALID", "Detail": "no service"}},
            Denial.REFUSED,
            "ECS refused: TASK_NOT_VALID no service",
        ),
        (
            403,
            {"error": {"Code": "AccessDeniedException"}},
            Denial.REFUSED,
            'the ECS agent refused: 403 {"error": {"Code": "AccessDeniedException"}}',
        ),
        (404, {}, Denial.REFUSED, "the ECS agent refused: 404 {}"),
        (200, {}, Denial.REFUSED, "the ECS agent's answer does not confirm the request: {}"),
        (
            200,
            {"protection": {"ProtectionEnabled": False}},
            Denial.REFUSED,
            'the ECS agent\'s answer does not confirm the request: {"protection": {"ProtectionEnabled": false}}',
        ),
    ],
)
def test_a_no_is_asked_for_once(
    agent: Agent, status: int, answer: dict[str, object], denial: Denial, error: str
) -> None:
    agent.plan = [(status, answer)]
    assert _protection(agent.uri).protect(ON) == Protected(ON, 7.0, denial, error)
    assert agent.asked == [True]


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, {}),
        (503, {}),
        (504, {"error": {"Code": "RequestCanceled"}}),
        (429, {}),
        (400, {"error": {"Code": "ThrottlingException"}}),
    ],
)
def test_an_error_that_can_go_away_is_no_refusal(agent: Agent, status: int, answer: dict[str, object]) -> None:
    agent.plan = [(status, answer)]
    text = f"the ECS agent cannot: {status} {json.dumps(answer)}"
    assert _protection(agent.uri).protect(ON) == Protected(ON, 7.0, Denial.UNAVAILABLE, text)
    assert agent.asked == [True]


def test_an_answer_that_is_no_object_is_none(agent: Agent) -> None:
    agent.plan = [(200, ["yes"])]  # type: ignore[list-item]
    assert _protection(agent.uri).protect(ON).denial is Denial.UNAVAILABLE


def test_an_agent_that_is_not_there_may_come_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    protected = _protection(f"http://127.0.0.1:{port}").protect(OFF)
    assert protected.denial is Denial.UNAVAILABLE
    assert "Connection refused" in str(protected.error)


def test_an_agent_that_hangs_is_given_up_within_its_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protection, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        protected = _protection(f"http://127.0.0.1:{deaf.getsockname()[1]}").protect(ON)
    assert protected.denial is Denial.UNAVAILABLE
    assert str(protected.error).endswith("does not answer: timed out")


def test_a_proxy_in_the_environment_is_not_asked_for_the_agent(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert _protection(agent.uri).protect(OFF).denial is None
    assert agent.asked == [False]
