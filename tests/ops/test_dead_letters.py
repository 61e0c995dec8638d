"""`ebb dlq` on the deployed stack of a sandbox: look, choose, send again, delete."""

import json
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ebb.cli import app
from ebb.ops.dead_letters import Choice, DeadLetter, DeadLetters, one_line
from ebb.ops.scaling import Service
from ebb.ops.stack import OpsError, Stack
from tests.helpers.waiting import until


def dlq(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["dlq", *arguments, "--stack", "sandbox"])


def attribute(value: str) -> dict[str, str]:
    return {"StringValue": value, "DataType": "String"}


@pytest.fixture
def letters(stack: Stack) -> Stack:
    """Three dead letters, the first of a job in the table that its handler rejected."""
    client = stack.clients()
    item = {"id": "one", "state": "rejected", "error": "no such format", "reference": "order-7"}
    client("dynamodb").put_item(
        TableName=stack.table_name,
        Item={name: {"S": value} for name, value in item.items()} | {"created": {"N": "1"}, "finished": {"N": "2"}},
    )
    for job, body in (("one", '{"film": 1}'), ("two", '{"film": 2}'), ("three", '{"song": 3}')):
        client("sqs").send_message(
            QueueUrl=stack.dead_letter_queue_url,
            MessageBody=body,
            MessageAttributes={
                "EbbJobId": attribute(job),
                "EbbReason": attribute(f"reason of {job}"),
                "EbbSource": attribute(stack.queue_url),
                "Colour": attribute("blue"),
            },
        )
    # no task takes them while a test looks at the queue
    until(lambda: Service(stack).state().running == 0)
    client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=stack.resource_id,
        ScalableDimension="ecs:service:DesiredCount",
        SuspendedState={"DynamicScalingOutSuspended": True},
    )
    return stack


def jobs(stack: Stack, **parts: Any) -> list[str]:
    return [letter.job for letter in DeadLetters(stack).look(Choice(**parts))]


def test_a_list_shows_what_fits_and_gives_it_back(letters: Stack) -> None:
    for _ in range(2):
        assert sorted(jobs(letters)) == ["one", "three", "two"]
    assert jobs(letters, body="song") == ["three"]
    assert jobs(letters, error="of two") == ["two"]
    assert jobs(letters, reference="order-7") == ["one"]
    assert jobs(letters, ids=("two", "unknown")) == ["two"]
    few = dlq("list", "--limit", "2", "--json")
    assert len(json.loads(few.stdout)) == 2
    assert few.stderr.endswith("Shown: 2. In the dead-letter queue: about 3. Show more with --limit.\n")
    shown = json.loads(dlq("list", "one", "--json").stdout)
    assert [(each["job"], each["error"], each["state"]) for each in shown] == [("one", "reason of one", "rejected")]
    said = dlq("list", "--body", "film").stdout
    assert '{"film":1}' in said
    assert "Shown: 2. In the dead-letter queue: about 3." in said
    assert dlq("show", "three").stdout.endswith('\n{"song": 3}\n')
    missing = dlq("show", "nine")
    assert (missing.exit_code, missing.stderr.splitlines()[-1]) == (
        1,
        "No dead letter of stack sandbox has the id nine: `ebb dlq list` shows them.",
    )


def test_chosen_ones_wait_again_with_their_attributes_and_their_state(letters: Stack) -> None:
    assert dlq("redrive", "one", "--yes", "--json").stdout == '{\n  "redriven": 1\n}\n'
    client = letters.clients()
    (message,) = client("sqs").receive_message(
        QueueUrl=letters.queue_url, MessageAttributeNames=["All"], WaitTimeSeconds=2, VisibilityTimeout=0
    )["Messages"]
    assert (message["Body"], {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}) == (
        '{"film": 1}',
        {"EbbJobId": "one", "Colour": "blue"},
    )
    item = client("dynamodb").get_item(TableName=letters.table_name, Key={"id": {"S": "one"}})["Item"]
    assert {name: value for name, value in item.items() if name in {"state", "error", "finished"}} == {
        "state": {"S": "queued"}
    }
    assert sorted(jobs(letters)) == ["three", "two"]


def test_all_of_them_are_moved_by_sqs(letters: Stack) -> None:
    assert dlq("redrive", "--all", "--yes").stdout == "Dead letters redriven: 3.\n"
    sqs = letters.clients()("sqs")
    name = "ApproximateNumberOfMessages"
    until(
        lambda: sqs.get_queue_attributes(QueueUrl=letters.queue_url, AttributeNames=[name])["Attributes"][name] == "3"
    )
    assert jobs(letters) == []


def test_a_purge_deletes_what_was_chosen_and_asks_before(letters: Stack) -> None:
    refused = dlq("purge", "--body", "film")
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (
        2,
        "Delete 2 dead letters of stack sandbox permanently? There is no terminal to ask on: add --yes.",
    )
    assert len(jobs(letters)) == 3
    assert dlq("purge", "--body", "film", "--yes").stdout == "Dead letters deleted: 2.\n"
    assert jobs(letters) == ["three"]
    assert dlq("purge", "--body", "film", "--yes").stdout == "Dead letters deleted: 0.\n"
    assert dlq("purge", "--all", "--yes").stdout == "Dead letters deleted: 1.\n"
    assert jobs(letters) == []
    gone = dlq("purge", "nine", "--yes")
    assert (gone.exit_code, gone.stdout) == (1, "Dead letters deleted: 0.\n")
    assert gone.stderr.endswith("No dead letter that fits has the id nine.\n")
    for wrong in (("purge", "--yes"), ("redrive", "--all", "--body", "x", "--yes")):
        done = dlq(*wrong)
        assert done.exit_code == 2
        assert "say which dead letters: ids, --body, --error or --reference" in done.stderr


class Moving:
    """An SQS whose move task has these results, one after the other."""

    def __init__(self, *results: dict[str, Any]) -> None:
        self.results, self.asked = list(results), [dict[str, Any]()]

    def __call__(self, _service: str) -> "Moving":
        return self

    def get_queue_attributes(self, **request: Any) -> Any:
        return {"Attributes": {"QueueArn": f"arn:{request['QueueUrl']}"}}

    def start_message_move_task(self, **request: Any) -> None:
        self.asked = [request]

    def list_message_move_tasks(self, **_: Any) -> Any:
        return {"Results": [self.results.pop(0)]}


FIFO = Stack(
    name="s", queue_url="q.fifo", cluster_name="c", service_name="w", dead_letter_queue_url="dead.fifo", table_name=None
)


def test_a_move_of_all_shows_its_progress_and_a_failure_says_what_is_left() -> None:
    running = {"Status": "RUNNING", "ApproximateNumberOfMessagesMoved": 5, "ApproximateNumberOfMessagesToMove": 9}
    sqs, said = Moving(running, {**running, "Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 9}), list[str]()
    assert DeadLetters(FIFO, sqs).redrive_all(said.append, sleep=lambda _: None) == 9
    assert (said, sqs.asked) == (["5 of 9 moved"], [{"SourceArn": "arn:dead.fifo", "DestinationArn": "arn:q.fifo"}])
    sqs = Moving({**running, "Status": "FAILED", "FailureReason": "AccessDenied"})
    with pytest.raises(
        OpsError, match=r"^SQS moved 5 of 9 messages and stopped: FAILED AccessDenied\. Run the command"
    ):
        DeadLetters(FIFO, sqs).redrive_all()


class Queue:
    """SQS with one dead letter of a FIFO queue."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.messages = [
            {
                "MessageId": "m",
                "ReceiptHandle": "h",
                "Body": "{}",
                "Attributes": {"MessageGroupId": "g", "MessageDeduplicationId": "d", "AWSTraceHeader": "Root=1"},
            }
        ]

    def __call__(self, _service: str) -> "Queue":
        return self

    def receive_message(self, **_: Any) -> Any:
        found, self.messages = self.messages, []
        return {"Messages": found}

    def send_message(self, **request: Any) -> None:
        self.sent.append(request)

    def delete_message(self, **_: Any) -> None:
        pass


def test_a_job_of_a_fifo_queue_keeps_its_group_and_gets_another_deduplication_id() -> None:
    sqs = Queue()
    assert DeadLetters(FIFO, sqs).redrive(Choice()) == 1
    assert sqs.sent == [
        {
            "QueueUrl": "q.fifo",
            "MessageBody": "{}",
            "MessageGroupId": "g",
            "MessageDeduplicationId": "m",
            "MessageSystemAttributes": {"AWSTraceHeader": {"StringValue": "Root=1", "DataType": "String"}},
        }
    ]


def test_a_throttled_table_is_asked_again_for_the_jobs_that_it_left_out() -> None:
    class Throttled(Queue):
        asked = 0

        def batch_get_item(self, RequestItems: dict[str, Any]) -> Any:  # noqa: N803 — boto3's name
            self.asked += 1
            if self.asked == 1:
                return {"Responses": {}, "UnprocessedKeys": RequestItems}
            return {"Responses": {"jobs": [{"id": {"S": "m"}, "error": {"S": "no space left"}}]}}

        def change_message_visibility_batch(self, **_: Any) -> None:
            pass

    (letter,) = DeadLetters(replace(FIFO, table_name="jobs"), Throttled()).look(Choice(error="space"))
    assert letter.error == "no space left"


def test_a_look_that_lasts_until_its_messages_come_back_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Queue):
        def receive_message(self, **_: Any) -> Any:
            return {"Messages": self.messages}

        def change_message_visibility_batch(self, **request: Any) -> None:
            self.sent.append(request)

    moments = count(step=400.0)
    monkeypatch.setattr("ebb.ops.dead_letters.time", SimpleNamespace(monotonic=lambda: next(moments)))
    sqs = Endless()
    with pytest.raises(OpsError, match="A look at the dead letters takes at most 600 seconds"):
        DeadLetters(FIFO, sqs).look(Choice(body="film"))
    assert len(sqs.sent) == 1, "they are given back"


def test_a_body_is_shown_in_one_line() -> None:
    assert one_line('{"a": 1,\n "b": 2}', 20) == '{"a":1,"b":2}'
    assert one_line("two\nlines of text", 9) == "two line…"


def test_a_choice_is_all_that_its_parts_fit() -> None:
    letter = DeadLetter(
        message_id="m", job="j", sent=0, receives=3, body="film", group=None, error=None, reference="r", state=None
    )
    assert all(Choice(**parts).fits(letter) for parts in ({}, {"ids": ("m",)}, {"ids": ("j",), "reference": "r"}))
    assert not any(Choice(**parts).fits(letter) for parts in ({"error": "x"}, {"ids": ("j",), "body": "song"}))
    assert (Choice().everything, Choice(body="").everything) == (True, False)


def test_a_failed_job_that_is_sent_again_runs_and_succeeds(stack: Stack) -> None:
    client = stack.clients()
    for job in ("chosen", "with-all"):
        item = {"id": {"S": job}, "state": {"S": "failed"}, "error": {"S": "no"}, "created": {"N": "1"}}
        client("dynamodb").put_item(TableName=stack.table_name, Item=item | {"finished": {"N": "2"}})
        client("sqs").send_message(
            QueueUrl=stack.dead_letter_queue_url,
            MessageBody='{"result": 7}',
            MessageAttributes={"EbbJobId": attribute(job)},
        )

    def state(job: str) -> str:
        item = client("dynamodb").get_item(TableName=stack.table_name, Key={"id": {"S": job}})["Item"]
        return str(item["state"]["S"])

    assert dlq("redrive", "chosen", "--yes").exit_code == 0
    until(lambda: state("chosen") == "succeeded")
    assert state("with-all") == "failed"
    assert dlq("redrive", "--all", "--yes").exit_code == 0
    until(lambda: state("with-all") == "succeeded")
