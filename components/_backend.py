"""The API's backend: SQS itself, or the workflow that sends the job and starts a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components import _direct, _iam, _templates
from components._queue_refs import QueueRefs


@dataclass(frozen=True, kw_only=True)
class Backend:
    """How API Gateway calls the backend, and how it answers the caller."""

    #: The service and its action, as in an integration's URI.
    action: pulumi.Input[str]
    #: Headers of the integration request.
    headers: Mapping[str, str]
    #: Request templates of `POST /jobs` and `GET /queue`.
    post: pulumi.Input[str]
    get: pulumi.Input[str]
    #: Response templates for a success and for any other response.
    answer: str
    error: str
    #: Permissions of the API's role.
    statements: Sequence[_iam.Statement]


def sqs(account_id: pulumi.Input[str], queue: QueueRefs) -> Backend:
    """SQS itself."""
    return Backend(
        action=pulumi.Output.format("sqs:path/{0}/{1}", account_id, queue.name),
        headers=_templates.REQUEST_HEADERS,
        post=_templates.post_template(fifo=queue.fifo),
        get=_templates.get_template(fifo=queue.fifo),
        answer=_templates.SUCCESS_TEMPLATE,
        error=_templates.ERROR_TEMPLATE,
        statements=[_iam.allow(["sqs:SendMessage"], queue.arn), *_iam.encrypt_messages(queue.kms_key_arn)],
    )


def workflow(submit_arn: pulumi.Input[str], queue: QueueRefs) -> Backend:
    """The workflow that sends the job and starts a task."""
    arn = pulumi.Output.from_input(submit_arn)
    return Backend(
        action="states:action/StartSyncExecution",
        headers={},
        post=arn.apply(lambda known: _direct.post_template(known, fifo=queue.fifo)),
        get=arn.apply(lambda known: _direct.get_template(known, fifo=queue.fifo)),
        answer=_direct.ANSWER_TEMPLATE,
        error=_direct.ERROR_TEMPLATE,
        statements=[_iam.allow(["states:StartSyncExecution"], submit_arn)],
    )
