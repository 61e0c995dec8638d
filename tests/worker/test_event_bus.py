"""Events about jobs that have ended: what they show, and what an answer means."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.worker.sqs_stub import message_of
from worker.aws.event_bus import MAX_DETAIL_BYTES, EventBus, detail
from worker.core.events import Kind, Notify, Outcome

JOB = {"id": "job-1", "state": "succeeded", "created": 1, "owner": "w", "digest": "d", "result": '{"frames":7}'}


class Client:
    """EventBridge with one answer, or an error."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.entries = answer, list[dict[str, Any]]()

    def put_events(self, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 - as boto3 has it
        self.entries += Entries
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def outcome(client: Client, job: dict[str, Any]) -> Outcome:
    call = Notify(message_of(1), job)
    answered = EventBus(client, "jobs-queue", clock=lambda: 5.0).notify(call)
    assert (answered.call, answered.asked_at) == (call, 5.0)
    return answered.outcomes[call.message.handle]


@pytest.mark.parametrize("state", ["succeeded", "failed", "rejected", "cancelled"])
def test_an_event_has_the_state_in_its_type_and_the_job_as_the_api_shows_it(state: str) -> None:
    client = Client({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    assert outcome(client, JOB | {"state": state}) == Outcome(Kind.OK)
    (entry,) = client.entries
    assert (entry["Source"], entry["DetailType"]) == ("ebb", f"Job {state.capitalize()}")
    assert entry.keys() == {"Source", "DetailType", "Detail"}  # of the default bus
    shown = {"id": "job-1", "state": state, "created": 1, "result": {"frames": 7}, "stack": "jobs-queue"}
    assert json.loads(entry["Detail"]) == shown


@pytest.mark.parametrize(
    "answer",
    [
        EndpointConnectionError(endpoint_url="x"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "PutEvents"),
        {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "later"}]},
        {},
    ],
)
def test_an_event_that_is_not_accepted_can_be_tried_again(answer: Any) -> None:
    assert outcome(Client(answer), JOB).kind is Kind.RETRYABLE


def test_an_event_that_is_too_long_has_no_result() -> None:
    long = JOB | {"result": json.dumps("x" * MAX_DETAIL_BYTES)}
    assert json.loads(detail(long, "s")) == {"id": "job-1", "state": "succeeded", "created": 1, "stack": "s"}
