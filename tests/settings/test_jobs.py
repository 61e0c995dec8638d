"""The section `jobs`, and its rules across fields."""

import pytest

import settings
from tests.settings.refused import Cases, each, problems

HOOK = {"url": "https://example.com/hooks/jobs?a=b", "secret": "/hooks/token"}
NAME = "must be an SSM parameter's name (it begins with /), or a Secrets Manager secret's name or full ARN"
REFUSED: Cases = {
    "the key of a version before": (
        {"worker": {"once_days": 4}},
        "worker.once_days: has another name now: use ebb:jobs.keep_days, got 4.",
    ),
    "no day": ({"jobs": {"keep_days": 0}}, "jobs.keep_days: must be at least 1, got 0."),
    "more than a year": ({"jobs": {"keep_days": 366}}, "jobs.keep_days: must be at most 365, got 366."),
    "events without a table": (
        {"jobs": {"events": True}},
        "jobs.events: an event shows a job of the table: set keep_days, got true.",
    ),
    "a webhook without events": (
        {"jobs": {"keep_days": 1, "webhook": HOOK}},
        'jobs.webhook: is called with events: set events: true, got "https://example.com/hooks/jobs?a=b".',
    ),
    "a webhook without its secret": (
        {"jobs": {"keep_days": 1, "events": True, "webhook": {"url": HOOK["url"]}}},
        'jobs.webhook.secret: is required, got {"url": "https://example.com/hooks/jobs?a=b"}.',
    ),
    "an unknown key of a webhook": (
        {"jobs": {"keep_days": 1, "events": True, "webhook": {**HOOK, "headers": "X-Token"}}},
        'jobs.webhook.headers: unknown key, the nearest known one is header, got "X-Token".',
    ),
    "a webhook without TLS": (
        {"jobs": {"keep_days": 1, "events": True, "webhook": {**HOOK, "url": "http://example.com/"}}},
        (
            "jobs.webhook.url: must be an https:// URL (in the sandbox also http://127.0.0.1 with a port), got "
            '"http://example.com/".'
        ),
    ),
    "a header with a blank": (
        {"jobs": {"keep_days": 1, "events": True, "webhook": {**HOOK, "header": "X Token"}}},
        'jobs.webhook.header: must be an HTTP header\'s name, got "X Token".',
    ),
    "a parameter's path with a blank": (
        {"jobs": {"keep_days": 1, "events": True, "webhook": {**HOOK, "secret": "/a b"}}},
        f'jobs.webhook.secret: {NAME}, got "/a b".',
    ),
    "no way to EventBridge": (
        {
            "jobs": {"keep_days": 1, "events": True},
            "network": {"endpoints": ["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"]},
        },
        (
            "network.endpoints: tasks without NAT and public addresses need endpoints; missing: events, got "
            '["ecr.api", "ecr.dkr", "logs", "sqs", "ecs"].'
        ),
    ),
}


@each(REFUSED)
def test_is_refused(raw: dict[str, object], sentence: str) -> None:
    assert problems(raw) == [sentence]


@pytest.mark.parametrize(("jobs", "table"), [(None, False), ({}, False), ({"keep_days": 365}, True)])
def test_there_is_a_table_with_keep_days_only(jobs: dict[str, object] | None, table: bool) -> None:
    assert settings.read({} if jobs is None else {"jobs": jobs}).jobs.table is table


@pytest.mark.parametrize(
    "secret",
    ["/hooks/token", "hooks/token", "arn:aws:secretsmanager:us-east-1:123456789012:secret:token-AbCdEf"],
)
def test_a_webhook_names_its_secret(secret: str) -> None:
    raw: dict[str, object] = {"jobs": {"keep_days": 1, "events": True, "webhook": {**HOOK, "secret": secret}}}
    hook = settings.read(raw).jobs.webhook
    assert hook is not None
    assert (hook.secret, hook.header) == (secret, "Authorization")
