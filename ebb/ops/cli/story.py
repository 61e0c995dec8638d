"""`ebb why`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ebb.ops.cli.common import Json, Stack, run, show_json

if TYPE_CHECKING:
    from ebb.ops.stack import Stack as DeployedStack


def why(
    stack: Stack,
    job: Annotated[str, typer.Argument(metavar="ID", help="The job's id, or SQS's id of its message.")],
    as_json: Json = False,
) -> None:
    """Tell one job's story: when it was sent, why it waited, its attempts, and what became of it. Times are in UTC.

    \b
    ebb why --stack prod 4f2a8c0e9b7d6135a0c4e8f26b19d37e

    It reads the job table, the log, the scaling activities and the alarms' histories. Without a job table it reads the
    log of the last 14 days. It looks for a failed job in the dead-letter queue, whose messages are hidden meanwhile.
    """

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.story import story  # noqa: PLC0415 — help answers without loading boto3
        from ebb.ops.times import clock_time  # noqa: PLC0415

        steps = story(found, job)
        if as_json:
            show_json(steps)
        else:
            for step in steps:
                typer.echo(f"{clock_time(step.time)}  {step.sentence}")
        return True

    run(stack, command)
