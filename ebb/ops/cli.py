"""`python -m ebb status | pause | resume`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.errors import finish

if TYPE_CHECKING:
    from ebb.ops.scaling import Service

Stack = Annotated[str, typer.Option(help="Name of the deployed stack.")]


def status(stack: Stack) -> None:
    """What a deployed stack's service does: its tasks, its jobs, and whether it is paused."""
    _tell(stack, lambda _: None)


def pause(stack: Stack) -> None:
    """Stop scaling a deployed stack: no task is started or taken away. Jobs are still accepted, and wait.

    Tasks that run go on: they take what waits, and when nothing does they stay, and cost, until scaling is resumed. A
    later pulumi up leaves a pause alone.
    """
    _tell(stack, lambda service: service.suspend(True))


def resume(stack: Stack) -> None:
    """Scale a paused stack again. Within about a minute tasks start for what waits, or idle ones begin to go."""
    _tell(stack, lambda service: service.suspend(False))


def _tell(stack: str, act: Callable[["Service"], None]) -> None:
    from ebb.ops.scaling import Service, lines  # noqa: PLC0415 — help answers without loading boto3
    from ebb.ops.stack import read  # noqa: PLC0415

    def command() -> bool:
        service = Service(read(stack))
        act(service)
        for line in lines(stack, service.state()):
            typer.echo(line)
        return True

    finish(command)
