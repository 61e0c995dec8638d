"""`ebb status`."""

import time
from typing import TYPE_CHECKING

import typer

from ebb.ops.cli.common import Json, Stack, run, show_json

if TYPE_CHECKING:
    from ebb.ops.stack import Stack as DeployedStack


def status(stack: Stack, as_json: Json = False) -> None:
    """Show what a deployed stack is doing: tasks, jobs, the oldest job, alarms, whether it is paused, deployments.

    \b
    ebb status --stack prod
    ebb status --stack prod --json | jq .state.waiting
    """

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.overview import overview, screen  # noqa: PLC0415 — help answers without loading boto3

        seen = overview(found)
        if as_json:
            show_json(seen)
        else:
            for line in screen(seen, time.time()):
                typer.echo(line)
        return True

    run(stack, command)
