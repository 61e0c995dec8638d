"""What a forecast costs: seconds of CPU and peak memory of one run, beside the same model without what makes it quick.

`forecast` is ebb.forecast.model.simulate. `stepped` is the same model, written as such a simulator is written first: it
looks at each second whether anything is due. Each run is a process of its own; `empty` imports and ends.

Run as `python -m bench.forecast [rounds]` (`make bench-forecast`); figures are medians, ratios of the same rounds.
"""

import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ebb.forecast.model.assumptions import World
from ebb.forecast.model.simulate import Simulation, simulate
from ebb.forecast.scenario import Setup, from_settings
from ebb.forecast.workloads import Load, load
from settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
ROUNDS = 5
KIB_IN_MIB = 1024
DAY, MONTH = 86_400.0, 30 * 86_400.0
#: 5,000 jobs a day on average, of 60 s, with ten tasks; the month of them is there for its memory.
LOADS: Mapping[str, tuple[Load, float]] = {
    "a day of 5,000 jobs": (load("poisson:5000/d:1d", "60s"), DAY),
    "a month of 150,000 jobs": (load("poisson:5000/d:30d", "60s"), MONTH),
    "an idle month": (load("idle:30d"), MONTH),
}
#: Seconds of CPU that are aimed at.
AIMS = {"a day of 5,000 jobs": 0.5, "an idle month": 0.1}


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU of a run, and its process's peak in MiB."""

    seconds: float
    peak: float


def setup() -> Setup:
    """Ten tasks, all else by default."""
    return from_settings(Settings.model_validate({"scaling": {"max_tasks": 10}}))


class Stepped(Simulation):
    """Looks at each second whether anything is due."""

    def run(self) -> float:
        """Until the end that was given."""
        end = self._until or 0.0
        while self.clock.now < end:
            second = self.clock.now + 1
            while self.clock.step(second):
                pass
        self.service.close()
        return self.clock.now


def _forecast(under: Load, until: float) -> int:
    return simulate(setup(), under, seed=1, until=until).done


def _stepped(under: Load, until: float) -> int:
    run = Stepped(setup(), under, 1, until, World())
    run.run()
    return run.record.done


WAYS: Mapping[str, Callable[[Load, float], int]] = {"forecast": _forecast, "stepped": _stepped}


def one(way: str, name: str) -> str:
    """Run it here; seconds, MiB and jobs done as JSON."""
    under, until = LOADS[name]
    began = time.process_time()
    done = 0 if way == "empty" else WAYS[way](under, until)
    seconds = time.process_time() - began
    return json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_IN_MIB, done])


def measure(way: str, name: str) -> tuple[Cost, int]:
    """Run it in a process of its own; what it cost, and how many jobs it did."""
    argv = [sys.executable, "-m", "bench.forecast", way, name]
    done = subprocess.run(argv, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak, jobs = json.loads(done.stdout)
    return Cost(seconds, peak), jobs


def row(name: str, rounds: Sequence[tuple[Cost, Cost, Cost]]) -> str:
    """A load's medians: of (forecast, stepped, empty) in each round."""
    own, other, empty = ([each[index] for each in rounds] for index in range(3))
    seconds = statistics.median(cost.seconds for cost in own)
    aim = AIMS.get(name)
    return " | ".join(
        [
            f"| {name}",
            f"{seconds:.3f}",
            "" if aim is None else f"{aim:g}",
            f"{statistics.median(cost.seconds for cost in other):.3f}",
            f"{statistics.median(b.seconds / a.seconds for a, b in zip(own, other, strict=True)):.1f}",
            f"{statistics.median(a.peak - b.peak for a, b in zip(own, empty, strict=True)):.1f} |",
        ]
    )


def main(rounds: int) -> None:
    """Measure, print the table."""
    print("| | forecast, CPU s | aim | stepped, CPU s | stepped to forecast | forecast's memory, MiB |")
    print("|---|---|---|---|---|---|")
    for name in LOADS:
        measured = []
        for _ in range(rounds):
            (own, done), (other, done_too), (empty, _) = (measure(way, name) for way in (*WAYS, "empty"))
            if done != done_too:
                raise AssertionError(f"{name}: {done} and {done_too} jobs were done by one model")
            measured.append((own, other, empty))
        print(row(name, measured), flush=True)
    print(f"\nMedians of {rounds}; Python {platform.python_version()}, {platform.system()} {platform.machine()}.")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(one(*sys.argv[1:]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
