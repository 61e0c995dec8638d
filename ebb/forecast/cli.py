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
    Body,
    Compare,
    Crash,
    Deploy,
    Failing,
    Groups,
    Html,
    Image,
    Json,
    OwnArrivals,
    OwnJob,
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
    from collections.abc import Callable
    from pathlib import Path

    from ebb.forecast.pipeline import Wanted
    from ebb.forecast.run import Request


def forecast(
    *,
    stack: Stack = "dev",
    changes: Set = None,
    arrivals: OwnArrivals = None,
    start: Start = None,
    job: OwnJob = None,
    body: Body = "1KB",
    groups: Groups = 1,
    failing: Failing = 0.0,
    crash: Crash = None,
    runs: Runs = 20,
    seed: Seed = 1,
    until: Until = None,
    versus: Versus = None,
    compare: Compare = None,
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
    range behind each is its 95 % confidence interval. If the stack has budgets (ebb:budgets), the exit code is 1 above
    one of them.

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
    What a branch changes, as a table for its pull request:
      ebb forecast --stack prod --compare main
    What other settings change, with the same random delays:
      ebb forecast --vs scaling.watch=true --vs scaling.max_tasks=5
    The cost at 10, 100 and 1,000 times the load, and what the result depends on:
      ebb forecast --arrivals trickle:20 --scale --sensitivity
    The cost of a month without jobs, for a program:
      ebb forecast --arrivals idle --json
    """

    def command() -> bool:
        from ebb.forecast import durations  # noqa: PLC0415 - --help answers without these imports
        from ebb.forecast.calibrate import calibration  # noqa: PLC0415
        from ebb.forecast.load import workloads  # noqa: PLC0415
        from ebb.forecast.model.overrides import overridden  # noqa: PLC0415
        from ebb.forecast.pipeline import Wanted, stack_load  # noqa: PLC0415
        from ebb.forecast.run import Request  # noqa: PLC0415
        from ebb.forecast.scenario import image_pull  # noqa: PLC0415
        from ebb.forecast.scenario.stack import find, read  # noqa: PLC0415

        measured, sentence = calibration.assumptions(stack)

        def request(of: str) -> Request:
            folder, name = find(of)
            more = {"groups": groups, "failing": failing, "crash": crash, "body": workloads.body_bytes(body)}
            return Request(
                stack=of,
                changes=tuple(changes or ()),
                start=start,
                load=stack_load(read(name, folder, changes or ()), arrivals, job, start, **more),
                against=against,
                runs=runs,
                seed=seed,
                until=None if until is None else durations.positive(until, "--until"),
                pull=None if image is None else image_pull.read(image),
                assumptions=overridden(start_time, deploy or (), measured),
                calibration=sentence,
            )

        if compare is not None:
            others = {
                "--vs": versus,
                "--against": against,
                "--scale": scales,
                "--sensitivity": sensitivity,
                "--html": html,
            }
            return _compare(stack, compare, request, [name for name, given in others.items() if given], as_json=as_json)
        wanted = Wanted(versus=tuple(versus or ()), scales=scales, sensitivity=sensitivity)
        return _run(request(stack), wanted, html, as_json=as_json)

    finish(command)


def _compare(
    stack: str, revision: str, request: "Callable[[str], Request]", others: list[str], *, as_json: bool
) -> bool:
    """Whether the present stack file keeps its budgets."""
    from ebb.forecast.pipeline import compared  # noqa: PLC0415
    from ebb.forecast.report import budgets, changes  # noqa: PLC0415

    if others:
        raise UserError(f"--compare prints one table: leave out {', '.join(others)}.")
    with progress_bar() as progress:
        found = compared(stack, revision, request, progress)
    if as_json:
        typer.echo(json.dumps(changes.document(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(changes.markdown(found), nl=False)
    return budgets.kept(found.budgets)


def _run(request: "Request", wanted: "Wanted", html: "Path | None", *, as_json: bool) -> bool:
    """Whether the stack keeps its budgets."""
    from rich.console import Console  # noqa: PLC0415

    from ebb.forecast.pipeline import report  # noqa: PLC0415
    from ebb.forecast.report import budgets, json_report, terminal  # noqa: PLC0415
    from ebb.forecast.unused_options import deployments, unused  # noqa: PLC0415

    if html is not None and not html.parent.is_dir():
        raise UserError(f"The folder {html.parent} for {html.name} does not exist.")
    if request.calibration:
        typer.echo(request.calibration, err=True)
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
    else:
        terminal.show(Console(), found)
        if html is not None:
            typer.echo(f"\nWrote {html}.")
    return budgets.kept(found.budgets)
