"""What `pulumi config set --secret` encrypts stays encrypted in the state, which the real engine writes."""

import json

import pytest
from pulumi.automation import ConfigValue

from ebb.sandbox.deploy.engine import Deployment, DeploymentError
from tests.engine.conftest import Deploy

#: Where a value can stay secret, and a value that appears in no other place.
VALUES = {
    "ebb:worker.environment.GREETING": 'hidden greeting "with" quotes',
    "ebb:worker.command[1]": "hidden-word",
    "ebb:worker.secrets.DATABASE_URL": "/hidden/parameter",
    "ebb:worker.statements[0].resources[0]": "arn:aws:s3:::hidden-bucket/*",
    "ebb:monitoring.emails[0]": "hidden@example.com",
}


def encrypt(stack: Deployment, values: dict[str, str]) -> None:
    for key, value in values.items():
        stack._stack.set_config(key, ConfigValue(value, secret=True), path=True)


def state(stack: Deployment) -> str:
    """The state file as it is on the disk: an export would decrypt it."""
    return "\n".join(file.read_text() for file in (stack._stack_file.parent / "state").rglob("*.json"))


def test_encrypted_values_are_in_the_account_but_not_in_the_state_or_the_outputs(deploy: Deploy) -> None:
    stack = deploy(
        overrides={
            "ebb:worker": {
                "handler": None,
                "command": ["/app/job", "-"],
                "statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::-/*"]}],
            },
            "ebb:monitoring": {"emails": ["a@example.com"]},
        }
    )
    encrypt(stack, VALUES)
    output: list[str] = []
    stack.up(output.append)
    written = state(stack) + json.dumps(stack.outputs()) + "\n".join(output)
    assert "ebb:index:WorkerService" in written
    assert "hidden" not in written


@pytest.mark.parametrize("key", ["ebb:queue.name", "ebb:worker.cluster", "ebb:network.zones[0]"])
def test_what_cannot_stay_encrypted_is_refused_before_anything_is_created(deploy: Deploy, key: str) -> None:
    stack = deploy()
    encrypt(stack, {key: "hidden"})
    with pytest.raises(DeploymentError) as refused:
        stack.up()
    assert "is encrypted, but Pulumi's state would show it. Set it without --secret" in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert "ebb:index" not in state(stack)
