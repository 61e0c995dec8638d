"""Options of `ebb forecast`; `ebb advise` has some of them too."""

from pathlib import Path
from typing import Annotated

import typer

Stack = Annotated[str, typer.Option(help="The stack: its name, or the path of its file (Pulumi.<stack>.yaml).")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change a setting in this forecast, such as scaling.max_tasks=10. Can be repeated.",
    ),
]
_ARRIVALS = (
    "When jobs arrive: burst:N, poisson:RATE[:TIME] (20/h, 5/s), trickle[:N], tail[:N], nightly[:N], idle[:TIME] or "
    "trace:FILE (CSV: time[,seconds[,group]])."
)
_JOB = "How long a job takes: 30s, 20m, or lognormal:MEDIAN,SIGMA."
Arrivals = Annotated[str, typer.Option(help=_ARRIVALS)]
#: Without it the stack's budgets name the load.
OwnArrivals = Annotated[
    str | None, typer.Option("--arrivals", help=f"{_ARRIVALS} Default: the stack's budgets.load, or burst:1.")
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
Job = Annotated[str, typer.Option(help=_JOB)]
OwnJob = Annotated[str | None, typer.Option("--job", help=f"{_JOB} Default: the stack's budgets.load, or 60s.")]
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
Compare = Annotated[
    str | None,
    typer.Option(
        metavar="REVISION",
        help="Compare with the stack's file at a revision of git (main, HEAD~1): prints a table in Markdown.",
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
Json = Annotated[bool, typer.Option("--json", help="Print JSON. report/json_report.py has its fields.")]
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
