"""Who may reach the API at all: its resource policy."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from components import _iam

#: A VPC endpoint's id begins with it. All others are networks.
_ENDPOINT = "vpce-"


def endpoint(allow: Sequence[str]) -> aws.apigateway.RestApiEndpointConfigurationArgsDict:
    """The kind of API: with VPC endpoints in the list it is private."""
    private = _endpoints(allow)
    return {"types": "PRIVATE", "vpc_endpoint_ids": private} if private else {"types": "REGIONAL"}


def _endpoints(allow: Sequence[str]) -> list[str]:
    return [caller for caller in allow if caller.startswith(_ENDPOINT)]


def policy(execution_arn: pulumi.Input[str], allow: Sequence[str], *, signed: bool) -> pulumi.Output[str]:
    """The resource policy. It denies what comes without TLS, and from elsewhere than `allow` if that is not empty.

    An API of signed requests gets no allowing statement: that would admit each identity of the account, also without
    a separate permission (API Gateway developer guide, "How API Gateway resource policies affect authorization
    workflow").
    """
    everything = pulumi.Output.format("{0}/*", execution_arn)
    statements: list[_iam.Statement] = []
    if not signed:
        statements.append(_statement("Allow", "Callers", everything))
    statements.append(_statement("Deny", "TlsOnly", everything, {"Bool": {"aws:SecureTransport": "false"}}))
    if private := _endpoints(allow):
        statements.append(_statement("Deny", "Elsewhere", everything, {"StringNotEquals": {"aws:SourceVpce": private}}))
    elif allow:
        statements.append(_statement("Deny", "Elsewhere", everything, {"NotIpAddress": {"aws:SourceIp": list(allow)}}))
    return _iam.document(statements)


def _statement(effect: str, sid: str, resource: pulumi.Input[str], condition: Any = None) -> _iam.Statement:
    statement = {
        "Sid": sid,
        "Effect": effect,
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": resource,
    }
    return statement | ({"Condition": condition} if condition else {})
