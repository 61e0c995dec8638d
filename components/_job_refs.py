"""What the API needs of the job table and its workflows."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class JobRefs:
    """The job table, and the workflows that take a job, take several, and cancel one."""

    table_name: pulumi.Input[str]
    table_arn: pulumi.Input[str]
    submit_arn: pulumi.Input[str]
    batch_arn: pulumi.Input[str]
    cancel_arn: pulumi.Input[str]
