"""The section `data`."""

from pydantic import Field

from settings.sections.base import Section


class Data(Section):
    """What holds data: queues, their KMS key, the job table, schedules of jobs, the image repository, log groups."""

    protect: bool = Field(
        False,
        description="Pulumi deletes and replaces none of it. Set it to `false` and run `pulumi up` before you delete "
        "something, or the stack.",
    )
