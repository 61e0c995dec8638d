"""`ebb jobs`."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ebb.ops.cli.common import Json, Stack, run, show_json

if TYPE_CHECKING:
    from rich.table import Table

    from ebb.ops.jobs import Page
    from ebb.ops.stack import Stack as DeployedStack

State = Literal["queued", "scheduled", "running", "stalled", "succeeded", "failed", "rejected", "cancelled"]
#: Seconds between two looks of --watch.
LOOK_SECONDS = 2.0
#: Columns of the table; a narrower terminal wraps its lines.
LEAST_COLUMNS = 110


def jobs(
    *,
    stack: Stack,
    state: Annotated[State | None, typer.Option(help="Only jobs in this state.")] = None,
    reference: Annotated[str | None, typer.Option(help="Only jobs with this reference.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many jobs.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Jobs after those of an earlier answer, which has it.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """List the jobs of a stack with a job table, the newest first.

    \b
    ebb jobs --stack prod --state failed
    ebb jobs --stack prod --reference order-17
    ebb jobs --stack prod --watch
    """
    if watch and as_json:
        raise typer.BadParameter("give either --watch or --json.")

    def command(found: "DeployedStack") -> bool:
        from ebb.ops.jobs import jobs as listed  # noqa: PLC0415 — help answers without loading boto3
        from ebb.ops.refusals import refusals  # noqa: PLC0415

        with refusals():
            client = found.clients()

        def look() -> "Page":
            return listed(found, state=state, reference=reference, limit=limit, cursor=cursor, client=client)

        if watch:
            _watch(look)
        elif as_json:
            show_json(look())
        else:
            _show(look())
        return True

    run(stack, command)


def _show(page: "Page") -> None:
    from rich.console import Console  # noqa: PLC0415

    if not page.jobs:
        typer.echo("There are no such jobs.")
        return
    console = Console(highlight=False)
    console.width = max(console.width, LEAST_COLUMNS)
    console.print(_table(page))
    if page.cursor:
        typer.echo(f"More: --cursor {page.cursor}")


def _watch(look: "Callable[[], Page]") -> None:
    from rich.live import Live  # noqa: PLC0415

    try:
        with Live(_table(look()), auto_refresh=False) as live:
            while True:
                time.sleep(LOOK_SECONDS)
                live.update(_table(look()), refresh=True)
    except KeyboardInterrupt:
        pass  # the way to end it


def _table(page: "Page") -> "Table":
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from ebb.ops.times import ago, span  # noqa: PLC0415

    now = time.time()
    table = Table(box=None, pad_edge=False)
    for name in ("id", "state", "created", "took", "attempt", "reference", "what"):
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for job in page.jobs:
        took = span((job.finished or now) - job.started) if job.started else ""
        share = "" if job.progress is None else f"{job.progress:.0%}"
        what = job.error or ("" if job.final else " ".join(part for part in (share, job.note) if part))
        cells = (job.id, job.state, ago(job.created, now), took, str(job.attempt or ""), job.reference or "", what)
        table.add_row(*map(Text, cells))
    return table
