"""`ebb forecast`: what a stack will do under a load, before it is deployed."""

import json
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from ebb.errors import UserError, finish
from ebb.forecast.options import (
    Against,
    Arrivals,
    Body,
    Crash,
    Deploy,
    Failing,
    Groups,
    Html,
    Image,
    Job,
    Json,
    Runs,
    Scales,
    Seed,
    Sensitivity,
    Set,
    Stack,
    Start,
    StartTime,
    Until,
    Versus,
)
from ebb.forecast.output import progress_bar, write_page

if TYPE_CHECKING:
    from pathlib import Path

    from ebb.forecast.pipeline import Wanted
    from ebb.forecast.run import Request


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
        from ebb.forecast.model.overrides import overridden  # noqa: PLC0415
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
            assumptions=overridden(start_time, deploy or ()),
        )
        wanted = Wanted(versus=tuple(versus or ()), scales=scales, sensitivity=sensitivity)
        _run(request, wanted, html, as_json=as_json)
        return True

    finish(command)


def _run(request: "Request", wanted: "Wanted", html: "Path | None", *, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415

    from ebb.forecast.pipeline import report  # noqa: PLC0415
    from ebb.forecast.report import json_report, terminal  # noqa: PLC0415
    from ebb.forecast.unused_options import deployments, unused  # noqa: PLC0415

    if html is not None and not html.parent.is_dir():
        raise UserError(f"The folder {html.parent} for {html.name} does not exist.")
    for sentence in unused(request):
        typer.echo(sentence, err=True)
    with progress_bar() as progress:
        found = report(request, wanted, progress)
    for sentence in deployments(request, found.own.forecast):
        typer.echo(sentence, err=True)
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
