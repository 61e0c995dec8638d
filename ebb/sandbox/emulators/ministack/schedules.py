"""Patches of MiniStack's Scheduler: it lists all schedules and refuses expressions that AWS refuses.

It runs none: the sandbox does, in simulated time (controllers/schedules.py).
"""

import json
import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.services import Answer
from ebb.scaling.schedules import Schedule

#: CreateSchedule's Name (EventBridge Scheduler API reference).
_NAME = re.compile(r"[0-9a-zA-Z_.-]{1,64}")
#: The default of ListSchedules' MaxResults, and its maximum.
_PAGE = 100


def apply(scheduler: ModuleType) -> None:
    """Patch MiniStack's Scheduler, in this process. Raises ContractError."""
    MINISTACK.function(scheduler, "start_scheduler", "()")
    create = MINISTACK.function(scheduler, "_create_schedule", "(name, body)")
    update = MINISTACK.function(scheduler, "_update_schedule", "(name, body)")
    MINISTACK.function(scheduler, "_list_schedules", "(query)")
    error = MINISTACK.function(scheduler, "_error", "(status, code, message)")
    schedules: Any = getattr(scheduler, "_schedules", None)
    MINISTACK.check(hasattr(schedules, "values"), f"{scheduler.__name__}._schedules.values()")

    def checked(write: Callable[[str, Mapping[str, Any]], Answer]) -> Callable[[str, Mapping[str, Any]], Answer]:
        def checking(name: str, body: Mapping[str, Any]) -> Answer:
            wrong = refusal(name, body)
            answer: Answer = error(400, "ValidationException", wrong) if wrong else write(name, body)
            return answer

        return checking

    def listed(query: Mapping[str, str]) -> Answer:
        return page(list(schedules.values()), query)

    vars(scheduler).update(
        start_scheduler=lambda: None,
        _create_schedule=checked(create),
        _update_schedule=checked(update),
        _list_schedules=listed,
    )


def refusal(name: str, body: Mapping[str, Any]) -> str | None:
    """Why AWS refuses a schedule; None if it does not."""
    if not _NAME.fullmatch(name):
        return "1 validation error detected: Value at 'name' failed to satisfy constraint: [0-9a-zA-Z-_.]+, 1 to 64"
    expression = str(body.get("ScheduleExpression", ""))
    try:
        Schedule(expression=expression, timezone=body.get("ScheduleExpressionTimezone") or "UTC")
    except ValueError as reason:
        return f"Invalid Schedule Expression {expression}. {reason}"
    return None


def page(schedules: list[Mapping[str, Any]], query: Mapping[str, str]) -> Answer:
    """ListSchedules' answer: by group and name, with the token of the next page."""
    group, prefix, state = (query.get(name) for name in ("ScheduleGroup", "NamePrefix", "State"))
    found = {
        (each["GroupName"], each["Name"]): each
        for each in schedules
        if (not group or each["GroupName"] == group)
        and each["Name"].startswith(prefix or "")
        and (not state or each["State"] == state)
    }
    after = tuple(json.loads(query["NextToken"])) if query.get("NextToken") else ("", "")
    left = sorted(key for key in found if key > after)
    size = min(int(query.get("MaxResults") or _PAGE), _PAGE)
    summary = ("Arn", "Name", "GroupName", "State", "CreationDate", "LastModificationDate")
    shown = [found[key] for key in left[:size]]
    items = [{name: each[name] for name in summary} | {"Target": {"Arn": each["Target"]["Arn"]}} for each in shown]
    answer: dict[str, Any] = {"Schedules": items}
    if len(left) > size:
        answer["NextToken"] = json.dumps(left[size - 1])
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
