"""An interpreter of Amazon States Language with JSONata, for the states of the program's workflows.

Rules: Amazon States Language specification (states-language.net) and Step Functions developer guide, "Transforming data
with JSONata". An unknown field is an error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jsonata.jsonata import Jsonata

#: Answers a task's action, such as "sqs:sendMessage", with its arguments.
Service = Callable[[str, dict[str, Any]], Any]
_COMMON = {"Type", "Next", "End", "Assign", "Output", "Comment"}
_FIELDS = {
    "Task": _COMMON | {"Resource", "Arguments", "TimeoutSeconds", "Catch", "Retry"},
    "Choice": {"Type", "Choices", "Default"},
    "Pass": _COMMON,
    "Wait": _COMMON | {"Seconds"},
    "Succeed": {"Type"},
    "Fail": {"Type", "Error", "Cause"},
}


class Failed(Exception):  # noqa: N818
    """The error of a task or an execution."""

    def __init__(self, error: str) -> None:
        self.error = error
        super().__init__(error)


@dataclass(frozen=True)
class Ended:
    """The end of an execution."""

    status: str
    output: Any = None
    error: str | None = None


def execute(
    document: dict[str, Any], given: Any, service: Service, wait: Callable[[float], None] = lambda _seconds: None
) -> Ended:
    """Runs a workflow to its end. `wait` is called with the seconds of a pause, retries included."""
    assert document["QueryLanguage"] == "JSONata"
    variables: dict[str, Any] = {}
    name, data = document["StartAt"], given
    for _ in range(50):
        state = document["States"][name]
        assert set(state) <= _FIELDS[state["Type"]], f"{name}: {set(state) - _FIELDS[state['Type']]}"
        if state["Type"] == "Succeed":
            return Ended("SUCCEEDED", data)
        if state["Type"] == "Fail":
            return Ended("FAILED", error=state["Error"])
        try:
            following, data = _retried(state, data, variables, service, wait)
        except Failed as failed:
            caught = [catch for catch in state.get("Catch", []) if catch["ErrorEquals"] == ["States.ALL"]]
            if not caught:
                return Ended("FAILED", error=failed.error)
            following, data = caught[0]["Next"], {"Error": failed.error}
        if following is None:
            return Ended("SUCCEEDED", data)
        name = following
    raise AssertionError("no end")


def _retried(
    state: dict[str, Any], data: Any, variables: dict[str, Any], service: Service, wait: Callable[[float], None]
) -> tuple[str | None, Any]:
    """A state's result, after as many further attempts as its Retry allows."""
    if state["Type"] == "Wait":
        wait(_evaluate(state["Seconds"], {**variables, "states": {"input": data}}))
    (retry,) = state.get("Retry", [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}])
    assert retry["ErrorEquals"] == ["States.ALL"]
    for attempt in range(retry["MaxAttempts"]):
        try:
            return _step(state, data, variables, service)
        except Failed:
            wait(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt)
    return _step(state, data, variables, service)


def _step(state: dict[str, Any], data: Any, variables: dict[str, Any], service: Service) -> tuple[str | None, Any]:
    """The name of the next state (None at the end) and its input."""
    scope = {**variables, "states": {"input": data}}
    if state["Type"] == "Choice":
        for choice in state["Choices"]:
            holds = _evaluate(choice["Condition"], scope)
            assert isinstance(holds, bool), "a condition must be true or false, and nothing catches it"
            if holds:
                return choice["Next"], data
        return state["Default"], data
    if state["Type"] == "Task":
        prefix, _, action = state["Resource"].partition(":aws-sdk:")
        assert prefix.split(":")[2:] == ["states", "", ""]
        data = service(action, _evaluate(state["Arguments"], scope))
        scope["states"] = {**scope["states"], "result": data}
    assigned = _evaluate(state.get("Assign", {}), scope)
    output = _evaluate(state["Output"], scope) if "Output" in state else data
    variables.update(assigned)
    assert ("Next" in state) != state.get("End", False)
    return state.get("Next"), output


def value(expression: str, **variables: Any) -> Any:
    """The value of an expression as a state has it, with these variables."""
    return _evaluate(expression, variables)


def _evaluate(template: Any, scope: dict[str, Any]) -> Any:
    """A template with the values of its expressions. An expression without a value is an error, as on AWS."""
    if isinstance(template, dict):
        return {key: _evaluate(value, scope) for key, value in template.items()}
    if isinstance(template, list):
        return [_evaluate(value, scope) for value in template]
    if not (isinstance(template, str) and template.startswith("{%")):
        return template
    expression = Jsonata(template.removeprefix("{%").removesuffix("%}").strip())
    for name, value in scope.items():
        expression.assign(name, value)
    try:
        value = expression.evaluate(None)
    except Exception as error:
        raise Failed("States.QueryEvaluationError") from error
    if value is None:
        raise Failed("States.QueryEvaluationError")
    return value
