"""Patches of MiniStack's Step Functions: workflows reach the whole region, at once."""

import dis
from collections.abc import Iterable
from types import ModuleType

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.backends import Handler

#: Real seconds that MiniStack waits before each execution: many simulated seconds.
START_PAUSE = 0.15


def reach_all(app: ModuleType, own: Iterable[str], other: Handler) -> None:
    """Workflows' calls of all services but MiniStack's `own` go to `other`. Raises ContractError."""
    handlers = MINISTACK.value(app, "SERVICE_HANDLERS", dict)
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
