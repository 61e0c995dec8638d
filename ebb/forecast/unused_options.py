"""Options that are given and change nothing in this forecast: each is one sentence for the user."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from ebb.errors import UserError
from ebb.forecast import durations
from ebb.forecast.calibrate import calibration
from ebb.forecast.load import job_time, workloads
from ebb.forecast.results.monte_carlo import Forecast
from ebb.forecast.run import Request
from ebb.forecast.scenario import stack
from ebb.forecast.scenario.deployed import from_settings
from ebb.forecast.scenario.scenario import Scenario


def unused(request: Request) -> Iterator[str]:
    """A sentence for each option without effect on what is simulated, with the reason. Raises UserError."""
    yield from _changes(request)
    load = request.load
    folder, name = stack.find(request.stack)
    found = stack.read(name, folder, request.changes)
    scenario = from_settings(found, name)
    given = {
        "--start": request.start is not None,
        "--job": load.job.text not in (job_time.DEFAULT_JOB, found.budgets.load.job),
        "--groups": load.groups > 1,
        "--failing": load.failing > 0,
        "--body": load.body != workloads.DEFAULT_BODY_BYTES,
        "--crash": load.crash is not None,
        "--image": request.pull is not None,
        "--start-time": request.assumptions.starts != calibration.assumptions(request.stack)[0].starts,
    }
    reasons = _reasons(request, scenario)
    yield from (
        f"{option} has no effect: {reasons[option]}." for option in given if given[option] and option in reasons
    )


def _reasons(request: Request, scenario: Scenario) -> dict[str, str]:
    """Why an option has no effect, by option."""
    load = request.load
    of_jobs, of_tasks = ("--job", "--body", "--groups", "--failing"), ("--crash", "--image", "--start-time")
    jobs = list(islice(load.times(Random(request.seed)), workloads.PROFILED_JOBS))  # noqa: S311 - not secret
    found: dict[str, str] = {}
    if load.dated:
        found["--start"] = "the jobs of the trace have dates"
    elif not scenario.wake.warm_hours and not scenario.recurring and not load.exact:
        found["--start"] = "the stack has no warm hours"
    if load.is_trace and all(seconds is not None for _, seconds, _ in jobs):
        found["--job"] = "each line of the trace has its own seconds"
    if load.is_trace and all(group for _, _, group in jobs):
        found["--groups"] = "each line of the trace has its own group"
    if not scenario.queue.fifo:
        found["--groups"] = "the queue is not FIFO (queue.fifo)"
    if load.crash is not None and load.crash.after is None:
        found |= dict.fromkeys(of_jobs, "each task crashes before it receives a job")
    if not jobs and not scenario.recurring:
        found |= dict.fromkeys(of_jobs, "there are no jobs")
        if not scenario.minimum and not scenario.wake.warm_hours:
            found |= dict.fromkeys(of_tasks, "without jobs no task starts")
    return found


def deployments(request: Request, found: Forecast) -> Iterator[str]:
    """A sentence for each deployment that replaces no task in any run."""
    for time in dict.fromkeys(request.assumptions.deployments):
        if not any(run.replaced.get(time) for run in found.each):
            yield f"--deploy {durations.text(time)} has no effect: no task runs at that time, in any of the runs."


def _changes(request: Request) -> Iterator[str]:
    """The changes of settings that change no part of the scenario."""
    folder, name = stack.find(request.stack)
    everything = stack.read(name, folder, request.changes)
    for number, change in enumerate(request.changes):
        others = [*request.changes[:number], *request.changes[number + 1 :]]
        if change in others:
            continue  # said of none: without one the other still applies
        try:
            without = stack.read(name, folder, others)
        except UserError:
            continue  # the others need it
        if without == everything:
            yield f"--set {change} has no effect: the stack has this value."
        elif without.budgets == everything.budgets and from_settings(without, name) == from_settings(everything, name):
            yield f"--set {change} has no effect: no forecast depends on it."
