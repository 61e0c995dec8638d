"""The demo's jobs, what it replaces in a stack's settings, and what must then be seen."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import policy.plan
from ebb import project
from settings import Settings

#: How long a job takes, in the region's own minutes: at speed 60 as many real seconds.
SHORT_MINUTES, LONG_MINUTES = 1, 10
#: Attempts after which the job that always fails goes to the dead-letter queue.
MAX_ATTEMPTS = 5
#: What can wake the service, and its settings.
Wake = Literal["metrics", "watch", "direct"]
WAKES: dict[Wake, dict[str, bool | None]] = {
    "metrics": {"watch": False, "direct": False},
    "watch": {"watch": True, "direct": False},
    "direct": {"watch": None, "direct": True},  # it includes watch
}
#: The same in words.
WAKERS: dict[Wake, str] = {"metrics": "an alarm", "watch": "the watcher", "direct": "the API"}


@dataclass(frozen=True)
class Planned:
    """A job: what is special about it, how often it fails, and the attempts and result that it must have."""

    kind: str = ""
    fail: int = 0
    attempts: int = 1
    result: str = "done"


@dataclass(frozen=True)
class Expected:
    """What a stack's settings make certain: minimum and maximum of the largest number of tasks, and a scale-in."""

    tasks: tuple[int, int]
    scale_in: bool


def configuration(stack: str, wake: Wake | None) -> dict[str, Any]:
    """The stack's configuration, with the demo's handler. Raises StackError.

    Scaling, queue and API are the stack's. Settings for the user's own jobs, and for times of day, are replaced.
    """
    given = project.configuration(stack)
    attempts = _get(given, "ebb:queue", "max_receive_count")
    overrides: dict[str, Any] = {
        "ebb:worker": {
            "handler": "worker.demo:handle",
            "command": None,
            "job_timeout": None,
            "backoff_base": 1,  # seconds, which are real ones
            "backoff_cap": 2,
        },
        "ebb:scaling": {"min_tasks": 0, "warm_hours": None, **(WAKES[wake] if wake else {})},
    }
    if isinstance(attempts, int) and attempts > MAX_ATTEMPTS:
        overrides["ebb:queue"] = {"max_receive_count": MAX_ATTEMPTS}
    return project.configuration(stack, overrides)


def _get(config: Mapping[str, Any], section: str, key: str) -> Any:
    found = config.get(section)
    return found.get(key) if isinstance(found, Mapping) else None


def woken_by(settings: Settings) -> Wake:
    """What wakes the service."""
    return "direct" if settings.scaling.direct else "watch" if settings.scaling.watch else "metrics"


def plan(max_receive_count: int, *, table: bool = False) -> list[Planned]:
    """The twenty jobs, the long one first. With a job table one of them is cancelled while it runs."""
    ends = Planned("fails once", fail=1, attempts=2)
    once = ends if max_receive_count > 1 else Planned("fails once", fail=1, result="failed")
    always = Planned("fails always", fail=max_receive_count, attempts=max_receive_count, result="failed")
    return [
        Planned("long"),
        Planned("by GET"),
        Planned("cancelled", result="cancelled") if table else Planned(),
        *[Planned()] * 3,
        once,
        *[Planned()] * 4,
        once,
        always,
        *[Planned()] * 7,
    ]


def expected(settings: Settings) -> Expected:
    """What twenty jobs must lead to in this stack."""
    jobs, most = len(plan(1)), policy.plan.max_tasks(settings)
    # where the jobs need far more tasks than there may be, all of them are started
    certain = not settings.scaling.steps and math.ceil(jobs / policy.plan.share(settings)) >= 2 * most
    scale_in = settings.scaling.removes_surplus and certain and most > policy.plan.SURPLUS_TASKS
    return Expected((most if certain else 1, most), scale_in)
