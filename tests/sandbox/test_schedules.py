"""Deployed schedules run in simulated time and call their targets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ebb.sandbox.controllers.schedules import CHECK_SECONDS, Scheduler
from ebb.sandbox.emulators.events import Events
from ebb.sandbox.emulators.ministack.schedules import page
from ebb.sandbox.emulators.region import Region
from tests.helpers.waiting import until

HOUR = 3600
ROLE = "arn:aws:iam::000000000000:role/clock"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
UNTAG = "arn:aws:scheduler:::aws-sdk:sqs:untagQueue"
START = datetime(2030, 1, 1, tzinfo=UTC).timestamp()


class ByHand:
    """A region's emulators, and a clock that is set by hand."""

    def __init__(self, region: Region) -> None:
        self.clock = self
        self.events = Events(self)  # type: ignore[arg-type]
        self.time = START
        self.client = region.client
        self.client("iam").create_role(RoleName="clock", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.url = self.client("sqs").create_queue(QueueName="q", tags={"a": "1", "b": "2"})["QueueUrl"]
        self.scheduler = Scheduler(self)

    def now(self) -> float:
        return self.time

    def moment(self, simulated: float) -> float:
        return simulated

    def real(self, simulated_seconds: float) -> float:
        return simulated_seconds

    def schedule(self, expression: str, arn: str = UNTAG, given: Any = None, **fields: Any) -> None:
        target = {"Arn": arn, "RoleArn": fields.pop("role", ROLE)}
        target["Input"] = json.dumps({"QueueUrl": self.url, "TagKeys": ["a"]} if given is None else given)
        put = self.client("scheduler").update_schedule if fields.pop("again", False) else (
            self.client("scheduler").create_schedule
        )  # fmt: skip
        put(
            Name="s", ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **fields
        )  # fmt: skip

    def fired(self, seconds: float) -> list[float]:
        """Check for this long; the times of the calls, from the start."""
        until = self.time + seconds
        before = len(self.events)
        while self.time < until:
            self.scheduler.check()
            self.time += CHECK_SECONDS
        return [event.time - START for event in self.events.since(before) if event.kind == "schedule"]

    def errors(self) -> list[str]:
        return [event.text for event in self.events if event.kind == "error"]


@pytest.fixture
def place(region: Region) -> ByHand:
    return ByHand(region)


def test_a_universal_target_is_called_each_hour(place: ByHand) -> None:
    place.schedule("rate(1 hour)", Description="Calls the queue")
    assert place.fired(15) == [0]
    assert place.client("sqs").list_queue_tags(QueueUrl=place.url)["Tags"] == {"b": "2"}
    assert place.fired(3 * HOUR) == [HOUR, 2 * HOUR, 3 * HOUR]
    assert next(event.text for event in place.events) == "s: called UntagQueue of SQS. Calls the queue."
    assert place.errors() == []


def test_a_late_check_runs_a_schedule_once(place: ByHand) -> None:
    place.schedule("rate(1 minute)")
    assert place.fired(15) == [0]
    place.time = START + 10 * 60
    assert place.fired(90) == [600, 660]


def test_a_schedule_in_a_time_zone_has_a_start_and_an_end(place: ByHand) -> None:
    day = 24 * HOUR
    place.schedule(
        "cron(30 8 * * ? *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        StartDate=START + day,
        EndDate=START + 2 * day,
    )
    place.time = START + day - 60
    assert place.fired(120) == []
    place.time = START + day + 7.5 * HOUR - 60
    assert place.fired(120) == [day + 7.5 * HOUR]
    place.time = START + 2 * day + 7.5 * HOUR - 60
    assert place.fired(120) == []


def test_a_schedule_at_a_single_time_runs_once(place: ByHand) -> None:
    place.schedule("at(2030-01-01T00:10:00)")
    assert place.fired(HOUR) == [600]


def test_a_schedule_is_deleted_after_its_last_run_if_it_says_so(place: ByHand) -> None:
    place.schedule("at(2030-01-01T00:10:00)", ActionAfterCompletion="DELETE")
    assert place.fired(HOUR) == [600]
    assert place.client("scheduler").list_schedules()["Schedules"] == []


def test_more_schedules_than_fit_on_a_page_have_another_page() -> None:
    fields = {"Arn": "a", "State": "ENABLED", "CreationDate": 1, "LastModificationDate": 1, "Target": {"Arn": "t"}}
    schedules: list[Any] = [{"GroupName": "g", "Name": f"s{number:03}", **fields} for number in range(101)]
    first = json.loads(page(schedules, {})[2])
    assert [len(first["Schedules"]), first["Schedules"][0]["Name"]] == [100, "s000"]
    second = json.loads(page(schedules, {"NextToken": first["NextToken"]})[2])
    assert [each["Name"] for each in second["Schedules"]] == ["s100"]
    assert "NextToken" not in second
    chosen = json.loads(page(schedules, {"ScheduleGroup": "g", "NamePrefix": "s09", "MaxResults": "2"})[2])
    assert [each["Name"] for each in chosen["Schedules"]] == ["s090", "s091"]


def test_an_expression_that_aws_refuses_is_refused(place: ByHand) -> None:
    with pytest.raises(place.client("scheduler").exceptions.ValidationException, match="Invalid Schedule Expression"):
        place.schedule("at(tomorrow)")


def test_the_input_has_the_time_of_the_schedule(place: ByHand) -> None:
    place.schedule("rate(1 hour)", "arn:aws:sqs:us-east-1:000000000000:q", {"at": "<aws.scheduler.scheduled-time>"})
    place.fired(15)
    (message,) = place.client("sqs").receive_message(QueueUrl=place.url)["Messages"]
    assert json.loads(message["Body"]) == {"at": "2030-01-01T00:00:00Z"}


def test_a_rate_begins_at_its_start(place: ByHand) -> None:
    place.schedule("rate(5 minutes)", StartDate=START + 120)
    assert place.fired(600) == [120, 420]


def test_a_disabled_schedule_does_not_run_and_a_changed_one_starts_again(place: ByHand) -> None:
    place.schedule("rate(1 minute)", State="DISABLED")
    assert place.fired(120) == []
    place.schedule("rate(2 minutes)", again=True)
    assert place.fired(240) == [120, 240]


def test_a_message_is_sent_to_a_queue(place: ByHand) -> None:
    arn = "arn:aws:sqs:us-east-1:000000000000:q"
    place.schedule("rate(1 hour)", arn, {"job": 1})
    assert place.fired(15) == [0]
    (message,) = place.client("sqs").receive_message(QueueUrl=place.url)["Messages"]
    assert json.loads(message["Body"]) == {"job": 1}


def machine(place: ByHand, state: dict[str, Any]) -> str:
    definition = {"StartAt": "a", "States": {"a": state}}
    made = place.client("stepfunctions").create_state_machine(
        name="m", type="EXPRESS", roleArn=ROLE, definition=json.dumps(definition)
    )
    return str(made["stateMachineArn"])


def ended(place: ByHand, arn: str) -> str:
    def over() -> str | None:
        (run,) = place.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
        return None if run["status"] == "RUNNING" else str(run["executionArn"])

    return until(over)


def test_a_workflow_is_started_with_the_input(place: ByHand) -> None:
    arn = machine(place, {"Type": "Pass", "End": True})
    place.schedule("rate(1 hour)", arn, {"minimum": 2})
    assert place.fired(15) == [0]
    found = place.client("stepfunctions").describe_execution(executionArn=ended(place, arn))
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"minimum": 2})


def test_a_failed_workflow_is_an_error_with_its_cause(place: ByHand) -> None:
    arn = machine(place, {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"})
    place.schedule("rate(1 hour)", arn, {})
    place.fired(15)
    ended(place, arn)
    place.fired(15)
    assert place.errors() == ["Workflow m, started by s, failed: Broken: on purpose"]


@pytest.mark.parametrize(
    ("arn", "given", "role", "text"),
    [
        (UNTAG, {"QueueUrl": "http://127.0.0.1/000000000000/gone", "TagKeys": ["a"]}, ROLE, "NonExistentQueue"),
        (UNTAG, {"QueueUrl": 1}, ROLE, "Parameter validation failed"),
        (UNTAG, None, ROLE.replace("clock", "nobody"), "NoSuchEntity"),
        (UNTAG.replace("untag", "get"), None, ROLE, "only reads"),
        (UNTAG.replace("untagQueue", "untieQueue"), None, ROLE, "sqs has no operation untieQueue"),
        (UNTAG.replace(":sqs:", ":queues:"), None, ROLE, "there is no service queues"),
        ("arn:aws:lambda:us-east-1:000000000000:function:f", None, ROLE, "is not in the sandbox"),
        ("arn:aws:states:us-east-1:000000000000:stateMachine:gone", None, ROLE, "StateMachineDoesNotExist"),
    ],
)
def test_a_target_that_cannot_be_called_is_one_error(place: ByHand, arn: str, given: Any, role: str, text: str) -> None:
    place.schedule("rate(1 minute)", arn, given, role=role)
    assert place.fired(180) == []
    (error,) = place.errors()
    assert text in error


def test_a_role_that_trusts_another_service_is_refused(place: ByHand) -> None:
    trust = json.dumps(TRUST).replace("scheduler", "states")
    place.client("iam").update_assume_role_policy(RoleName="clock", PolicyDocument=trust)
    place.schedule("rate(1 hour)")
    assert place.fired(15) == []
    assert place.errors() == [f"Schedule s: the role {ROLE} does not trust scheduler.amazonaws.com"]


@pytest.fixture
def fast(region: Region) -> Iterator[Scheduler]:
    scheduler = Scheduler(region)
    scheduler.start()
    yield scheduler
    scheduler.stop()


def test_schedules_run_at_the_speed_of_the_region(region: Region, fast: Scheduler) -> None:
    place = ByHand(region)
    place.schedule("rate(1 minute)")

    def times() -> list[float]:
        return [event.time for event in region.events if event.kind == "schedule"]

    until(lambda: len(times()) >= 5)
    first, *_, fifth = times()[:5]
    assert (fifth - first) / 4 > 45, "a minute each, or more where this machine is busy"


def test_a_recurring_job_of_a_fifo_queue_is_one_message_for_each_time(place: ByHand) -> None:
    sqs = place.client("sqs")
    url = sqs.create_queue(QueueName="j.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    given = {
        "QueueUrl": url,
        "MessageBody": '{"at": "<aws.scheduler.scheduled-time>"}',
        "MessageGroupId": "g",
        "MessageDeduplicationId": "nightly-<aws.scheduler.scheduled-time>",
    }
    place.schedule("cron(0/10 * * * ? *)", "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", given)
    assert place.fired(HOUR / 2) == [600, 1200]
    sqs.send_message(**given | {"MessageDeduplicationId": "nightly-2030-01-01T00:10:00Z"})
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == [
        '{"at": "2030-01-01T00:10:00Z"}',
        '{"at": "2030-01-01T00:20:00Z"}',
    ]
    assert place.errors() == []


ONCE = "{% 'at(' & $fromMillis($millis() + 120000, '[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01]') & ')' %}"


def test_a_workflow_schedules_a_call_which_runs_once_in_simulated_time(region: Region, fast: Scheduler) -> None:
    place, client = ByHand(region), region.client("scheduler")
    client.create_schedule_group(Name="jobs")
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": ROLE, "Input": "{% $string($states.input) %}"}
    arguments = {
        "Name": "{% $states.input.id %}",
        "GroupName": "jobs",
        "ScheduleExpression": ONCE,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": target,
    }
    named = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "End"}
    states: dict[str, Any] = {"End": {"Type": "Pass", "End": True}}
    for action, given in (("createSchedule", arguments), ("deleteSchedule", {"Name": "none", "GroupName": "jobs"})):
        resource = f"arn:aws:states:::aws-sdk:scheduler:{action}"
        states[action] = {"Type": "Task", "Resource": resource, "Arguments": given, "Catch": [named], "Next": "End"}

    def run(first: str) -> Any:
        document = {"QueryLanguage": "JSONata", "StartAt": first, "States": states}
        workflows = region.client("stepfunctions")
        made = workflows.create_state_machine(
            name=first, type="EXPRESS", roleArn=ROLE, definition=json.dumps(document)
        )["stateMachineArn"]
        ends = [workflows.start_sync_execution(stateMachineArn=made, input='{"id": "é"}') for _ in range(2)]
        return [json.loads(end["output"]) for end in ends]

    states["createSchedule"]["Arguments"]["Name"] = "job-1"
    fast.stop()
    created, taken = run("createSchedule")
    assert created["ScheduleArn"].endswith(":schedule/jobs/job-1")
    assert taken == "Scheduler.ConflictException"
    assert run("deleteSchedule")[0] == "Scheduler.ResourceNotFoundException"
    fast.start()
    until(lambda: client.list_schedules()["Schedules"] == [])
    (message,) = place.client("sqs").receive_message(QueueUrl=place.url)["Messages"]
    assert json.loads(message["Body"]) == {"id": "é"}
