"""The comparison of tests/engine notices a call that a policy does not allow."""

from typing import Any

import pytest
from botocore.session import Session

from tests.iam.calls import Recorder, of_deployer, of_preview

URL = "https://sqs.us-east-1.amazonaws.com/000000000000/"


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    session = Session()

    def client(service: str) -> Any:
        return session.create_client(service, "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

    monkeypatch.setattr(Recorder, "account", "000000000000")
    return Recorder(client)


def test_calls_on_other_resources_and_roles_of_other_services_are_noticed(recorder: Recorder) -> None:
    allowed: list[tuple[str, str, dict[str, Any]]] = [
        ("sqs", "get_queue_attributes", {"queueUrl": f"{URL}encode", "attributeNames": ["All"]}),
        ("sts", "get_caller_identity", {}),
        ("apigateway", "get_rest_api", {"restApiId": "a"}),
    ]
    refused: list[tuple[str, str, dict[str, Any]]] = [
        ("sqs", "delete_queue", {"queueUrl": f"{URL}jobs-1234567"}),
        ("apigateway", "get_api_key", {"apiKey": "a", "includeValue": True}),
        ("logs", "create_log_group", {"logGroupName": "company"}),
        (
            "ecs",
            "register_task_definition",
            {
                "family": "worker-1234567",
                "containerDefinitions": [],
                "taskRoleArn": "arn:aws:iam::000000000000:role/admin",
            },
        ),
    ]
    recorder.made = [*allowed, *refused]
    config = {"ebb:queue": {"name": "encode"}}
    assert [call[0] for call in of_deployer(recorder, "dev", [config])] == [
        "sqs:DeleteQueue",
        "apigateway:GET",
        "logs:CreateLogGroup",
        "ecs:RegisterTaskDefinition",
    ]
    recorder.made = [*allowed, ("sqs", "delete_queue", {"queueUrl": f"{URL}encode"})]
    assert of_deployer(recorder, "dev", [config]) == []
    recorder.previewed = recorder.made
    assert [call[0] for call in of_preview(recorder, "dev", [config])] == ["sqs:DeleteQueue"]
