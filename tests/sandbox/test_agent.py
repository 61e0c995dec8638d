import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from ebb.sandbox.ecs.agent import Agent

ARN = "arn:aws:ecs:us-east-1:000000000000:task/jobs/1234"


class Task:
    """A task that keeps what the agent sets."""

    arn = ARN
    has_role = True
    standalone = False
    protected_until: float | None = None
    refusal: str | None = None

    def protect(self, minutes: int | None) -> str | None:
        if self.refusal is None:
            self.protected_until = minutes and time.time() + minutes * 60
        return self.refusal

    def metadata(self) -> dict[str, Any]:
        return {"TaskARN": ARN, "Containers": [{"Name": "worker"}]}


@pytest.fixture
def task() -> Task:
    return Task()


@pytest.fixture
def agent(task: Task) -> Iterator[Agent]:
    agent = Agent({"1234": task}.get)
    agent.start()
    yield agent
    agent.stop()


def ask(uri: str, body: bytes | dict[str, Any] | None = None) -> tuple[int, Any]:
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(uri, data=content, method="GET" if body is None else "PUT")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def state(agent: Agent, task_id: str = "1234") -> str:
    return agent.environment(task_id)["ECS_AGENT_URI"] + "/task-protection/v1/state"


def expiry(answer: Any) -> float:
    return time.mktime(time.strptime(answer["protection"]["ExpirationDate"], "%Y-%m-%dT%H:%M:%S.%fZ")) - time.timezone


def test_a_task_is_not_protected_until_it_asks(agent: Agent) -> None:
    protection = {"ExpirationDate": None, "ProtectionEnabled": False, "TaskArn": ARN}
    assert ask(state(agent)) == (200, {"protection": protection})


@pytest.mark.parametrize(
    ("said", "minutes"), [({}, 120), ({"ExpiresInMinutes": 1}, 1), ({"ExpiresInMinutes": 2880}, 2880)]
)
def test_protection_lasts_as_long_as_asked_or_two_hours(agent: Agent, said: dict[str, int], minutes: int) -> None:
    status, answer = ask(state(agent), {"ProtectionEnabled": True, **said})
    assert (status, answer["protection"]["ProtectionEnabled"], answer["protection"]["TaskArn"]) == (200, True, ARN)
    assert expiry(answer) == pytest.approx(time.time() + minutes * 60, abs=5)
    assert ask(state(agent)) == (200, answer)


def test_protection_can_be_given_up(agent: Agent) -> None:
    ask(state(agent), {"ProtectionEnabled": True})
    status, answer = ask(state(agent), {"ProtectionEnabled": False})
    assert (status, answer["protection"]["ProtectionEnabled"]) == (200, False)


def test_names_match_in_any_case_as_they_do_in_go(agent: Agent) -> None:
    status, answer = ask(state(agent), {"protectionEnabled": True, "expiresInMinutes": 5})
    assert (status, answer["protection"]["ProtectionEnabled"]) == (200, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        {"ProtectionEnabled": True, "Forever": True},
        {"ProtectionEnabled": "true"},
        {"ProtectionEnabled": True, "ExpiresInMinutes": 1.5},
        {"ProtectionEnabled": True, "ExpiresInMinutes": True},
    ],
)
def test_an_unknown_field_or_a_wrong_type_is_refused_with_400(agent: Agent, task: Task, body: Any) -> None:
    error = {"Code": "InvalidParameterException", "Message": "UpdateTaskProtection: failed to decode request"}
    assert ask(state(agent), body) == (400, {"error": error})
    assert task.protected_until is None


def test_a_request_that_does_not_say_on_or_off_is_refused_with_400(agent: Agent) -> None:
    status, answer = ask(state(agent), {"ExpiresInMinutes": 5})
    assert status == 400
    assert answer["error"]["Message"] == "Invalid request: does not contain 'ProtectionEnabled' field"


@pytest.mark.parametrize("minutes", [0, -1, 2881])
def test_a_time_that_ecs_does_not_allow_is_refused_with_400(agent: Agent, task: Task, minutes: int) -> None:
    status, answer = ask(state(agent), {"ProtectionEnabled": True, "ExpiresInMinutes": minutes})
    assert (status, answer["error"]["Code"]) == (400, "InvalidParameterException")
    assert task.protected_until is None


def test_a_refusal_by_ecs_is_a_failure_inside_a_200(agent: Agent, task: Task) -> None:
    task.refusal = "DEPLOYMENT_BLOCKED"
    failure = {"Arn": ARN, "Detail": None, "Reason": "DEPLOYMENT_BLOCKED"}
    assert ask(state(agent), {"ProtectionEnabled": True}) == (200, {"failure": failure})


def test_without_a_task_role_the_agent_answers_403(agent: Agent, task: Task) -> None:
    task.has_role = False
    status, answer = ask(state(agent), {"ProtectionEnabled": False})
    assert (status, answer["error"]["Code"], answer["error"]["Arn"]) == (403, "AccessDeniedException", ARN)
    assert ask(state(agent))[0] == 403


def test_a_task_without_a_service_cannot_be_protected(agent: Agent, task: Task) -> None:
    task.standalone = True
    failure = {"failure": {"Arn": ARN, "Detail": None, "Reason": "TASK_NOT_VALID"}}
    for body in (None, {"ProtectionEnabled": True}):
        assert ask(state(agent), body) == (200, failure)


def test_an_unknown_task_is_not_found(agent: Agent) -> None:
    status, answer = ask(state(agent, "5678"))
    assert (status, answer["error"]["Code"]) == (404, "ResourceNotFoundException")
    assert ask(agent.environment("5678")["ECS_CONTAINER_METADATA_URI_V4"])[0] == 404


def test_metadata_of_the_container_and_of_the_task(agent: Agent) -> None:
    uri = agent.environment("1234")["ECS_CONTAINER_METADATA_URI_V4"]
    assert ask(uri) == (200, {"Name": "worker"})
    assert ask(uri + "/task") == (200, {"TaskARN": ARN, "Containers": [{"Name": "worker"}]})
    assert ask(uri + "/nonsense")[0] == 404


def test_the_port_is_closed_afterwards(task: Task) -> None:
    agent = Agent({"1234": task}.get)
    agent.start()
    assert ask(state(agent))[0] == 200
    agent.stop()
    with pytest.raises(urllib.error.URLError, match="refused"):
        ask(state(agent))
