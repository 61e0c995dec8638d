"""The sections `queue`, `api` and `monitoring`."""

from typing import Any

import settings
from settings import limits
from tests.settings.refused import Cases, each, problems

GUID = "01234567-89ab-cdef-0123-456789abcdef"
RETENTIONS = ", ".join(map(str, limits.LOG_RETENTION_DAYS))
REFUSED: Cases = {
    "a negative visibility timeout": (
        {"queue": {"visibility_timeout": -1}},
        "queue.visibility_timeout: must be at least 0, got -1.",
    ),
    "a visibility timeout above 12 hours": (
        {"queue": {"visibility_timeout": 43201}},
        "queue.visibility_timeout: must be at most 43200, got 43201.",
    ),
    "a retention as long as that of the dead-letter queue": (
        {"queue": {"retention_days": 14}},
        "queue.retention_days: must be at most 13, got 14.",
    ),
    "a FIFO queue's name without .fifo": (
        {"queue": {"fifo": True, "name": "jobs"}},
        'queue.name: the name of a FIFO queue must end with .fifo, got "jobs".',
    ),
    "a standard queue's name with .fifo": (
        {"queue": {"name": "jobs.fifo"}},
        'queue.name: a name with .fifo needs fifo: true, got "jobs.fifo".',
    ),
    "a queue's name with a space": (
        {"queue": {"name": "all jobs"}},
        'queue.name: must be 1 to 75 letters, digits, - or _, and then .fifo for FIFO, got "all jobs".',
    ),
    "yes instead of true": (
        {"queue": {"fifo": "yes"}},
        'queue.fifo: must be true or false (without quotes), got "yes".',
    ),
    "a KMS key's alias": (
        {"queue": {"kms": "alias/jobs"}},
        'queue.kms: must be none, new or a KMS key\'s ARN, got "alias/jobs".',
    ),
    "a stage's name with a slash": (
        {"api": {"stage": "v1/run"}},
        'api.stage: must be 1 to 128 letters, digits, - or _, got "v1/run".',
    ),
    "an infinite number": (
        {"api": {"rate_limit": float("inf")}},
        "api.rate_limit: must be a finite number, got Infinity.",
    ),
    "a retention of the access log that CloudWatch Logs does not support": (
        {"api": {"log_retention_days": 15}},
        f"api.log_retention_days: must be one of CloudWatch Logs' values: {RETENTIONS}, got 15.",
    ),
    "a quota without API keys": (
        {"api": {"daily_quota": 1000}},
        "api.daily_quota: a quota counts requests per API key, so it needs auth: api_key, got 1000.",
    ),
    "an e-mail address twice": (
        {"monitoring": {"emails": ["a@example.com", "a@example.com"]}},
        'monitoring.emails: must not contain duplicates, got ["a@example.com", "a@example.com"].',
    ),
    "an address without TLS": (
        {"monitoring": {"urls": ["http://events.example.com"]}},
        'monitoring.urls.0: must be an https:// URL, got "http://events.example.com".',
    ),
    "a budget that no one hears of": (
        {"monitoring": {"budget": 20}},
        "monitoring.budget: needs a receiver: set emails, urls or chatbot, got 20.0.",
    ),
    "a budget of nothing": (
        {"monitoring": {"budget": 0, "emails": ["a@example.com"]}},
        "monitoring.budget: must be above 0, got 0.",
    ),
    "a tag without a budget": (
        {"monitoring": {"budget_tag": "Environment=prod"}},
        'monitoring.budget_tag: is what a budget counts: set budget, got "Environment=prod".',
    ),
    "a tag without a value": (
        {"monitoring": {"budget": 20, "budget_tag": "Environment", "emails": ["a@example.com"]}},
        'monitoring.budget_tag: must be a cost allocation tag, KEY=VALUE, such as Environment=prod, got "Environment".',
    ),
    "a chat without a channel": (
        {"monitoring": {"chatbot": {}}},
        "monitoring.chatbot: needs a channel: set slack or teams, got {}.",
    ),
    "a workspace of Slack by its name": (
        {"monitoring": {"chatbot": {"slack": {"workspace": "company", "channel": "C0123456789"}}}},
        'monitoring.chatbot.slack.workspace: must be a Slack workspace\'s id, such as T0123456789, got "company".',
    ),
    "a channel of Slack by its name": (
        {"monitoring": {"chatbot": {"slack": {"workspace": "T0123456789", "channel": "#alarms"}}}},
        'monitoring.chatbot.slack.channel: must be a Slack channel\'s id, such as C0123456789, got "#alarms".',
    ),
    "a team by its name": (
        {"monitoring": {"chatbot": {"teams": {"tenant": GUID, "team": "ops", "channel": "19%3Aa%40thread.tacv2"}}}},
        'monitoring.chatbot.teams.team: must be a GUID, the groupId in a link to a channel, got "ops".',
    ),
    "a channel of Teams that is not as in its link": (
        {"monitoring": {"chatbot": {"teams": {"tenant": GUID, "team": GUID, "channel": "19:abc@thread.tacv2"}}}},
        (
            "monitoring.chatbot.teams.channel: must be as in the channel's link, such as 19%3Aabc%40thread.tacv2, "
            'got "19:abc@thread.tacv2".'
        ),
    ),
    "a level of alarms that does not exist": (
        {"monitoring": {"alarms": "none"}},
        "monitoring.alarms: must be 'all' or 'essential', got \"none\".",
    ),
    "an e-mail address without a domain": (
        {"monitoring": {"emails": ["operators"]}},
        'monitoring.emails.0: must be an e-mail address, got "operators".',
    ),
}


@each(REFUSED)
def test_is_refused(raw: dict[str, Any], sentence: str) -> None:
    assert problems(raw) == [sentence]


def test_a_stages_name_can_have_letters_digits_and_dashes() -> None:
    assert settings.read({"api": {"stage": "v1-beta_2"}}).api.stage == "v1-beta_2"
