"""`ebb wake`, `drain`, `check`, `destroy-check`, `cost` and `exec` on the deployed stack of a sandbox."""

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ebb.cli import app
from ebb.ops import draining, executing
from ebb.ops.scaling import DIMENSION, Service, State
from ebb.ops.stack import OpsError, Stack
from ebb.project import ROOT
from ebb.sandbox.emulators.local_http import OPENER
from tests.helpers.waiting import LIMIT, until


def ebb(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--stack", "sandbox"])


def last(result: Result) -> str:
    return result.stderr.splitlines()[-1]


def at_zero(stack: Stack) -> None:
    until(lambda: Service(stack).state().running == 0)


# wake


def test_wake_starts_a_task_and_leaves_the_minimum_and_the_rules_end_it(stack: Stack) -> None:
    done = ebb("wake", "--json")
    assert json.loads(done.stdout)["desired"] == 1
    state = Service(stack).state()
    assert (state.minimum, state.maximum) == (0, 4)
    until(lambda: Service(stack).state().desired == 0)  # the minimum is 0 again, so the rules may take it back
    at_zero(stack)


def test_wake_changes_nothing_where_a_task_runs(stack: Stack) -> None:
    stack.clients()("application-autoscaling").register_scalable_target(
        ResourceId=stack.resource_id, MinCapacity=1, **DIMENSION
    )
    until(lambda: Service(stack).state().running == 1)
    assert ebb("wake").stdout == "Stack sandbox already wants 1 tasks; 1 of them run.\n"
    assert Service(stack).state().minimum == 1


def test_wake_says_why_it_cannot(stack: Stack) -> None:
    too_many = ebb("wake", "--tasks", "9")
    assert (too_many.exit_code, last(too_many)) == (
        1,
        "Stack sandbox has at most 4 tasks (`scaling.max_tasks`), not 9.",
    )
    Service(stack).suspend(True)
    paused = ebb("wake")
    assert (paused.exit_code, last(paused)) == (
        1,
        "Stack sandbox is paused, so no task starts: `ebb resume --stack sandbox` first.",
    )


# drain


def post(stack: Stack) -> int:
    request = urllib.request.Request(
        f"{stack.api_url}/jobs", data=b'{"sleep": 0}', headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with OPENER.open(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_drained_stack_takes_no_job_until_the_end_of_the_drain(stack: Stack) -> None:
    asked = ebb("drain")
    assert (asked.exit_code, last(asked)) == (
        2,
        "Let no more jobs into stack sandbox? There is no terminal to ask on: add --yes.",
    )
    assert post(stack) == 202
    done = ebb("drain", "--yes", "--timeout", "600")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    closed = "POST /jobs, POST /jobs/batch, GET /queue"
    assert lines[0] == f"Closed: {closed}. To undo: `ebb drain --stack sandbox --end`."
    assert lines[-1] == "Stack sandbox is empty: no job waits or runs. It is safe to change or destroy it."
    assert post(stack) == 429
    assert ebb("drain", "--end").stdout == f"Stack sandbox takes jobs again ({closed}).\n"
    assert post(stack) == 202
    at_zero(stack)


class Looks:
    """The states of a service, one for each look; the last again."""

    def __init__(self, *states: tuple[int, int]) -> None:
        self.states, self.now = list(states), 0.0

    def state(self) -> State:
        waiting, running = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        zero = {"pending": 0, "delayed": 0, "in_flight": 0, "minimum": 0, "maximum": 4, "desired": running}
        return State(waiting=waiting, running=running, suspended=(), **zero)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("states", "empty", "seconds"),
    [
        ([(0, 0)], True, 10),
        ([(1, 0), (0, 1), (0, 0)], True, 20),
        ([(0, 0), (0, 0), (1, 0), (0, 0)], True, 25),  # SQS's numbers are approximate
        ([(1, 1)], False, 60),
    ],
)
def test_a_drain_is_over_when_three_looks_in_a_row_find_nothing(
    states: list[tuple[int, int]], empty: bool, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(*states)
    monkeypatch.setattr(draining, "Service", lambda *_: looks)
    stack = Stack(name="s", queue_url="q", cluster_name="c", service_name="w")
    assert draining.wait(stack, limit=60, now=lambda: looks.now, sleep=looks.sleep) is empty
    assert looks.now == seconds


# check, destroy-check, cost


def test_a_check_finds_a_stack_in_order_and_then_what_is_not(stack: Stack) -> None:
    at_zero(stack)
    done = ebb("check")
    assert (done.exit_code, [line for line in done.stdout.splitlines() if not line.startswith("ok ")]) == (0, [])
    assert "ok  task: can run jobs: handler, queue, secrets and protection" in done.stdout
    Service(stack).suspend(True)
    stack.clients()("sqs").send_message(QueueUrl=stack.dead_letter_queue_url, MessageBody="{}")
    done = ebb("check", "--no-task", "--json")
    wrong = {each["part"]: each["said"] for each in json.loads(done.stdout) if not each["ok"]}
    assert (done.exit_code, wrong) == (
        1,
        {
            "scaling": "paused (starting tasks, removing tasks, warm hours): `ebb resume --stack sandbox`",
            "dead letters": "1: `ebb dlq list --stack sandbox`",
        },
    )


def test_a_destroy_check_counts_what_would_be_lost(stack: Stack) -> None:
    at_zero(stack)
    Service(stack).suspend(True)
    client = stack.clients()
    for url in (stack.queue_url, stack.dead_letter_queue_url):
        client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    item = {"id": {"S": "later"}, "state": {"S": "scheduled"}, "created": {"N": "1"}}
    client("dynamodb").put_item(TableName=stack.table_name, Item=item)
    done = ebb("destroy-check", "--json")
    lost = {each["name"]: each["count"] for each in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert {name: lost[name] for name in ("waiting", "dead letters", "scheduled", "images")} == {
        "waiting": 1,
        "dead letters": 1,
        "scheduled": 1,
        "images": 1,
    }
    assert lost["job table"] >= 1
    client("dynamodb").delete_item(TableName=stack.table_name, Key={"id": {"S": "later"}})


def test_the_cost_of_the_month_has_its_parts_and_its_end(stack: Stack) -> None:
    done = ebb("cost", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert {part["name"] for part in found["parts"]} >= {"Scaling alarms", "Operators' alarms", "Image"}
    assert 0 <= found["so_far"] <= found["month"]
    said = ebb("cost").stdout.splitlines()
    assert said[0].endswith("in US dollars:")
    assert said[-2].endswith("total, by list prices and CloudWatch's metrics")
    assert said[-1].startswith("Not in it: what the jobs use themselves, ")


# exec


def test_exec_does_not_exist_in_the_sandbox(stack: Stack) -> None:
    done = ebb("exec")
    assert (done.exit_code, last(done)) == (
        1,
        (
            "ECS Exec does not exist in the sandbox: a task is a process of this machine. `ebb logs` shows what it "
            "prints, and `python -m worker --once` runs a job here."
        ),
    )


class Ecs:
    """ECS with a service and its tasks."""

    def __init__(self, *tasks: dict[str, Any], enabled: bool = True) -> None:
        self.tasks, self.enabled = tasks, enabled

    def __call__(self, _service: str) -> "Ecs":
        return self

    def describe_services(self, **_: Any) -> Any:
        return {"services": [{"enableExecuteCommand": self.enabled}]}

    def list_tasks(self, **_: Any) -> Any:
        return {"taskArns": [task["taskArn"] for task in self.tasks]}

    def describe_tasks(self, **_: Any) -> Any:
        return {"tasks": list(self.tasks)}


IN_AWS = Stack(
    name="prod",
    queue_url="https://sqs.eu-west-1.amazonaws.com/1/jobs",
    cluster_name="c",
    service_name="w",
    provider={"profile": "work"},
)


def task(name: str, started: int, status: str = "RUNNING", agent: str = "RUNNING") -> dict[str, Any]:
    agents = [{"name": "ExecuteCommandAgent", "lastStatus": agent}]
    return {
        "taskArn": f"arn:aws:ecs:eu-west-1:1:task/c/{name}",
        "startedAt": started,
        "lastStatus": status,
        "containers": [{"managedAgents": agents}],
    }


def test_exec_hands_over_to_the_aws_cli_for_the_newest_task_that_has_the_agent() -> None:
    ecs = Ecs(task("old", 1), task("new", 2), task("stopping", 3, "STOPPED"), task("bare", 4, agent="PENDING"))
    arn = "arn:aws:ecs:eu-west-1:1:task/c/{}"
    line = ["aws", "ecs", "execute-command", "--cluster", "c", "--task", arn.format("new"), "--container", "worker"]
    line += ["--interactive", "--command", "/bin/sh"]
    assert executing.command(IN_AWS, "/bin/sh", None, ecs, which=str) == line
    assert executing.command(IN_AWS, "ls", "old", ecs, which=str)[6] == arn.format("old")
    variables = executing.environment(IN_AWS)
    assert (variables["AWS_REGION"], variables["AWS_PROFILE"]) == ("eu-west-1", "work")


@pytest.mark.parametrize(
    ("ecs", "missing", "said"),
    [
        (Ecs(), "aws", "^The program `aws` is not on PATH: https://docs.aws.amazon.com/cli/"),
        (Ecs(), "session-manager-plugin", "^The program `session-manager-plugin` is not on PATH: https://docs.aws"),
        (
            Ecs(enabled=False),
            "",
            "^Stack prod does not allow ECS Exec: `pulumi config set --path ebb:worker.exec true`",
        ),
        (Ecs(), "", "^No task of stack prod runs with ECS Exec: `ebb wake --stack prod` starts one.$"),
    ],
)
def test_exec_says_exactly_what_is_missing(ecs: Ecs, missing: str, said: str) -> None:
    with pytest.raises(OpsError, match=said):
        executing.command(IN_AWS, "sh", None, ecs, which=lambda name: None if name == missing else name)


EXEC = """
from ebb.cli import app
from ebb.ops import executing, stack
from tests.ops.test_operating import IN_AWS
stack.read = lambda name: IN_AWS
executing.command = lambda *_: ["aws"]
app(["exec", "--stack", "prod"])
"""


def test_ctrl_c_is_for_the_shell_in_the_task_whose_exit_code_is_the_command_s(tmp_path: Path) -> None:
    program = tmp_path / "aws"
    program.write_text("#!/bin/sh\ntrap 'exit 7' INT\necho ready\nwhile :; do sleep 0.1; done\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    variables = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shell = subprocess.Popen(
        [sys.executable, "-c", EXEC], cwd=ROOT, env=variables, stdout=subprocess.PIPE, start_new_session=True
    )
    assert shell.stdout is not None
    with shell.stdout:
        assert shell.stdout.readline() == b"ready\n"
        os.killpg(shell.pid, signal.SIGINT)  # as a terminal does
        assert shell.wait(LIMIT) == 7
