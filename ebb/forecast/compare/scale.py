"""What the stack costs at 1, 10, 100 and 1,000 times the load, and which other settings then cost less (`--scale`).

`scaling.max_tasks` grows with the load. A random load comes as so many independent ones; a trace has each of its jobs
so many times.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from ebb.errors import UserError
from ebb.forecast import run
from ebb.forecast.load.variations import multiplied, shortened
from ebb.forecast.load.workloads import Load
from ebb.forecast.results.bill import MONTH, Bill
from ebb.forecast.results.findings import Finding, Scale
from ebb.forecast.results.monte_carlo import Forecast
from ebb.forecast.run import Progress, Request
from settings.limits import MAX_TASKS

TIMES = (1, 10, 100, 1000)
#: Jobs that are simulated for one bill. A load with more of them is not simulated.
MAX_JOBS = 250_000
#: Of random arrivals a part with so many jobs is enough.
ENOUGH_JOBS = 50_000
#: Runs of each load.
RUNS = 5
#: Other settings, by what the reports call them. Concurrency is doubled.
ALTERNATIVES: Mapping[str, str] = MappingProxyType(
    {
        "min_tasks: 1": "scaling.min_tasks=1",
        "Spot": "worker.spot_weight=100",
        "twice the concurrency": "worker.concurrency={concurrency}",
    }
)
#: What the progress shows, and the forecasts of each load: the stack's own, and the alternatives.
STEPS, EACH = "load times 1 to 1,000", 1 + len(ALTERNATIVES)


def scales(request: Request, own: Finding, progress: Progress) -> tuple[Scale, ...]:
    """The cost at each of TIMES the load; none for a load without jobs. Raises UserError."""
    base = own.forecast
    if not base.sent:
        return ()
    found: list[Scale] = []
    largest = (1, base.bill)  # the largest load that was simulated
    for number, times in enumerate(TIMES):
        load = (
            shortened(multiplied(request.load, times), ENOUGH_JOBS / (times * base.sent)) if times > 1 else request.load
        )
        maximum = min(MAX_TASKS, base.scenario.maximum * times)
        jobs = times * base.sent * load.every / request.load.every
        forecasts: dict[str, Forecast] = {}
        if jobs <= MAX_JOBS or times == 1:
            for name, forecast in _forecasts(request, load, times, maximum, jobs):
                forecasts[name] = forecast
                progress(STEPS, number * EACH + len(forecasts), len(TIMES) * EACH)
        if "" in forecasts:
            largest = (times, forecasts[""].bill)
        wait = forecasts[""].wait if forecasts else None
        found.append(
            Scale(
                times=times,
                max_tasks=maximum,
                jobs_a_month=times * base.sent * MONTH / base.every,
                wait=wait.p95.value if wait else None,
                dollars=_dollars(largest[1], times / largest[0]),
                alternatives={name: each.bill.load_total for name, each in forecasts.items() if name},
                extrapolated=not forecasts,
            )
        )
        progress(STEPS, (number + 1) * EACH, len(TIMES) * EACH)
    return tuple(found)


def _forecasts(request: Request, load: Load, times: int, maximum: int, jobs: float) -> Iterator[tuple[str, Forecast]]:
    """Of the stack (""), and of each alternative that its settings allow and do not have."""
    larger = replace(request, load=load, runs=max(1, min(RUNS, request.runs, int(ENOUGH_JOBS / jobs))))
    if times > 1:
        larger = replace(larger, changes=(*larger.changes, f"scaling.max_tasks={maximum}"))
    yield "", run.stack_forecast(larger)
    scenario = run.stack_scenario(larger)
    for name, text in ALTERNATIVES.items():
        change = text.format(concurrency=2 * scenario.worker.concurrency)
        changed = replace(larger, changes=(*larger.changes, change))
        try:
            if run.stack_scenario(changed) != scenario:
                yield name, run.stack_forecast(changed)
        except UserError:
            continue  # the stack's other settings exclude it


def _dollars(bill: Bill, factor: float) -> float:
    """A month's cost with what is paid by use times the factor."""
    idle = {part.name: part.dollars for part in bill.idle}
    return sum(part.dollars * (1 if part.dollars == idle.get(part.name) else factor) for part in bill.load)
