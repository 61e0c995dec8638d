"""Executions of workflows, where MiniStack's differ from Step Functions: inputs, limits, errors and answers."""

import dis
import json
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ebb.sandbox.emulators.contracts import MINISTACK
from ebb.sandbox.emulators.ministack.services import Answer

#: Characters, and bytes in UTF-8, of an input or of a state's output (Step Functions developer guide, "Quotas").
MAX_DATA = 262_144
#: Errors that States.ALL does not match (Step Functions developer guide, "Error names").
TERMINAL = ("States.DataLimitExceeded", "States.Runtime")
#: Real seconds that MiniStack waits before each execution: many simulated seconds.
START_PAUSE = 0.15
#: MiniStack's functions that run a state of each type.
STATES = {
    "_execute_pass": "(state_def, raw_input, ctx=None)",
    "_execute_choice": "(state_def, raw_input, ctx=None)",
    "_execute_wait": "(state_def, raw_input, ctx=None)",
    "_execute_task": "(state_def, raw_input, execution, ctx)",
    "_execute_parallel": "(state_def, raw_input, execution, ctx)",
    "_execute_map": "(state_def, raw_input, execution, ctx)",
}


def apply(workflows: ModuleType) -> None:
    """Patch MiniStack's Step Functions, in this process. Raises ContractError."""
    failed = MINISTACK.function(workflows, "_ExecutionError", "(error, cause)")
    refusal = MINISTACK.function(
        workflows,
        "error_response_json",
        "(code, message, status=400, extra=None, *, message_key='message', content_type='application/x-amz-json-1.0')",
    )
    matches = MINISTACK.function(workflows, "_error_matches", "(error_equals, error)")
    start = MINISTACK.function(workflows, "_start_execution", "(data)")
    start_sync = MINISTACK.function(workflows, "_start_sync_execution", "(data)")

    def limited(name: str, signature: str) -> Any:
        run = MINISTACK.function(workflows, name, signature)

        def state(*given: Any, **more: Any) -> Any:
            output, following = run(*given, **more)
            if _bytes(json.dumps(output, ensure_ascii=False)) > MAX_DATA:
                raise failed("States.DataLimitExceeded", f"The output of a state has more than {MAX_DATA} bytes.")
            return output, following

        return state

    def matched(names: Sequence[str], error: str) -> bool:
        return error in names or (error not in TERMINAL and bool(matches(names, error)))

    def started(data: Mapping[str, Any]) -> Any:
        wrong = input_error(data.get("input", "{}"))
        return refusal(*wrong) if wrong else start(data)

    def started_sync(data: Mapping[str, Any]) -> Any:
        wrong = input_error(data.get("input", "{}"))
        return refusal(*wrong) if wrong else without_output(start_sync(data))

    vars(workflows).update(
        _error_matches=matched,
        _start_execution=started,
        _start_sync_execution=started_sync,
        **{name: limited(name, signature) for name, signature in STATES.items()},
    )


def skip_start_pause(workflows: ModuleType) -> None:
    """Remove the pause before each execution, and no other pause. Raises ContractError unless there is exactly one."""
    run = MINISTACK.function(workflows, "_run_execution", "(exec_arn)")
    pauses = [step.argval for step in dis.get_instructions(run) if step.argval in ("sleep", START_PAUSE)]
    what = f"{workflows.__name__}._run_execution(exec_arn), which slept once, for {START_PAUSE} s"
    MINISTACK.check(pauses == ["sleep", START_PAUSE], what)
    constants = (0.0 if constant == START_PAUSE else constant for constant in run.__code__.co_consts)
    run.__code__ = run.__code__.replace(co_consts=tuple(constants))


def input_error(text: str) -> tuple[str, str] | None:
    """The name and the message of the error for an execution's input; None for one that is right."""
    if len(text) > MAX_DATA:
        rule = f"Member must have length less than or equal to {MAX_DATA}"
        return (
            "ValidationException",
            f"1 validation error detected: Value at 'input' failed to satisfy constraint: {rule}",
        )
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
    if _bytes(text) > MAX_DATA:
        return "InvalidExecutionInput", f"Invalid State Machine Execution Input: more than {MAX_DATA} bytes"
    return None


def without_output(answer: Answer) -> Answer:
    """StartSyncExecution's answer as AWS gives it: only an execution that succeeded has an output."""
    status, headers, content = answer
    found = json.loads(content)
    if "status" in found and found["status"] != "SUCCEEDED":
        found = {name: value for name, value in found.items() if name not in ("output", "outputDetails")}
    return status, headers, json.dumps(found, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
