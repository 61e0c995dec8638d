"""`ebb pause | resume`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from ebb.ops.cli.common import Stack, run

if TYPE_CHECKING:
    from ebb.ops.scaling import Service
    from ebb.ops.stack import Stack as DeployedStack


def pause(stack: Stack) -> None:
    """Pause the scaling of a deployed stack: no task is started or removed. The API still accepts jobs.

    Running tasks go on with the jobs that wait. Without jobs they stay, and cost money, until `ebb resume`. A later
    `pulumi up` does not end the pause.
    """
    _act(stack, lambda service: service.suspend(True))


def resume(stack: Stack) -> None:
    """Resume the scaling of a paused stack. Tasks start for waiting jobs within about a minute."""
    _act(stack, lambda service: service.suspend(False))


def _act(stack: str, act: "Callable[[Service], None]") -> None:
    def command(found: "DeployedStack") -> bool:
        from ebb.ops.scaling import Service, lines  # noqa: PLC0415 — help answers without loading boto3

        service = Service(found)
        act(service)
        for line in lines(stack, service.state()):
            typer.echo(line)
        return True

    run(stack, command)
