"""Patches of MiniStack's Step Functions and Scheduler: workflows reach the whole region and have its time."""

import dis
import time
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.clock import Clock
from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.backends import Handler

#: Real seconds that MiniStack waits before each execution: many simulated seconds.
START_PAUSE = 0.15


def reach_all(app: ModuleType, workflows: ModuleType, own: Iterable[str], other: Handler) -> None:
    """Workflows' calls of all services but MiniStack's `own` go to `other`. Raises ContractError."""
    services = MINISTACK.value(workflows, "_AWS_SDK_SERVICE_MAP", dict)
    prefixes = MINISTACK.value(workflows, "_AWS_SDK_ERROR_PREFIX", dict)
    prefix = MINISTACK.function(workflows, "_prefix_sdk_error", "(service_name, error_code)")
    handlers = MINISTACK.value(app, "SERVICE_HANDLERS", dict)
    MINISTACK.check(services.get("sqs") == {"protocol": "query"}, f"{workflows.__name__}._AWS_SDK_SERVICE_MAP['sqs']")

    services["applicationautoscaling"] = {
        "target_prefix": "AnyScaleFrontendService",
        "protocol": "json",
        "service_key": "application-autoscaling",
    }
    prefixes["applicationautoscaling"] = "ApplicationAutoScaling"
    services["sqs"] = {"target_prefix": "AmazonSQS", "protocol": "json"}  # errors of the Query protocol have no names
    vars(workflows).update(_prefix_sdk_error=lambda service, code: prefix(service, java_name(code)))
    for service in {*handlers, "application-autoscaling"} - set(own):
        handlers[service] = other


def skip_start_pause(workflows: ModuleType) -> None:
    """Remove the pause before each execution, and no other pause. Raises ContractError unless there is exactly one."""
    run = MINISTACK.function(workflows, "_run_execution", "(exec_arn)")
    pauses = [step.argval for step in dis.get_instructions(run) if step.argval in ("sleep", START_PAUSE)]
    what = f"{workflows.__name__}._run_execution(exec_arn), which slept once, for {START_PAUSE} s"
    MINISTACK.check(pauses == ["sleep", START_PAUSE], what)
    constants = (0.0 if constant == START_PAUSE else constant for constant in run.__code__.co_consts)
    run.__code__ = run.__code__.replace(co_consts=tuple(constants))


def java_name(code: str) -> str:
    """An error's code as AWS's SDK for Java names it, whose names Step Functions has: QueueDoesNotExistException.

    Step Functions developer guide, "Handling errors in Step Functions workflows".
    """
    name = code.rpartition("#")[2]
    return name if name.startswith("States.") or name.endswith("Exception") else f"{name}Exception"


def simulate_time(workflows: ModuleType, clock: Clock) -> None:
    """JSONata's $millis() is the region's time. Raises ContractError."""
    register = MINISTACK.function(workflows, "_register_sfn_jsonata_functions", "(expr)")

    def registered(expression: Any) -> None:
        register(expression)
        expression.register_lambda("millis", lambda: round(clock.at(time.time()) * 1000))

    vars(workflows).update(_register_sfn_jsonata_functions=registered)


def stop_scheduler(scheduler: ModuleType) -> None:
    """MiniStack runs no schedules: the sandbox does, in simulated time (controllers/schedules.py)."""
    MINISTACK.function(scheduler, "start_scheduler", "()")
    vars(scheduler).update(start_scheduler=lambda: None)
