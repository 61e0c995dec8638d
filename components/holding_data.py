"""What holds data, by type. tests/program/test_urns.py freezes the URNs: a new URN is a new, empty resource."""

import pulumi

#: Jobs, waiting or scheduled, their state, their image and what they wrote: in any component.
TYPES = frozenset(
    {
        "aws:sqs/queue:Queue",
        "aws:kms/key:Key",
        "aws:dynamodb/table:Table",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        "aws:ecr/repository:Repository",
        "awsx:ecr:Repository",  # the repository is its child, and takes its protection
    }
)


def protect() -> None:
    """Let the engine refuse to delete or to replace what holds data, in all components that are made from now on."""
    pulumi.runtime.register_stack_transformation(_protected)


def _protected(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    if args.type_ not in TYPES:
        return None
    options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True))
    return pulumi.ResourceTransformationResult(args.props, options)
