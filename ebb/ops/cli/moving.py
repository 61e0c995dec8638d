"""`ebb move`."""

from typing import TYPE_CHECKING, Annotated

import typer

from ebb.ops.cli.common import Stack, run

if TYPE_CHECKING:
    from ebb.ops.stack import Stack as DeployedStack


def move(
    stack: Stack,
    source: Annotated[str, typer.Argument(metavar="SOURCE_URL", help="URL of the queue that has the messages.")],
    to: Annotated[str | None, typer.Option(help="URL of another queue than the stack's.")] = None,
) -> None:
    """Move the messages of a queue to the stack's queue, for example after its name has changed."""

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.moving import move as moved  # noqa: PLC0415 — help answers without loading boto3

        typer.echo(f"Moved messages: {moved(found, source, to)}.")
        return True

    run(stack, command)
