"""`python -m bench.worker`: compares the speed of the worker with boto3 itself and with consumers from PyPI."""

import json
import os
import platform
import signal
import sys
from dataclasses import asdict
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.worker import contestants, measure, report
from bench.worker.contestants import Contestant, Kind
from bench.worker.emulator import emulator

#: The jobs: their names in the tables, and seconds.
JOBS = {"empty handler": 0.0, "handler of 5 ms": 0.005}
#: Exit code of a process that Ctrl-C ended (128 + SIGINT).
INTERRUPTED = 130

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    rounds: Annotated[
        int, typer.Option(min=1, help="How often each contestant runs; each round begins with another.")
    ] = 3,
    messages: Annotated[int, typer.Option(min=100, help="Messages in the queue at the start of a wave.")] = 1000,
    waves: Annotated[int, typer.Option(min=1, help="Waves of messages that a run measures.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.1, help="Maximum seconds for which a wave is measured.")] = 4,
    idle: Annotated[float, typer.Option(min=0, help="Seconds at rest; 0 leaves that part out.")] = 30,
    only: Annotated[str, typer.Option(help="Only contestants whose name has this in it, and the raw loop.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Every run's figures as JSON, not the tables.")] = False,
) -> None:
    """Compare the worker with boto3's raw loop, a tutorial's and PyPI's consumers, on one emulator (Linux).

    Each contestant starts as its users start it, and does its first jobs. It is stopped (SIGSTOP) while its own
    producer fills its queue, and then continued. Messages per second and CPU time count from a tenth of the queue to
    its last twentieth. Speeds are compared within a round only, because a machine's speed changes. At rest, all run at
    the same time on empty queues.

    \b
    make bench-worker                              the whole comparison, some ten minutes
    python -m bench.worker --rounds 1 --only Ebb   a quick look at the worker
    python -m bench.worker --json > figures.json   for a program to read
    """
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    compared = [one for one in contestants.ALL if one.kind is Kind.RAW or only in one.name]
    if any(one.kind is Kind.PEER for one in compared) and not contestants.PEERS.is_dir():
        _fail(f"The peers are not installed in {contestants.PEERS.parent.name}: run `make bench-worker`.")
    load = measure.Load(messages=messages, waves=waves, seconds=seconds)
    try:
        runs, rests = compare(compared, rounds, load, idle)
    except measure.BenchError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        paces = {job: {name: [asdict(run) for run in of] for name, of in by.items()} for job, by in runs.items()}
        print(json.dumps({"paces": paces, "rest": {name: asdict(rest) for name, rest in rests.items()}}, indent=1))
        return
    tables = [report.pace_table(job, by) for job, by in runs.items()]
    tables += [report.rest_table(rests)] if rests else []
    print("\n\n".join(tables))
    print(
        f"\nMedian (least to most) of {rounds} rounds, {waves} waves of {messages:,} messages each; {idle:g} s at rest;"
    )
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()}.")


Runs = dict[str, dict[str, list[report.Figures]]]


def compare(
    compared: list[Contestant], rounds: int, load: measure.Load, idle: float
) -> tuple[Runs, dict[str, report.Rest]]:
    """Every run's figures, by job and contestant, and each contestant's at rest."""
    runs: Runs = {job: {one.name: [] for one in compared} for job in JOBS}
    rests: dict[str, report.Rest] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with emulator() as sqs, Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=rounds * len(JOBS) * len(compared) + bool(idle))
        for number in range(rounds):
            first = number * len(compared) // rounds
            for one in [*compared[first:], *compared[:first]]:
                for job, pause in JOBS.items():
                    progress.update(task, description=f"round {number + 1}: {one.name}, {job}")
                    runs[job][one.name].append(measure.paced(one, sqs, pause, load))
                    progress.advance(task)
        if idle:
            progress.update(task, description="all at rest")
            rests = {one.name: rest for one, rest in zip(compared, measure.at_rest(compared, sqs, idle), strict=True)}
            progress.advance(task)
    return runs, rests


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m bench.worker")
