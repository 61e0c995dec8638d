"""Workflows in MiniStack reach all of the region, and the deployed API starts them and looks inside their answers."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from components.rest_api.templates import sqs as templates
from components.rest_api.templates import wake_workflow
from components.workflows import asl, waking
from ebb.sandbox.emulators.region import Region
from policy import sizing
from policy.sizing import Sizing
from tests.helpers.waiting import until
from tests.sandbox.deployed import CLUSTER, RESOURCE, SERVICE, TARGET, Stage

ROLE = "arn:aws:iam::000000000000:role/r"
PAUSED = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True}


@dataclass
class Direct:
    """The program's workflow behind the program's templates, on a stage."""

    stage: Stage
    url: str
    queue_url: str

    def post(self, body: bytes, **headers: str) -> tuple[int, Any]:
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json", **headers}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def minimum(self) -> int:
        found = self.stage.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
        return int(found["ScalableTargets"][0]["MinCapacity"])

    def bodies(self) -> list[str]:
        answer = self.stage.client("sqs").receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]


def workflow(region: Region, name: str, document: asl.Document) -> str:
    """The ARN of a new workflow."""
    made = region.client("stepfunctions").create_state_machine(
        name=name, type="EXPRESS", roleArn=ROLE, definition=json.dumps(document)
    )
    return str(made["stateMachineArn"])


def deploy(region: Region, *, fifo: bool = False, machine: str = "") -> Direct:
    stage = Stage(region)
    attributes = {"FifoQueue": "true"} if fifo else {}
    name = "jobs.fifo" if fifo else "jobs"
    url = region.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    place = waking.Place(
        partition="aws",
        queue_url=url,
        cluster=CLUSTER,
        service=SERVICE,
        resource_id=RESOURCE,
        tasks=Sizing(share=5, concurrency=1, maximum=4),
        min_tasks=0,
    )
    start_arn = workflow(region, "start", waking.start(place))
    submit_arn = workflow(
        region, "submit", waking.submit(partition="aws", queue_url=url, start_arn=start_arn, fifo=fifo)
    )
    api = region.client("apigateway")
    rest = api.create_rest_api(name="jobs")["id"]
    root = api.get_resources(restApiId=rest)["items"][0]["id"]
    method = {"restApiId": rest, "resourceId": root, "httpMethod": "POST"}
    api.put_method(**method, authorizationType="NONE")
    arn = machine or submit_arn
    api.put_integration(
        **method,
        type="AWS",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{region.region}:states:action/StartSyncExecution",
        credentials=ROLE,
        requestTemplates={templates.CONTENT_TYPE: wake_workflow.post_template(arn, fifo=fifo)},
        passthroughBehavior="NEVER",
    )
    for status, pattern, template in (
        (templates.ACCEPTED, {"selectionPattern": templates.SUCCESS_PATTERN}, wake_workflow.ANSWER_TEMPLATE),
        (templates.BAD_GATEWAY, {}, wake_workflow.ERROR_TEMPLATE),
    ):
        api.put_method_response(**method, statusCode=status)
        api.put_integration_response(
            **method, statusCode=status, responseTemplates={templates.CONTENT_TYPE: template}, **pattern
        )
    api.create_deployment(restApiId=rest, stageName="run")
    return Direct(stage, f"{region.endpoint}/_aws/execute-api/{rest}/run/", url)


@pytest.fixture(autouse=True)
def all_executions_end(region: Region) -> Iterator[None]:
    """None runs on in the next test's account."""
    yield
    states = region.client("stepfunctions")
    machines = [each["stateMachineArn"] for each in states.list_state_machines()["stateMachines"]]
    running = {"statusFilter": "RUNNING"}
    until(lambda: not any(states.list_executions(stateMachineArn=arn, **running)["executions"] for arn in machines))


def test_a_job_is_accepted_with_its_id_stands_in_the_queue_as_it_came_and_wakes_the_service(region: Region) -> None:
    direct = deploy(region)
    body = """{"a": "it's \\"quoted\\" / $x #end \\u2028 é 😀\\n"}""".encode()
    status, answer = direct.post(body)
    assert status == 202
    assert answer.keys() == {"messageId"}
    assert direct.bodies() == [body.decode()]
    until(lambda: direct.minimum() == 1)
    direct.stage.autoscaler.check_targets()
    assert direct.stage.desired == 1


def test_the_tasks_of_a_burst_are_asked_for_and_taken_back_if_no_watcher_does(region: Region) -> None:
    direct, before = deploy(region), time.time()
    for _ in range(9):
        region.client("sqs").send_message(QueueUrl=direct.queue_url, MessageBody="{}")
    direct.post(b"{}")
    until(lambda: direct.minimum() == 3)
    direct.stage.autoscaler.check_targets()
    assert direct.stage.desired == 3
    (action,) = region.client("application-autoscaling").describe_scheduled_actions(ServiceNamespace="ecs")[
        "ScheduledActions"
    ]
    at = datetime.strptime(action["Schedule"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC).timestamp()
    assert before - 1 <= at - sizing.TAKE_BACK_SECONDS <= time.time()
    minimums = []
    for seconds in (-60, -1, 1):
        direct.stage.clock.time = at + seconds
        direct.stage.autoscaler.check_targets()
        minimums.append(direct.minimum())
    assert (minimums, direct.stage.desired) == ([3, 3, 0], 3)
    autoscaling = region.client("application-autoscaling")
    autoscaling.deregister_scalable_target(**TARGET)
    assert autoscaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []


def test_a_fifo_queue_s_ids_come_from_the_headers(region: Region) -> None:
    direct = deploy(region, fifo=True)
    ids = {"X-Message-Group-Id": "g", "X-Message-Deduplication-Id": "one"}
    answers = [direct.post(b"{}", **ids) for _ in range(2)]
    assert [status for status, _ in answers] == [202, 202]
    assert answers[0] == answers[1], "the same deduplication id is the same job"
    assert direct.bodies() == ["{}"]


def test_a_job_for_a_queue_that_is_gone_is_answered_502_with_the_error(region: Region) -> None:
    direct = deploy(region)
    region.client("sqs").delete_queue(QueueUrl=direct.queue_url)
    status, answer = direct.post(b"{}")
    detail = "The queue did not take the job. Error: Sqs.QueueDoesNotExistException"
    assert (status, answer["detail"]) == (502, detail)
    assert direct.minimum() == 0


def test_without_the_workflow_the_answer_is_502(region: Region) -> None:
    direct = deploy(region, machine=f"arn:aws:states:{region.region}:{region.account}:stateMachine:gone")
    status, answer = direct.post(b"{}")
    assert status == 502
    assert "StateMachineDoesNotExist" in answer["detail"]


def test_a_job_that_is_too_long_is_refused_with_the_reason(region: Region) -> None:
    direct = deploy(region)
    status, answer = direct.post(json.dumps({"text": "x" * waking.MAX_BODY_CHARACTERS}).encode())
    assert (status, answer["title"]) == (413, "Job too large")
    assert "at most 200 KB" in answer["detail"]
    assert direct.bodies() == []


@pytest.mark.parametrize("broken", ["target", "service", "paused"])
def test_a_wake_that_fails_still_sends(region: Region, broken: str) -> None:
    direct = deploy(region)
    if broken == "target":
        key = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": RESOURCE}
        region.client("application-autoscaling").deregister_scalable_target(**key)
    elif broken == "service":
        region.client("ecs").delete_service(cluster="c", service="s", force=True)
    else:
        direct.stage.register(0, 4, SuspendedState=PAUSED)
    status, answer = direct.post(b'{"job": 1}')
    assert status == 202
    assert answer.keys() == {"messageId"}
    assert direct.bodies() == ['{"job": 1}']


def test_a_template_that_cannot_be_rendered_is_an_internal_error(region: Region) -> None:
    direct = deploy(region)
    api = region.client("apigateway")
    rest = api.get_rest_apis()["items"][0]["id"]
    root = api.get_resources(restApiId=rest)["items"][0]["id"]
    api.put_integration_response(
        restApiId=rest,
        resourceId=root,
        httpMethod="POST",
        statusCode="202",
        selectionPattern=templates.SUCCESS_PATTERN,
        responseTemplates={templates.CONTENT_TYPE: "#macro(m)#end"},
    )
    assert direct.post(b"{}") == (500, {"message": "Internal server error"})


def run(region: Region, resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:{resource}", "Parameters": arguments, "End": True}
    client = region.client("stepfunctions")
    machine = client.create_state_machine(
        name="one", type="EXPRESS", roleArn=ROLE, definition=json.dumps({"StartAt": "a", "States": {"a": state}})
    )["stateMachineArn"]
    return dict(client.start_sync_execution(stateMachineArn=machine, input="{}"))


def test_a_workflow_sets_a_desired_count_and_an_alarm_s_state(region: Region) -> None:
    stage = Stage(region)
    stage.alarm("out", "arn:aws:sns:us-east-1:000000000000:t", 1, up=True)
    assert (
        run(region, "ecs:updateService", {"Cluster": "c", "Service": "s", "DesiredCount": 3})["status"] == "SUCCEEDED"
    )
    assert stage.desired == 3
    region.client("stepfunctions").delete_state_machine(
        stateMachineArn=f"arn:aws:states:{region.region}:{region.account}:stateMachine:one"
    )
    new = {"AlarmName": "out", "StateValue": "ALARM", "StateReason": "asked to"}
    assert run(region, "cloudwatch:setAlarmState", new)["status"] == "SUCCEEDED"
    assert stage.state("out") == "ALARM"


def test_what_another_service_refuses_is_the_workflow_s_error_by_java_s_name(region: Region) -> None:
    key = {"ServiceNamespace": "sqs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": "service/c/s"}
    ended = run(region, "applicationautoscaling:registerScalableTarget", {**key, "MinCapacity": 1})
    assert ended["status"] == "FAILED"
    assert ended["error"] == "ApplicationAutoScaling.ValidationException"
