"""What a forecast costs: seconds of CPU and peak memory of one run, compared with a simple simulator of the same model.

`forecast` is ebb.forecast.model.simulate. `stepped` is the same model without skips: it checks in each second whether
anything is due. Each run has its own process; `empty` only imports. A second table has a million jobs: a run's CPU and
the whole memory of its process.

Run as `python -m bench.forecast [rounds]` (`make bench-forecast`). Figures are medians; ratios are within a round.
"""

import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import arguments
from ebb.forecast.durations import DAY
from ebb.forecast.load.workloads import Load, load
from ebb.forecast.model.assumptions import Assumptions
from ebb.forecast.model.simulate import Simulation, simulate
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Scenario
from ebb.project import ROOT
from settings import Settings

ROUNDS = 5
KIB_IN_MIB = 1024
MONTH = 30 * DAY
#: Load and seconds of each benchmark. The month of 150,000 jobs measures memory.
LOADS: Mapping[str, tuple[Load, float]] = {
    "a day of 5,000 jobs": (load("poisson:5000/d:1d", "60s"), DAY),
    "a month of 150,000 jobs": (load("poisson:5000/d:30d", "60s"), MONTH),
    "an idle month": (load("idle:30d"), MONTH),
}
LARGE_TASKS, LARGE_JOBS = 1000, 1_000_000
#: Loads that are measured once, on `LARGE_TASKS` tasks: each becomes a load in the process that runs it.
LARGE: Mapping[str, Callable[[], Load]] = {
    "a million jobs of 30 s at once": lambda: load(f"burst:{LARGE_JOBS}", "30s"),
    "a trace of a million lines, one a second": lambda: _trace(LARGE_JOBS),
}
#: Objective: MiB of a process with a million jobs.
MAX_MIB = 200
#: Objectives: maximum seconds of CPU.
MAX_SECONDS = {"a day of 5,000 jobs": 0.5, "an idle month": 0.1}


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU of a run, and the peak memory of its process in MiB."""

    seconds: float
    peak: float


def scenario() -> Scenario:
    """At most ten tasks, and all other settings by default."""
    return from_settings(Settings.model_validate({"scaling": {"max_tasks": 10}}))


class Stepped(Simulation):
    """Checks in each second whether anything is due."""

    def run(self) -> float:
        """Run to the end that was given."""
        end = self._until or 0.0
        while self.clock.now < end:
            second = self.clock.now + 1
            while self.clock.step(second):
                pass
        self.service.close()
        return self.clock.now


def _forecast(under: Load, until: float) -> int:
    return simulate(scenario(), under, seed=1, until=until).done


def _stepped(under: Load, until: float) -> int:
    run = Stepped(scenario(), under, 1, until, Assumptions())
    run.run()
    return run.record.done


WAYS: Mapping[str, Callable[[Load, float], int]] = {"forecast": _forecast, "stepped": _stepped}


def _trace(lines: int) -> Load:
    """A trace of one job a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.writelines(f"{second},30\n" for second in range(lines))
        file.flush()
        return load(f"trace:{file.name}")


def large(name: str) -> str:
    """Run one of LARGE in this process; seconds, MiB and jobs done as JSON."""
    scaling = {"max_tasks": LARGE_TASKS, "seconds_per_job": 30}
    began = time.process_time()
    done = simulate(from_settings(Settings.model_validate({"scaling": scaling})), LARGE[name](), seed=1).done
    return _measured(began, done)


def one(way: str, name: str) -> str:
    """Run in this process; seconds, MiB and jobs done as JSON."""
    under, until = LOADS[name]
    began = time.process_time()
    done = 0 if way == "empty" else WAYS[way](under, until)
    return _measured(began, done)


def _measured(began: float, done: int) -> str:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_IN_MIB
    return json.dumps([time.process_time() - began, peak, done])


def measure(way: str, name: str) -> tuple[Cost, int]:
    """Run in a new process; its cost, and the number of jobs done."""
    return _in_process(f"one({way!r}, {name!r})")


def _in_process(call: str) -> tuple[Cost, int]:
    argv = [sys.executable, "-c", f"from bench import forecast; print(forecast.{call})"]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak, jobs = json.loads(done.stdout)
    return Cost(seconds, peak), jobs


def row(name: str, rounds: Sequence[tuple[Cost, Cost, Cost]]) -> str:
    """A row of the table: medians of the rounds, each with the costs of forecast, stepped and empty."""
    own, other, empty = ([each[index] for each in rounds] for index in range(3))
    seconds = statistics.median(cost.seconds for cost in own)
    limit = MAX_SECONDS.get(name)
    return " | ".join(
        [
            f"| {name}",
            f"{seconds:.3f}",
            "" if limit is None else f"{limit:g}",
            f"{statistics.median(cost.seconds for cost in other):.3f}",
            f"{statistics.median(b.seconds / a.seconds for a, b in zip(own, other, strict=True)):.1f}",
            f"{statistics.median(a.peak - b.peak for a, b in zip(own, empty, strict=True)):.1f} |",
        ]
    )


def main(given: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    what = "how often each is measured"
    rounds = arguments.number(given, "rounds", ROUNDS, what, program="python -m bench.forecast", about=__doc__)
    print("| | forecast, CPU s | aim | stepped, CPU s | stepped to forecast | forecast's memory, MiB |")
    print("|---|---|---|---|---|---|")
    for name in LOADS:
        measured = []
        for _ in range(rounds):
            (own, done), (other, done_too), (empty, _) = (measure(way, name) for way in (*WAYS, "empty"))
            if done != done_too:
                raise AssertionError(f"{name}: {done} and {done_too} jobs done by the same model")
            measured.append((own, other, empty))
        print(row(name, measured), flush=True)
    print(f"\n| on {LARGE_TASKS:,} tasks | CPU s | aim, MiB | MiB of the process |\n|---|---|---|---|")
    for name in LARGE:
        cost, done = _in_process(f"large({name!r})")
        print(f"| {name} ({done:,} done) | {cost.seconds:.0f} | {MAX_MIB} | {cost.peak:.0f} |", flush=True)
    print(f"\nMedians of {rounds}; Python {platform.python_version()}, {platform.system()} {platform.machine()}.")


if __name__ == "__main__":
    main()
