"""`ebb forecast`: what a stack will do under a load, before it is deployed."""

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.errors import UserError, finish

if TYPE_CHECKING:
    from ebb.forecast.pipeline import Wanted
    from ebb.forecast.run import Progress, Request

Stack = Annotated[str, typer.Option(help="The stack: its name, or the path of its file (Pulumi.<stack>.yaml).")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change a setting in this forecast, such as scaling.max_tasks=10. Can be repeated.",
    ),
]
Arrivals = Annotated[
    str,
    typer.Option(
        help="When jobs arrive: burst:N, poisson:RATE[:TIME] (20/h, 5/s), trickle[:N], tail[:N], nightly[:N], "
        "idle[:TIME] or trace:FILE (CSV: time[,seconds[,group]])."
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        metavar="DATE",
        help="When a load without dates begins: 2026-03-28 or 2026-03-28T09:00, in the time zone of the stack's "
        "scaling.timezone. Default: a Monday.",
    ),
]
Body = Annotated[str, typer.Option(metavar="SIZE", help="Size of a job's body: 2KB, 300KB, 1MB.")]
Job = Annotated[str, typer.Option(help="How long a job takes: 30s, 20m, or lognormal:MEDIAN,SIGMA.")]
Groups = Annotated[int, typer.Option(min=1, help="Number of message groups, for a FIFO queue.")]
Failing = Annotated[float, typer.Option(min=0, max=1, help="Share of jobs that fail at each attempt.")]
Crash = Annotated[
    str | None,
    typer.Option(
        metavar="start|TIME",
        help="Each task crashes: at its start, before it receives (exit codes 69 and 78), or after this time (90s).",
    ),
]
Runs = Annotated[int, typer.Option(min=1, max=10_000, help="Number of runs; each has its own seed.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the first run; the same seed gives the same forecast.")]
Until = Annotated[
    str | None,
    typer.Option(help="Simulate up to this time (12h, 30d). Default: until all jobs are done and tasks are at rest."),
]
Versus = Annotated[
    list[str] | None,
    typer.Option(
        "--vs",
        metavar="SECTION.KEY=VALUE[,…]",
        help="Also run the load with these settings, and show what they change. Can be repeated.",
    ),
]
Scales = Annotated[bool, typer.Option("--scale", help="Also show the cost at 10, 100 and 1,000 times the load.")]
Sensitivity = Annotated[
    bool,
    typer.Option("--sensitivity", help="Also show what 20 % less or more of each assumption changes."),
]
Against = Annotated[
    bool,
    typer.Option("--against", help="Also run the load on known designs: CDK, Copilot, KEDA and others."),
]
Html = Annotated[
    Path | None, typer.Option("--html", help="Write an HTML page with plots to this file.", dir_okay=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON. json_report.py has its fields.")]
Image = Annotated[
    str | None,
    typer.Option(
        metavar="MB[,MBIT/S]",
        help="Pull an image of so many MB at each task's start: at 250 Mbit/s, or through a path of so many Mbit/s "
        "that tasks which start together share, as in a VPC without an S3 gateway endpoint.",
    ),
]
StartTime = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Time from the decision to start a task to its first receive: 45s, or lognormal:MEDIAN,SIGMA. Default: "
        "measured elsewhere, 33 s.",
    ),
]
Deploy = Annotated[
    list[str] | None,
    typer.Option(metavar="TIME", help="Deploy the service so long after the start of the load: 2h. Can be repeated."),
]


def forecast(
    *,
    stack: Stack = "dev",
    changes: Set = None,
    arrivals: Arrivals = "burst:1",
    start: Start = None,
    job: Job = "60s",
    body: Body = "1KB",
    groups: Groups = 1,
    failing: Failing = 0.0,
    crash: Crash = None,
    runs: Runs = 20,
    seed: Seed = 1,
    until: Until = None,
    versus: Versus = None,
    against: Against = False,
    scales: Scales = False,
    sensitivity: Sensitivity = False,
    html: Html = None,
    as_json: Json = False,
    image: Image = None,
    start_time: StartTime = None,
    deploy: Deploy = None,
) -> None:
    """Forecast when the first task starts, how long jobs wait, which jobs are stopped, and the cost.

    Nothing is deployed. It simulates the stack's own alarms and policies in virtual time. The delays
    of SQS, CloudWatch and Fargate are random. p50 and p95 are over all runs; the
    range behind each is its 95 % confidence interval.

    \b
    One job on the dev stack:
      ebb forecast
    200 jobs of half a minute at once, compared with CDK, Copilot, KEDA and others:
      ebb forecast --arrivals burst:200 --job 30s --against
    Random arrivals for a week, jobs of very different length:
      ebb forecast --arrivals poisson:20/h:7d --job lognormal:5m,0.8
    Your past jobs, as a page with plots:
      ebb forecast --stack prod --arrivals trace:jobs.csv --html f.html
    With another setting:
      ebb forecast --set scaling.max_tasks=10 --set network.nat=none
    What other settings change, with the same random delays:
      ebb forecast --vs scaling.watch=true --vs scaling.max_tasks=5
    The cost at 10, 100 and 1,000 times the load, and what the result depends on:
      ebb forecast --arrivals trickle:20 --scale --sensitivity
    The cost of a month without jobs, for a program:
      ebb forecast --arrivals idle --json
    """

    def command() -> bool:
        from ebb.forecast import durations  # noqa: PLC0415 - --help answers without these imports
        from ebb.forecast.load import dates, workloads  # noqa: PLC0415
        from ebb.forecast.model.overrides import assumed  # noqa: PLC0415
        from ebb.forecast.pipeline import Wanted  # noqa: PLC0415
        from ebb.forecast.run import Request  # noqa: PLC0415
        from ebb.forecast.scenario import image_pull  # noqa: PLC0415
        from ebb.forecast.scenario.stack import find, read  # noqa: PLC0415

        folder, name = find(stack)
        calendar = dates.read(start, read(name, folder, changes or ()).scaling.timezone)
        request = Request(
            stack=stack,
            changes=tuple(changes or ()),
            start=start,
            load=workloads.load(
                arrivals,
                job,
                groups=groups,
                failing=failing,
                crash=crash,
                body=workloads.body_bytes(body),
                calendar=calendar,
            ),
            against=against,
            runs=runs,
            seed=seed,
            until=None if until is None else durations.positive(until, "--until"),
            pull=None if image is None else image_pull.read(image),
            assumptions=assumed(start_time, deploy or ()),
        )
        wanted = Wanted(versus=tuple(versus or ()), scales=scales, sensitivity=sensitivity)
        _run(request, wanted, html, as_json=as_json)
        return True

    finish(command)


def _run(request: "Request", wanted: "Wanted", html: Path | None, *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    from ebb.forecast.pipeline import report  # noqa: PLC0415
    from ebb.forecast.report import json_report, terminal  # noqa: PLC0415
    from ebb.forecast.unused_options import unused  # noqa: PLC0415

    if html is not None and not html.parent.is_dir():
        raise UserError(f"The folder {html.parent} for {html.name} does not exist.")
    for sentence in unused(request):
        typer.echo(sentence, err=True)
    with progress_bar() as progress:
        found = report(request, wanted, progress)
    for each in found.versus:
        if each.finding.forecast.scenario == replace(found.own.forecast.scenario, name=each.changes):
            typer.echo(f"--vs {each.changes} has no effect: the stack has it, or no forecast depends on it.", err=True)
    if html is not None:
        from ebb.forecast.report.html_report import page  # noqa: PLC0415 - only this loads matplotlib

        write_page(html, page(found, command=shlex.join(["ebb", *sys.argv[1:]])))
    if as_json:
        typer.echo(json.dumps(json_report.document(found), indent=2, ensure_ascii=False))
        return
    terminal.show(Console(), found)
    if html is not None:
        typer.echo(f"\nWrote {html}.")


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """A bar on a terminal's stderr, while the block runs."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda name, done, of: bar.update(task, description=name, completed=done, total=of)


def write_page(path: Path, text: str) -> None:
    """Write an HTML page. Raises UserError."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
