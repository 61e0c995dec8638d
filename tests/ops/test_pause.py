"""Pausing a deployed stack: the real command line, a Pulumi that answers as the real one, and AWS emulated."""

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws
from typer.testing import CliRunner

from ebb.cli import app
from ebb.ops import stack as stack_module
from ebb.ops.scaling import FLAGS, Service, State, lines
from ebb.ops.stack import OpsError, Stack

PLACE = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
RESOURCE = "service/cluster/worker"
REGION = "eu-central-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A deployed service with a job that waits; its queue's address."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        ecs = boto3.client("ecs", REGION)
        ecs.create_cluster(clusterName="cluster")
        ecs.register_task_definition(family="task", containerDefinitions=[{"name": "c", "image": "i", "memory": 512}])
        ecs.create_service(cluster="cluster", serviceName="worker", taskDefinition="task", desiredCount=0)
        scaling: Any = boto3.client("application-autoscaling", REGION)
        scaling.register_scalable_target(ResourceId=RESOURCE, MinCapacity=0, MaxCapacity=7, **PLACE)
        sqs = boto3.client("sqs", REGION)
        url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="{}")
        yield url


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a `pulumi` that prints outputs.json and config.json, or fails with error.txt."""
    program = tmp_path / "pulumi"
    program.write_text(
        "#!/bin/sh\n"
        f'cd "{tmp_path}"\n'
        'echo "$@" >> calls.txt\n'
        "if [ -f error.txt ]; then cat error.txt >&2; exit 255; fi\n"
        'if [ "$1" = stack ]; then cat outputs.json; else cat config.json; fi\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "config.json").write_text(json.dumps({"aws:region": {"value": REGION, "secret": False}}))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def deployed(pulumi: Path, url: str, **more: Any) -> None:
    outputs = {"queue_url": url, "cluster_name": "cluster", "service_name": "worker", "api_url": "https://x", **more}
    (pulumi / "outputs.json").write_text(json.dumps(outputs))


def ebb(*arguments: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output.splitlines()


def suspended() -> dict[str, bool]:
    client: Any = boto3.client("application-autoscaling", REGION)
    (target,) = client.describe_scalable_targets(ResourceIds=[RESOURCE], ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 7)
    return dict(target.get("SuspendedState", {}))


def test_a_pause_stops_scaling_says_so_and_a_resume_ends_it(aws: str, pulumi: Path) -> None:
    deployed(pulumi, aws)
    paused = [
        "Stack acme/dev is paused: no task is started or removed. To end the pause: `ebb resume --stack acme/dev`.",
        "Tasks: 0 running of 0 desired.",
        "Jobs: 1 waiting, 0 in flight, 0 delayed.",
        "Waiting jobs are kept. They start when scaling is resumed.",
    ]
    assert ebb("pause", "--stack", "acme/dev") == (0, paused)
    assert suspended() == dict.fromkeys(FLAGS, True)
    assert ebb("pause", "--stack", "acme/dev") == (0, paused)
    resumed = ["Stack acme/dev scales from 0 to 7 tasks.", *paused[1:3]]
    assert ebb("resume", "--stack", "acme/dev") == (0, resumed)
    assert suspended() == dict.fromkeys(FLAGS, False)


def test_the_stack_is_asked_of_pulumi_by_its_name(aws: str, pulumi: Path) -> None:
    deployed(pulumi, aws)
    ebb("resume", "--stack", "acme/dev")
    quiet = "--stack acme/dev --non-interactive --color never"
    assert (pulumi / "calls.txt").read_text().splitlines() == [f"stack output --json {quiet}", f"config --json {quiet}"]


def test_the_commands_have_the_role_and_the_keys_of_the_stack_s_provider(aws: str, pulumi: Path) -> None:
    """moto has one state for each account: the service is in the environment's, and another one is empty."""
    deployed(pulumi, aws)
    role = [{"roleArn": "arn:aws:iam::111111111111:role/deploy"}]
    config = {
        "aws:region": {"value": REGION, "secret": False},
        "aws:assumeRoles": {"value": json.dumps(role), "objectValue": role, "secret": False},
    }
    (pulumi / "config.json").write_text(json.dumps(config))
    code, said = ebb("resume", "--stack", "dev")
    assert code == 1
    assert "does not exist" in " ".join(said) or "ClusterNotFoundException" in " ".join(said)
    (pulumi / "config.json").write_text(json.dumps(config | {"aws:assumeRoles": {"value": "[]", "secret": False}}))
    assert ebb("resume", "--stack", "dev")[0] == 0


def test_secrets_of_the_provider_are_asked_of_pulumi(aws: str, pulumi: Path) -> None:
    deployed(pulumi, aws)
    config = {"aws:region": {"value": REGION}, "aws:secretKey": {"secret": True}, "aws:accessKey": {"value": "K"}}
    (pulumi / "config.json").write_text(json.dumps(config))
    assert ebb("resume", "--stack", "dev")[0] == 1, "Pulumi gives no value here"
    quiet = "--stack dev --non-interactive --color never"
    assert (pulumi / "calls.txt").read_text().splitlines()[1:] == [
        f"config --json {quiet}",
        f"config --json --show-secrets {quiet}",
    ]


STATE = State(
    minimum=0, maximum=7, desired=2, running=2, pending=0, waiting=0, in_flight=2, delayed=0, suspended=tuple(FLAGS)
)


def test_running_tasks_of_a_paused_stack_are_said_to_go_on() -> None:
    *_, last = lines("dev", STATE)
    assert last == "The running tasks go on with waiting jobs. They cost money while they are idle."
    assert len(list(lines("dev", replace(STATE, running=0)))) == 3


def test_a_partial_suspension_by_another_tool_is_no_pause_and_is_named() -> None:
    first, *_ = lines("dev", replace(STATE, suspended=("DynamicScalingInSuspended", "ScheduledScalingSuspended")))
    assert first == (
        "Stack dev is paused in part, not by `ebb pause` (removing tasks, warm hours). "
        "To end the pause: `ebb resume --stack dev`."
    )


def refused(*arguments: str) -> str:
    code, said = ebb(*arguments)
    assert code == 1
    (sentence,) = said
    return sentence


def test_a_stack_that_is_not_deployed_is_refused_in_one_sentence(pulumi: Path) -> None:
    (pulumi / "outputs.json").write_text("{}")
    expected = "Stack dev has no output queue_url: it is not deployed. Run `pulumi up` first."
    assert refused("pause", "--stack", "dev") == expected


def test_an_error_of_pulumi_is_printed_in_its_words(pulumi: Path) -> None:
    (pulumi / "error.txt").write_text("error: no stack named 'prd'\nfound\n")
    expected = (
        "There is no stack prd in Pulumi's backend, and no sandbox of this name runs: `pulumi stack ls` lists the "
        "stacks, and `ebb sandbox up --stack prd` starts a sandbox."
    )
    assert refused("status", "--stack", "prd") == expected
    (pulumi / "error.txt").write_text("error: PULUMI_ACCESS_TOKEN must be set\nfor login\n")
    assert refused("status", "--stack", "prd") == "pulumi stack failed: PULUMI_ACCESS_TOKEN must be set for login"


def test_without_pulumi_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    expected = (
        "No sandbox runs stack dev on this machine, and the command `pulumi` is not on PATH. Ebb needs it to read the "
        "outputs of a stack in AWS."
    )
    assert refused("resume", "--stack", "dev") == expected


def test_a_pulumi_that_does_not_answer_is_not_waited_for_without_end(
    pulumi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pulumi / "pulumi").write_text("#!/bin/sh\nexec sleep 30\n")
    monkeypatch.setattr(stack_module, "PULUMI_TIMEOUT_SECONDS", 0.2)
    assert refused("status", "--stack", "dev") == "pulumi did not answer within 0.2 seconds."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "RegisterScalableTarget"),
            "AWS refused RegisterScalableTarget: AccessDeniedException: not you",
        ),
        (
            NoCredentialsError(),
            "There are no AWS credentials: sign in, such as with `aws sso login`, or set AWS_PROFILE.",
        ),
    ],
)
def test_what_aws_refuses_is_one_sentence(error: Exception, sentence: str) -> None:
    class Refusing:
        def register_scalable_target(self, **_: Any) -> None:
            raise error

    place = Stack(name="dev", provider={}, queue_url="u", cluster_name="cluster", service_name="worker")
    with pytest.raises(OpsError) as raised:
        Service(place, lambda _: Refusing()).suspend(True)
    assert str(raised.value) == sentence


def test_a_service_that_is_gone_is_refused_in_one_sentence(aws: str, pulumi: Path) -> None:
    deployed(pulumi, aws, service_name="other")
    with pytest.raises(OpsError, match=r"^The service of stack dev does not exist: run `pulumi up --refresh`\.$"):
        Service(stack_module.read("dev")).state()
