"""Express workflows and the roles of what calls AWS for a component."""

import json
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components import _iam
from components._account import Account
from components.workflows.asl import Document
from settings import Iam


def express(
    owner: pulumi.Resource, role_name: str, document: pulumi.Output[Document], role_arn: pulumi.Input[str]
) -> aws.sfn.StateMachine:
    """An Express workflow of the component."""
    return aws.sfn.StateMachine(
        f"{owner.pulumi_resource_name}-{role_name}",
        type="EXPRESS",
        definition=document.apply(json.dumps),
        role_arn=role_arn,
        opts=pulumi.ResourceOptions(parent=owner),
    )


def role(
    owner: pulumi.Resource,
    role_name: str,
    service: str,
    statements: Sequence[_iam.Statement],
    *,
    account: Account,
    iam: Iam,
) -> aws.iam.Role:
    """A role that a service such as "states" assumes for this account."""
    child, name = pulumi.ResourceOptions(parent=owner), f"{owner.pulumi_resource_name}-{role_name}"
    trust = _iam.trust(f"{service}.amazonaws.com", _iam.from_account(account.id))
    made = _iam.role(name, trust, iam, child)
    aws.iam.RolePolicy(name, role=made.name, policy=_iam.document(statements), opts=child)
    return made
