"""`ebb status | pause | resume | move`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.errors import finish

if TYPE_CHECKING:
    from ebb.ops.scaling import Service

Stack = Annotated[str, typer.Option(help="Name of the deployed stack.")]


def status(stack: Stack) -> None:
    """Show the tasks and jobs of a deployed stack, and whether its scaling is paused."""
    _act(stack, lambda _: None)


def pause(stack: Stack) -> None:
    """Pause the scaling of a deployed stack: no task is started or removed. The API still accepts jobs.

    Running tasks go on with the jobs that wait. Without jobs they stay, and cost money, until `ebb resume`. A later
    `pulumi up` does not end the pause.
    """
    _act(stack, lambda service: service.suspend(True))


def resume(stack: Stack) -> None:
    """Resume the scaling of a paused stack. Tasks start for waiting jobs within about a minute."""
    _act(stack, lambda service: service.suspend(False))


def move(
    stack: Stack,
    source: Annotated[str, typer.Argument(metavar="SOURCE_URL", help="URL of the queue that has the messages.")],
    to: Annotated[str | None, typer.Option(help="URL of another queue than the stack's.")] = None,
) -> None:
    """Move the messages of a queue to the stack's queue, for example after its name has changed."""
    from ebb.ops.moving import move as moved  # noqa: PLC0415 — help answers without loading boto3
    from ebb.ops.stack import read  # noqa: PLC0415

    def command() -> bool:
        typer.echo(f"Moved messages: {moved(read(stack), source, to)}.")
        return True

    finish(command)


def _act(stack: str, act: Callable[["Service"], None]) -> None:
    from ebb.ops.scaling import Service, lines  # noqa: PLC0415 — help answers without loading boto3
    from ebb.ops.stack import read  # noqa: PLC0415

    def command() -> bool:
        service = Service(read(stack))
        act(service)
        for line in lines(stack, service.state()):
            typer.echo(line)
        return True

    finish(command)
