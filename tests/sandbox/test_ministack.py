"""What SQS refuses, and what the deployed API answers then, through the emulator's own templates."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from components.rest_api.templates import sqs as templates
from ebb.sandbox.emulators.ministack.apigateway.backends import as_json
from ebb.sandbox.emulators.region import Region


def _api(region: Region, queue: str) -> str:
    """A REST API with the program's templates in front of a queue; its address."""
    api = region.client("apigateway")
    rest = api.create_rest_api(name="jobs")["id"]
    root = api.get_resources(restApiId=rest)["items"][0]["id"]
    method = {"restApiId": rest, "resourceId": root, "httpMethod": "POST"}
    api.put_method(**method, authorizationType="NONE")
    api.put_integration(
        **method,
        type="AWS",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{region.region}:sqs:path/{region.account}/{queue}",
        credentials=f"arn:aws:iam::{region.account}:role/sender",
        requestParameters=dict(templates.REQUEST_HEADERS),
        requestTemplates={templates.CONTENT_TYPE: templates.post_template(fifo=False)},
        passthroughBehavior="NEVER",
    )
    for status, pattern, template in (
        (templates.ACCEPTED, {"selectionPattern": templates.SUCCESS_PATTERN}, templates.SUCCESS_TEMPLATE),
        (templates.BAD_GATEWAY, {}, templates.ERROR_TEMPLATE),
    ):
        api.put_method_response(**method, statusCode=status)
        api.put_integration_response(
            **method, statusCode=status, responseTemplates={templates.CONTENT_TYPE: template}, **pattern
        )
    api.create_deployment(restApiId=rest, stageName="run")
    return f"{region.endpoint}/_aws/execute-api/{rest}/run/"


def test_a_job_for_a_queue_that_is_not_there_is_answered_502_with_the_error_code_of_sqs(region: Region) -> None:
    request = urllib.request.Request(
        _api(region, "gone"), b'{"a": 1}', {"Content-Type": "application/json"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(request, timeout=10)
    assert answer.value.code == 502
    detail = "The queue did not take the job. SQS: AWS.SimpleQueueService.NonExistentQueue"
    assert json.load(answer.value)["detail"] == detail


def test_sqs_answers_in_json() -> None:
    namespace = 'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"'
    sent = "<SendMessageResult><MessageId>m</MessageId></SendMessageResult><ResponseMetadata/>"
    assert json.loads(as_json(f"<SendMessageResponse {namespace}>{sent}</SendMessageResponse>")) == {
        "SendMessageResponse": {"SendMessageResult": {"MessageId": "m"}, "ResponseMetadata": None}
    }
    refused = "<Error><Type>Sender</Type><Code>C</Code></Error><RequestId>r</RequestId>"
    assert json.loads(as_json(f"<ErrorResponse {namespace}>{refused}</ErrorResponse>")) == {
        "Error": {"Type": "Sender", "Code": "C"},
        "RequestId": "r",
    }


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
def test_a_fifo_queues_ids_are_ascii_without_spaces_and_at_most_128_characters(region: Region, name: str) -> None:
    sqs = region.client("sqs")
    queue = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    def ids(value: str) -> dict[str, str]:
        return {"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d", name: value}

    for value in ("a" * 128, "".join(map(chr, range(ord("!"), ord("~") + 1)))):
        sqs.send_message(QueueUrl=queue, **ids(value))
    wrong = ["a" * 129, "two words", "a\n", "grün", "日本", "\x7f"]
    for value in wrong:
        with pytest.raises(ClientError, match=r"(?s)InvalidParameterValue.* for parameter " + name):
            sqs.send_message(QueueUrl=queue, **ids(value))
    batch = sqs.send_message_batch(
        QueueUrl=queue, Entries=[{"Id": str(number), **ids(value)} for number, value in enumerate(wrong)]
    )
    assert [each["Code"] for each in batch["Failed"]] == ["InvalidParameterValue"] * len(wrong)
