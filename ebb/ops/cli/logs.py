"""`ebb logs`."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.ops.cli.common import Stack, run

if TYPE_CHECKING:
    from ebb.ops.stack import Stack as DeployedStack


def logs(
    stack: Stack,
    job: Annotated[str | None, typer.Option(help="Only lines that name the job with this id.")] = None,
    since: Annotated[str, typer.Option(help="Lines of the last such span: 90s, 15m, 1h30m, 2d.")] = "1h",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new lines, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as the tasks wrote them.")] = False,
) -> None:
    """Show what the tasks of a deployed stack wrote, and how each job ended. Times are in UTC.

    \b
    ebb logs --stack prod --follow
    ebb logs --stack prod --job 4f2a8c0e9b7d6135a0c4e8f26b19d37e --since 2d
    ebb logs --stack prod --json --since 10m | jq 'select(.level == "ERROR")'

    With --job a handler's print() is left out, because such a line names no job. Lines of `logging` have the job's id.
    """
    from ebb.ops.times import seconds  # noqa: PLC0415

    try:
        began = max(0.0, time.time() - seconds(since))
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}.") from None

    def command(found: "DeployedStack") -> bool:
        from ebb.ops import logs as log  # noqa: PLC0415 — help answers without loading boto3
        from ebb.ops.refusals import refusals  # noqa: PLC0415
        from ebb.sandbox.readable import Readable  # noqa: PLC0415

        with refusals():
            client = found.clients()
        readable = Readable(None)
        lines = (
            log.follow(found, client, since=began, job=job) if follow else log.read(found, client, since=began, job=job)
        )
        try:
            for line in lines:
                if as_json:
                    typer.echo(line.text)
                    continue
                for text, problem in readable.lines(line):
                    moment = datetime.fromtimestamp(line.time, UTC).strftime("%H:%M:%S")
                    typer.secho(f"{moment} {text}", fg="red" if problem else None)
        except KeyboardInterrupt:
            if not follow:
                raise
        return True

    run(stack, command)
