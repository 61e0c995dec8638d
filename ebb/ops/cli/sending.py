"""`ebb send`."""

import json
import os
import stat
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from ebb.errors import UserError
from ebb.ops.cli.common import Json, Stack, run

if TYPE_CHECKING:
    from ebb.ops.sending import Sent
    from ebb.ops.stack import Stack as DeployedStack


def send(
    *,
    stack: Stack,
    body: Annotated[str | None, typer.Argument(help="The job's body.", show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option(help="A file that is the job's body.", exists=True, dir_okay=False)
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Your own name for the job, by which it is listed.")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key and job are sent once.")] = None,
    delay: Annotated[str | None, typer.Option(help="The job starts so much later, such as 90s or 2h.")] = None,
    at: Annotated[str | None, typer.Option(help="When the job starts, such as 2026-12-24T18:00:00Z.")] = None,
    group: Annotated[str | None, typer.Option(help="SQS's message group; a FIFO queue needs one.")] = None,
    through: Annotated[
        Literal["api", "queue"] | None, typer.Option(help="The way. Default: the API, if it lets you in.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a job, or one for each line of standard input, and print the ids.

    \b
    ebb send --stack prod '{"sleep": 2}'
    ebb send --stack prod --file job.json --reference order-17 --key order-17
    ebb send --stack prod --key night-shift < jobs.jsonl

    A line that is not accepted is reported on standard error, the others go on, and the exit code is 1. With a key the
    same lines can be sent again: each is one job. Without one, `ebb` makes a key and names it where a line fails.
    """
    if body is not None and file is not None:
        raise typer.BadParameter("give either BODY or --file.")
    if delay is not None and at is not None:
        raise typer.BadParameter("give either --delay or --at.")
    late = _seconds(delay)
    single = body if body is not None else _text(file) if file else None
    try:
        (single or "").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("BODY is not UTF-8.") from None
    if single is None and sys.stdin.isatty():
        raise typer.BadParameter("give BODY, --file, or JSON lines on standard input.")

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.refusals import refusals  # noqa: PLC0415 — help answers without loading boto3
        from ebb.ops.sending import Line, Options, door, lines  # noqa: PLC0415

        options = Options(key=key, reference=reference, delay=late, at=at, group=group)
        with refusals():
            client = found.clients()
        way, why = door(found, options, through, client)
        if why:
            typer.secho(f"Sent to the queue: {why}.", err=True, dim=True)
        own = key or (str(uuid.uuid4()) if way.keyed else None)
        if single is not None:
            return _report(way.send([Line(number=1, body=single, key=own)]), as_json, own, single=True)
        with _lines() as text:
            return _report(way.send(lines(text, own)), as_json, own, single=False)

    run(stack, command)


def _seconds(delay: str | None) -> int | None:
    from ebb.ops.times import seconds  # noqa: PLC0415

    if delay is None:
        return None
    try:
        return round(seconds(f"{delay}s" if delay.isdecimal() else delay))
    except ValueError as error:
        raise typer.BadParameter(f"--delay: {error}.") from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"--file {file}: {error}.") from None


def _report(sent: "Iterator[Sent]", as_json: bool, run_key: str | None, *, single: bool) -> bool:
    """Print what became of each line, as it is known. Whether all were sent."""
    failed: list[int] = []
    count = 0
    try:
        for each in sent:
            count += 1
            if each.error:
                failed.append(each.number)
                typer.secho(f"{'' if single else f'Line {each.number}: '}{each.error}", err=True, fg="red")
            if as_json:
                typer.echo(json.dumps(asdict(each)))
            elif each.id:
                typer.echo(each.id)
    finally:
        ended = sys.exc_info()[0] is None
        if run_key and not single and (failed or not ended):
            again = f"Send the same lines again with --key {run_key}: those that were sent are not sent twice."
            typer.secho(f"{len(failed)} of {count} lines were not sent. {again}", err=True)
        elif not count and ended:
            typer.secho("Standard input has no job: nothing was sent.", err=True)
        elif failed and not single:
            typer.secho(f"{len(failed)} of {count} lines were not sent: {', '.join(map(str, failed))}.", err=True)
    return not failed


@contextmanager
def _lines() -> Iterator[Iterator[str]]:
    """The lines of standard input, with a progress bar on a terminal. Raises UserError for what is not UTF-8."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    source = sys.stdin.buffer
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Sending", total=_size(source))

        def read() -> Iterator[str]:
            for number, line in enumerate(source, 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise UserError(f"Line {number} of standard input is not UTF-8.") from None
                progress.update(task, advance=len(line), description=f"Line {number}")

        yield read()


def _size(source: IO[bytes]) -> int | None:
    """The bytes of a file; None for a pipe."""
    try:
        found = os.fstat(source.fileno())
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
