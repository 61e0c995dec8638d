"""`python -m ebb forecast`: what a stack will do under a load, before it is deployed."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.errors import UserError, finish

if TYPE_CHECKING:
    from ebb.forecast.checks import Pull
    from ebb.forecast.run import Request

Stack = Annotated[str, typer.Option(help="Which Pulumi.<stack>.yaml to forecast.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="SECTION.KEY=VALUE", help="What if the stack said this? Such as scaling.max_tasks=10."
    ),
]
Arrivals = Annotated[
    str,
    typer.Option(
        help="When jobs come: burst:N, poisson:RATE[:TIME] (20/h, 5/s), trickle[:N], tail[:N], nightly[:N], "
        "idle[:TIME] or trace:FILE (CSV: time[,seconds[,group]])."
    ),
]
Job = Annotated[str, typer.Option(help="How long a job takes: 30s, 20m, or lognormal:MEDIAN,SIGMA.")]
Groups = Annotated[int, typer.Option(min=1, help="Message groups that a FIFO queue's jobs are spread over.")]
Failing = Annotated[float, typer.Option(min=0, max=1, help="Share of jobs that fail at each attempt.")]
Runs = Annotated[int, typer.Option(min=1, max=10_000, help="Runs, each with a seed of its own.")]
Seed = Annotated[int, typer.Option(min=0, help="The first run's seed; the same seed gives the same forecast.")]
Until = Annotated[
    str | None, typer.Option(help="Simulate up to this time (12h, 30d); else until all is done and at rest.")
]
Against = Annotated[bool, typer.Option("--against", help="Run the same load on the known recipes, too.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write one page with plots to this file.", dir_okay=False)]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON instead (its shape: ebb/forecast/report/json_report.py).")
]
Image = Annotated[
    str | None,
    typer.Option(
        metavar="MB,MBIT/S",
        help="An image of so many MB that is pulled through a way out of so many Mbit/s: an adopted VPC without an S3 "
        "gateway endpoint.",
    ),
]


def forecast(
    *,
    stack: Stack = "dev",
    changes: Set = None,
    arrivals: Arrivals = "burst:1",
    job: Job = "60s",
    groups: Groups = 1,
    failing: Failing = 0.0,
    runs: Runs = 20,
    seed: Seed = 1,
    until: Until = None,
    against: Against = False,
    html: Html = None,
    as_json: Json = False,
    image: Image = None,
) -> None:
    """What a stack will do: when it wakes, how long jobs wait, what is killed, what it costs. Nothing is deployed.

    It simulates the stack's own alarms and policies in virtual time, with the
    delays of SQS, CloudWatch and Fargate drawn at random. p50 and p95 are over
    all runs; the range behind each says how far so many runs can be trusted.

    \b
    One job on the dev stack:
      python -m ebb forecast
    200 jobs of half a minute at once, beside CDK, Copilot, KEDA and others:
      python -m ebb forecast --arrivals burst:200 --job 30s --against
    A week at random, jobs of very different length:
      python -m ebb forecast --arrivals poisson:20/h:7d --job lognormal:5m,0.8
    Your own past, as a page with plots:
      python -m ebb forecast --stack prod --arrivals trace:jobs.csv --html f.html
    What a setting would change:
      python -m ebb forecast --set scaling.max_tasks=10 --set network.nat=none
    What a month without jobs costs, for a program:
      python -m ebb forecast --arrivals idle --json
    """

    def command() -> bool:
        from ebb.forecast import workloads  # noqa: PLC0415 — help answers without loading what it tells of
        from ebb.forecast.run import Request  # noqa: PLC0415

        request = Request(
            stack=stack,
            changes=tuple(changes or ()),
            load=workloads.load(arrivals, job, groups=groups, failing=failing),
            against=against,
            runs=runs,
            seed=seed,
            until=None if until is None else _positive(workloads.duration(until)),
            pull=None if image is None else _pull(image),
        )
        _run(request, html, as_json=as_json)
        return True

    finish(command)


def _run(request: "Request", html: Path | None, *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    from ebb.forecast.report import json_report, terminal  # noqa: PLC0415
    from ebb.forecast.run import findings  # noqa: PLC0415

    if html is not None and not html.parent.is_dir():
        raise UserError(f"There is no folder {html.parent} to write {html.name} into.")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("")
        own, *peers = findings(
            request, lambda name, done, of: bar.update(task, description=name, completed=done, total=of)
        )
    if html is not None:
        from ebb.forecast.report.html_report import page  # noqa: PLC0415 — only this needs matplotlib

        try:
            html.write_text(page(own, peers, command=_command()), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{html} cannot be written: {error.strerror}.") from error
    if as_json:
        typer.echo(json.dumps(json_report.document(own, peers), indent=2, ensure_ascii=False))
        return
    terminal.show(Console(), own, peers)
    if html is not None:
        typer.echo(f"\nWrote {html}.")


def _command() -> str:
    """What was typed, to be typed again."""
    return shlex.join(["python", "-m", "ebb", *sys.argv[1:]])


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise UserError("A forecast must reach into the future: --until needs a time above 0.")
    return seconds


def _pull(text: str) -> "Pull":
    from ebb.forecast.checks import Pull  # noqa: PLC0415

    megabytes, comma, megabits = text.partition(",")
    try:
        pull = Pull(megabytes=float(megabytes), megabits=float(megabits))
    except ValueError:
        pull = None
    if not comma or pull is None or not (pull.megabytes > 0 and pull.megabits > 0):
        raise UserError(f"An image is MB,MBIT/S, such as 400,32, not {text!r}.")
    return pull
