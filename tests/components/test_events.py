"""The webhook: what EventBridge sends where, with which secret, and what becomes of an event that is not taken."""

import json
from typing import Any

import pulumi
import pytest

from components.events import MAX_AGE_SECONDS, JobEvents, JobEventsArgs
from settings import Webhook
from tests.components.harness import ACCOUNT, REGION, Deployed, deploy

CONNECTION = "aws:cloudwatch/eventConnection:EventConnection"
TARGET, RULE = "aws:cloudwatch/eventTarget:EventTarget", "aws:cloudwatch/eventRule:EventRule"
DESTINATION = "aws:cloudwatch/eventApiDestination:EventApiDestination"
ANSWERS = {
    "aws:ssm/getParameter:getParameter": {"value": "of the parameter"},
    "aws:secretsmanager/getSecretVersion:getSecretVersion": {"secretString": "of the secret"},
}


def secret_of(value: Any) -> dict[str, Any]:
    """A secret in Pulumi's wire format (sdk/python/lib/pulumi/runtime/rpc.py)."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": value}


def events(secret: str = "/hooks/token", **changes: str) -> Deployed:
    webhook = Webhook.model_validate({"url": "https://example.com/jobs", "secret": secret, **changes})

    def program() -> dict[str, Any]:
        made = JobEvents("events", JobEventsArgs(webhook=webhook, queue_name="jobs-1"))
        return {"dead_letter_name": made.dead_letter_name}

    return deploy(program, answers=ANSWERS)


def test_the_rule_takes_this_stack_s_events_and_its_target_is_the_url() -> None:
    made = events()
    assert json.loads(made.one(RULE).inputs["eventPattern"]) == {"source": ["ebb"], "detail": {"stack": ["jobs-1"]}}
    destination = made.one(DESTINATION).inputs
    assert (destination["invocationEndpoint"], destination["httpMethod"]) == ("https://example.com/jobs", "POST")
    target = made.one(TARGET).inputs
    assert target["retryPolicy"] == {"maximumEventAgeInSeconds": 86_400, "maximumRetryAttempts": 185}
    assert target["deadLetterConfig"]["arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:events-dead-letter"
    assert MAX_AGE_SECONDS == 86_400
    assert made.result == {"dead_letter_name": "events-dead-letter"}


def test_eventbridge_may_call_this_destination_and_send_dead_letters_of_this_rule_only() -> None:
    made = events()
    (trusted,) = made.one("aws:iam/role:Role").statements
    assert trusted["Principal"] == {"Service": "events.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    (invoke,) = made.one("aws:iam/rolePolicy:RolePolicy").statements
    assert (invoke["Action"], len(invoke["Resource"])) == (["events:InvokeApiDestination"], 1)
    send, tls = made.one("aws:sqs/queuePolicy:QueuePolicy").statements
    assert (send["Action"], send["Principal"]) == (["sqs:SendMessage"], {"Service": "events.amazonaws.com"})
    assert set(send["Condition"]["ArnEquals"]) == {"aws:SourceArn"}
    assert tls["Effect"] == "Deny"


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ("/hooks/token", "of the parameter"),
        ("hooks/token", "of the secret"),
        ("arn:aws:secretsmanager:us-east-1:123456789012:secret:token-AbCdEf", "of the secret"),
    ],
)
def test_the_header_has_the_secret_which_the_state_keeps_encrypted(secret: str, value: str) -> None:
    made = events(secret, header="X-Token").one(CONNECTION)
    assert made.inputs["authorizationType"] == "API_KEY"
    assert made.inputs["authParameters"] == secret_of({"apiKey": {"key": "X-Token", "value": value}})
    assert "authParameters.apiKey.value" in made.ignore_changes


def test_another_secret_or_header_is_another_connection() -> None:
    names = {
        events(*secret, **header).one(CONNECTION).name
        for secret, header in (((), {}), (("/hooks/other",), {}), ((), {"header": "X-Token"}))
    }
    assert len(names) == 3
    assert all(name.startswith("events-") for name in names)


def test_a_preview_does_not_read_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    expected = {"apiKey": {"key": "Authorization", "value": "(read during the update)"}}
    assert events().one(CONNECTION).inputs["authParameters"] == secret_of(expected)
