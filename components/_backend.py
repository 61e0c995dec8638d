"""What takes the API's jobs: SQS itself, or the workflow that sends them there and wakes the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components import _direct, _iam, _templates


@dataclass(frozen=True, kw_only=True)
class Backend:
    """How it is talked to, and what that takes."""

    #: Of API Gateway's, for the service and its action.
    action: pulumi.Input[str]
    #: Of the integration request.
    headers: Mapping[str, str]
    #: The request for `POST /jobs` and for `GET /queue`.
    post: pulumi.Input[str]
    get: pulumi.Input[str]
    #: The answers to a success and to all else.
    answer: str
    error: str
    #: What the API's role may do.
    statements: Sequence[_iam.Statement]
    #: Statuses that an answer sets itself.
    statuses: Sequence[str] = ()


def queue(
    action: pulumi.Input[str], queue_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None, *, fifo: bool
) -> Backend:
    """SQS itself."""
    statements = [_iam.allow(["sqs:SendMessage"], queue_arn)]
    if kms_key_arn is not None:
        # SQS encrypts with a data key that it gets, and decrypts again, in the sender's name
        statements.append(_iam.allow(["kms:GenerateDataKey", "kms:Decrypt"], kms_key_arn))
    return Backend(
        action=action,
        headers=_templates.REQUEST_HEADERS,
        post=_templates.post_template(fifo=fifo),
        get=_templates.get_template(fifo=fifo),
        answer=_templates.SUCCESS_TEMPLATE,
        error=_templates.ERROR_TEMPLATE,
        statements=statements,
    )


def workflow(submit_arn: pulumi.Input[str], *, fifo: bool) -> Backend:
    """The workflow that sends the job and wakes the service."""
    arn = pulumi.Output.from_input(submit_arn)
    return Backend(
        action="states:action/StartSyncExecution",
        headers={},
        post=arn.apply(lambda known: _direct.post_template(known, fifo=fifo)),
        get=arn.apply(lambda known: _direct.get_template(known, fifo=fifo)),
        answer=_direct.ANSWER_TEMPLATE,
        error=_direct.ERROR_TEMPLATE,
        statements=[_iam.allow(["states:StartSyncExecution"], submit_arn)],
        statuses=[_direct.TOO_LARGE],
    )
