"""Every role of every stack has the permissions boundary and the path of the settings."""

import json
import runpy
from typing import Any

import pulumi
import pytest

from tests.components.harness import ACCOUNT, Deployed, deploy

ROLE = "aws:iam/role:Role"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/Developer-Boundary"
EVERYTHING = {
    "network": {"nat": "gateway"},
    "queue": {"kms": "new"},
    "api": {"account_log_role": "create", "get_endpoint": True, "auth": "api_key"},
    "jobs": {"keep_days": 7},
    "worker": {"secrets": {"A": "/a"}, "exec": True},
    "scaling": {
        "direct": True,
        "max_tasks": 4,
        "warm_hours": [{"start": "08:00", "stop": "18:00", "min_tasks": 2}],
    },
    "monitoring": {"emails": ["ops@example.com"]},
}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "watch": {"scaling": {"watch": True}},
    "no keep-alive": {"scaling": {"keep_alive": False}},
    "API Gateway's log role": {"api": {"account_log_role": "create"}},
    "steps and a fixed size": {"scaling": {"min_tasks": 1, "steps": [{"lower": 1, "change": 1}], "scale_in": "queue"}},
    "existing network, image and cluster": {
        "network": {"vpc_id": "vpc-0", "subnet_ids": ["subnet-0"]},
        "worker": {"image": {"repository": "a", "tag": "1"}, "cluster": "shared"},
    },
}


def program(sections: dict[str, Any]) -> Deployed:
    config = {f"ebb:{name}": json.dumps(section) for name, section in sections.items()}

    def run() -> None:
        runpy.run_path("__main__.py", run_name="__main__")

    return deploy(run, config=config)


@pytest.mark.parametrize("title", CONFIGURATIONS)
def test_every_role_has_the_boundary_and_the_path(title: str) -> None:
    roles = program(CONFIGURATIONS[title] | {"iam": {"permissions_boundary": BOUNDARY, "path": "/teams/"}}).of(ROLE)
    assert len(roles) >= 3
    expected = {"permissionsBoundary": BOUNDARY, "path": "/teams/"}
    assert [{name: role.inputs.get(name) for name in expected} for role in roles] == [expected] * len(roles)


def test_without_the_settings_no_role_has_either() -> None:
    roles = program(EVERYTHING).of(ROLE)
    assert [role.inputs.keys() & {"permissionsBoundary", "path"} for role in roles] == [set()] * len(roles)


def test_an_arn_of_another_region_ends_the_program_before_anything_is_created() -> None:
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0123"
    with pytest.raises(pulumi.RunError, match=r"ebb:queue\.kms: must be of the stack's region, which is us-east-1"):
        program({"queue": {"kms": key}})
