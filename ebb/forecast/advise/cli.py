"""`ebb advise`: the cheapest settings that meet a wait."""

import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ebb.errors import UserError, finish
from ebb.forecast.options import Arrivals, Groups, Html, Job, Seed, Set, Stack, Start
from ebb.forecast.output import progress_bar, write_page

if TYPE_CHECKING:
    from ebb.forecast.advise.search import Question

Wait = Annotated[str, typer.Option(help="95 % of the jobs start within this time: 30s, 2m, 1h.")]
Budget = Annotated[float | None, typer.Option(min=0, metavar="DOLLARS", help="US dollars a month, at most.")]
AtOnce = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        metavar="N",
        help="So many jobs can share a task without slowing each other, as jobs that wait for a network can. Default: "
        "worker.concurrency stays.",
    ),
]
Parallel = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="SHARE",
        help="The share of a job's time that twice the CPU halves (Amdahl's law), such as 0.9. Default: worker.cpu "
        "stays.",
    ),
]
Spot = Annotated[
    bool, typer.Option("--spot/--no-spot", help="Also try Fargate Spot, which can interrupt jobs; it costs less.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON. report/advice.py has its fields.")]


def advise(
    *,
    wait: Wait,
    budget: Budget = None,
    stack: Stack = "dev",
    changes: Set = None,
    arrivals: Arrivals = "burst:1",
    start: Start = None,
    job: Job = "60s",
    groups: Groups = 1,
    at_once: AtOnce = None,
    parallel: Parallel = None,
    spot: Spot = True,
    seed: Seed = 1,
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Find the cheapest settings with which jobs wait at most so long, at the 95th percentile.

    Nothing is deployed. It forecasts the load with hundreds of combinations: how the service wakes, the minimum and
    the maximum of tasks, surplus, Spot. It takes up to two minutes on two processors; Ctrl-C ends it. The exit code
    is 1 if nothing meets the wait and the budget, and a sentence says what would.

    \b
    A burst of 200 jobs, each started within two minutes, for at most $20 a month:
      ebb advise --wait 2m --budget 20 --arrivals burst:200 --job 30s
    Random arrivals; jobs wait for a network, so that four can share a task:
      ebb advise --wait 1m --arrivals poisson:60/h:1d --job 2m --at-once 4
    Jobs that use more CPU when there is more of it, as a page with a plot:
      ebb advise --wait 5m --arrivals burst:9 --parallel 0.9 --html a.html
    """

    def command() -> bool:
        from ebb.forecast import durations  # noqa: PLC0415 - --help answers without these imports
        from ebb.forecast.advise.candidates import Freedom  # noqa: PLC0415
        from ebb.forecast.advise.search import Question  # noqa: PLC0415
        from ebb.forecast.load import dates  # noqa: PLC0415
        from ebb.forecast.scenario.stack import find, read  # noqa: PLC0415

        folder, name = find(stack)
        question = Question(
            stack=stack,
            changes=tuple(changes or ()),
            arrivals=arrivals,
            job=job,
            groups=groups,
            calendar=dates.read(start, read(name, folder, changes or ()).scaling.timezone),
            wait=durations.positive(wait, "--wait"),
            budget=budget,
            freedom=Freedom(at_once=at_once, parallel=parallel, spot=spot),
            seed=seed,
        )
        return _run(question, html, as_json=as_json)

    finish(command)


def _run(question: "Question", html: Html, *, as_json: bool) -> bool:
    """Whether the wait and the budget are met."""
    from rich.console import Console  # noqa: PLC0415

    from ebb.forecast.advise.processes import processes  # noqa: PLC0415
    from ebb.forecast.advise.search import advise  # noqa: PLC0415
    from ebb.forecast.report import advice as text  # noqa: PLC0415

    if html is not None and not html.parent.is_dir():
        raise UserError(f"The folder {html.parent} for {html.name} does not exist.")
    with progress_bar() as progress, processes() as run_all:
        advice = advise(question, run_all, progress)
    if html is not None:
        from ebb.forecast.report.advice_page import page  # noqa: PLC0415 - only this loads matplotlib

        write_page(html, page(advice, command=shlex.join(["ebb", *sys.argv[1:]])))
    if as_json:
        typer.echo(json.dumps(text.document(advice), indent=2, ensure_ascii=False))
    else:
        text.show(Console(), advice)
        if html is not None:
            typer.echo(f"\nWrote {html}.")
    return text.met(advice)
