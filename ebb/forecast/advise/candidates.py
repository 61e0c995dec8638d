"""Which settings `ebb advise` tries: changes of a stack's settings, as --set writes them."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ebb.forecast.load.workloads import Load
from settings import Settings
from settings.limits import FARGATE_MEMORY, MAX_TASKS
from settings.sections.scaling import SURPLUS_FROM_TASKS

#: Different maximum numbers of tasks.
MAXIMUMS = 6
#: How the service wakes: by metrics alone, or also by one of these.
WAKES: tuple[dict[str, Any], ...] = ({}, {"scaling.watch": True}, {"scaling.direct": True})
#: Jobs that are read to know how many come together.
READ_JOBS = 20_000

#: Settings and their values.
Changes = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Jobs that run at the same time if none waits: on average, and at the peak within the wait and a job.

    `typical`: seconds of a job.
    """

    typical: float
    mean: float
    peak: int


@dataclass(frozen=True, kw_only=True)
class Freedom:
    """What the user says about the jobs. None and False: the setting stays.

    `at_once`: so many jobs can share a task without slowing each other. `parallel`: the share of a job's time that
    twice the CPU halves (Amdahl's law). `spot`: a job may be interrupted and start again.
    """

    at_once: int | None = None
    parallel: float | None = None
    spot: bool = True

    def factor(self, now: int, cpu: int) -> float:
        """How much longer a job takes with `cpu` units than `now`."""
        return 1 - (self.parallel or 0) * (1 - now / cpu)


def demand(load: Load, wait: float, seed: int) -> Demand:
    """The demand of the first jobs. The peak: the jobs of the busiest time as long as a wait and a job."""
    times: list[float] = []
    work = 0.0
    for arrival in load.sample(READ_JOBS, seed):
        times.append(arrival.time)
        work += arrival.seconds
    window = wait + work / max(1, len(times))
    first, peak = 0, 1
    for last, time in enumerate(times):
        while times[first] < time - window:
            first += 1
        peak = max(peak, last - first + 1)
    lasts = times[-1] if times and times[-1] > window else load.every
    return Demand(typical=work / max(1, len(times)), mean=work / lasts, peak=peak)


def grid(settings: Settings, freedom: Freedom, demand: Demand, wait: float) -> Iterator[Changes]:
    """The combinations of what decides the wait. All have the jobs' tolerated wait, and surplus from three tasks on."""
    for (cpu, memory), at_once in product(sizes(settings, freedom), concurrencies(settings, freedom)):
        shared = {
            "scaling.watch": False,
            "scaling.direct": False,
            "worker.cpu": cpu,
            "worker.memory": memory,
            "worker.concurrency": at_once,
            "scaling.seconds_per_job": _tidy(demand.typical * freedom.factor(settings.worker.cpu, cpu)),
        }
        for maximum in maximums(demand, at_once):
            for minimum, wake in product(minimums(demand, at_once, maximum), WAKES):
                if (wake and minimum == maximum) or (minimum and "scaling.watch" in wake):
                    continue  # nothing wakes what always runs, and where something runs `direct` stands for both
                yield {
                    **shared,
                    **wake,
                    "scaling.min_tasks": minimum,
                    "scaling.max_tasks": maximum,
                    "scaling.tolerated_wait": _tidy(wait),
                    "scaling.surplus": minimum < maximum and maximum >= SURPLUS_FROM_TASKS,
                }


def refined(changes: Changes, freedom: Freedom) -> Iterator[Changes]:
    """The candidate, and those that differ in one setting: the number of tasks, surplus, and each of them on Spot."""
    maximum, minimum = changes["scaling.max_tasks"], changes["scaling.min_tasks"]
    others: list[Changes] = [{}]
    for share in (0.8, 1.25):
        number = min(MAX_TASKS, max(1, round(maximum * share)))
        if number != maximum and (number > minimum or minimum == maximum):
            others.append({"scaling.max_tasks": number, "scaling.min_tasks": number if minimum == maximum else minimum})
    if minimum < maximum and maximum > 1:
        others.append({"scaling.surplus": not changes["scaling.surplus"]})
    for other in others:
        yield changes | other
        if freedom.spot:
            yield changes | other | {"worker.spot_weight": 100}


def maximums(demand: Demand, at_once: int) -> Sequence[int]:
    """From what the average needs to what the peak can use."""
    low = max(1, math.ceil(demand.mean / at_once))
    high = min(MAX_TASKS, max(low, math.ceil(demand.peak / at_once)))
    return sorted({round(low * (high / low) ** (step / (MAXIMUMS - 1))) for step in range(MAXIMUMS)})


def minimums(demand: Demand, at_once: int, maximum: int) -> Sequence[int]:
    """None, one, what the average needs, and all."""
    return sorted({each for each in (0, 1, math.ceil(demand.mean / at_once), maximum) if each <= maximum})


def _tidy(seconds: float) -> float:
    rounded = round(seconds, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def concurrencies(settings: Settings, freedom: Freedom) -> Sequence[int]:
    """The stack's own, and what the user says that a task can do."""
    return sorted({settings.worker.concurrency, freedom.at_once or settings.worker.concurrency})


def sizes(settings: Settings, freedom: Freedom) -> Sequence[tuple[int, int]]:
    """The stack's CPU and memory and, if jobs use more CPU, half, twice and four times the CPU, with enough memory."""
    cpu, memory = settings.worker.cpu, settings.worker.memory
    found = [(cpu, memory)]
    for other in (cpu // 2, 2 * cpu, 4 * cpu) if freedom.parallel is not None else ():
        fitting = [each for each in FARGATE_MEMORY.get(other, ()) if each >= memory]
        if fitting:
            found.append((other, fitting[0]))
    return found


def texts(settings: Settings, changes: Changes) -> tuple[str, ...]:
    """The changes that the stack does not have already, as --set takes them."""
    different = []
    for name, value in changes.items():
        section, _, key = name.partition(".")
        if getattr(getattr(settings, section), key) != value:
            different.append(f"{name}={json.dumps(value)}")
    return tuple(different)
