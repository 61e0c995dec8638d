"""Configurations whose policies the tests read."""

from pathlib import Path
from typing import Any

import pytest

from ebb.project import configuration
from tests.docs.pages import EXAMPLES
from tests.helpers.stacks import STACKS
from tests.helpers.stacks import configuration as of_tests
from tests.iam.stacks import ACCOUNT

ROOT = Path(__file__).parents[2]
EXISTING = {
    "ebb:network": {"vpc_id": "vpc-0", "subnet_ids": ["subnet-0"], "security_group_ids": ["sg-0"]},
    "ebb:worker": {"image": {"repository": "team/encoder", "tag": "1"}, "cluster": "company"},
}
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0"
SLACK = {"workspace": "T0123456789", "channel": "C0123456789"}
_GUID = "01234567-89ab-cdef-0123-456789abcdef"
TEAMS = {"tenant": _GUID, "team": _GUID, "channel": "19%3Aabc%40thread.tacv2"}
#: Everything that a stack can have at the same time.
MOST: dict[str, Any] = {
    "ebb:network": {"nat": "instance", "endpoints": ["sqs"], "flow_log_days": 30},
    "ebb:queue": {"name": "q" * 75, "kms": "new"},
    "ebb:api": {"auth": "api_key", "account_log_role": "create", "waf": True, "execution_log": "INFO"},
    "ebb:jobs": {"keep_days": 1},
    "ebb:scaling": {
        "direct": True,
        "max_tasks": 2,
        "warm_hours": [{"start": "08:00", "stop": "18:00", "min_tasks": 1}],
    },
    "ebb:monitoring": {
        "emails": ["a@example.com"],
        "urls": ["https://example.com"],
        "budget": 20,
        "chatbot": {"slack": SLACK, "teams": TEAMS},
    },
    "ebb:iam": {"path": "/teams/video/", "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary"},
}
CONFIGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "existing": EXISTING,
    "most": MOST,
    **{f"tests' {name}": of_tests(name) for name in STACKS},
    **{f"example {name}": configuration(name, folder=ROOT / "examples" / name) for name in EXAMPLES},
}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def arn(service: str, resource: str, region: str = "us-east-1", account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role{name}"
