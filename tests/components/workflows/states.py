"""An interpreter of Amazon States Language with JSONata, for the states of the program's workflows.

Rules: Amazon States Language specification (states-language.net) and Step Functions developer guide, "Transforming data
with JSONata". An unknown field is an error.
"""

import functools
import hashlib
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonata.jsonata import Jsonata

#: Answers a task's action, such as "sqs:sendMessage", with its arguments.
Service = Callable[[str, dict[str, Any]], Any]
Wait = Callable[[float], None]
Functions = Mapping[str, Callable[..., Any]]
_COMMON = {"Type", "Next", "End", "Assign", "Output", "Comment"}
_FIELDS = {
    "Task": _COMMON | {"Resource", "Arguments", "TimeoutSeconds", "Catch", "Retry"},
    "Map": _COMMON | {"Items", "ItemProcessor", "MaxConcurrency"},
    "Choice": {"Type", "Choices", "Default"},
    "Pass": _COMMON,
    "Wait": _COMMON | {"Seconds"},
    "Succeed": {"Type"},
    "Fail": {"Type", "Error", "Cause"},
}


class Failed(Exception):  # noqa: N818
    """The error of a task or an execution."""

    def __init__(self, error: str, cause: str = "") -> None:
        self.error, self.cause = error, cause
        super().__init__(error, cause)

    def among(self, names: list[str]) -> bool:
        """Whether a Retry or a Catch for these names is for this error."""
        return self.error in names or names == ["States.ALL"]


@dataclass(frozen=True)
class Ended:
    """The end of an execution."""

    status: str
    output: Any = None
    error: str | None = None


@dataclass(frozen=True)
class Call:
    """A task's call: a step of an execution."""

    action: str
    arguments: dict[str, Any]
    timeout: float | None = None


@dataclass(frozen=True)
class Pause:
    """A wait: a step of an execution."""

    seconds: float


Step = Call | Pause
Steps = Generator[Step, Any, Any]


def execute(document: dict[str, Any], given: Any, service: Service, wait: Wait = lambda _seconds: None) -> Ended:
    """Runs a workflow to its end. `wait` is called with the seconds of a pause, retries included."""
    execution = steps(document, given)
    try:
        step = next(execution)
        while True:
            if isinstance(step, Pause):
                wait(step.seconds)
                step = next(execution)
                continue
            try:
                answer = service(step.action, step.arguments)
            except Failed as failed:
                step = execution.throw(failed)
            else:
                step = execution.send(answer)
    except StopIteration as stopped:
        ended: Ended = stopped.value
        return ended


def steps(document: dict[str, Any], given: Any, functions: Functions | None = None) -> Generator[Step, Any, Ended]:
    """A workflow's calls and pauses. It gets the answers, or `Failed`, and returns its end.

    `functions` go before JSONata's own, such as the time.
    """
    assert document["QueryLanguage"] == "JSONata"
    variables = {name: Jsonata.JLambda(function) for name, function in (functions or {}).items()}
    try:
        return Ended("SUCCEEDED", (yield from _run(document, given, variables)))
    except Failed as failed:
        return Ended("FAILED", error=failed.error)


def _run(document: dict[str, Any], given: Any, outside: dict[str, Any]) -> Steps:
    """The output. Variables from outside can be read, and new ones stay inside."""
    variables = dict(outside)
    name, data = document["StartAt"], given
    for _ in range(50):
        state = document["States"][name]
        assert set(state) <= _FIELDS[state["Type"]], f"{name}: {set(state) - _FIELDS[state['Type']]}"
        if state["Type"] == "Succeed":
            return data
        if state["Type"] == "Fail":
            raise Failed(state["Error"])
        try:
            following, data = yield from _retried(state, data, variables)
        except Failed as failed:
            catch = next((catch for catch in state.get("Catch", []) if failed.among(catch["ErrorEquals"])), None)
            if catch is None:
                raise
            error = {"Error": failed.error} | ({"Cause": failed.cause} if failed.cause else {})
            scope = {**variables, "states": {"input": data, "errorOutput": error}}
            variables.update(_evaluate(catch.get("Assign", {}), scope))
            following, data = catch["Next"], error
        assert not set(variables) & set(outside) or all(variables[name] == outside[name] for name in outside)
        if following is None:
            return data
        name = following
    raise AssertionError("no end")


def _retried(state: dict[str, Any], data: Any, variables: dict[str, Any]) -> Steps:
    """A state's result, after as many further attempts as its Retry allows."""
    if state["Type"] == "Wait":
        yield Pause(_evaluate(state["Seconds"], {**variables, "states": {"input": data}}))
    attempts = [0 for _ in state.get("Retry", [])]
    while True:
        try:
            return (yield from _step(state, data, variables))
        except Failed as failed:
            retries = enumerate(state.get("Retry", []))
            number, retry = next(((n, r) for n, r in retries if failed.among(r["ErrorEquals"])), (0, None))
            if retry is None or attempts[number] == retry["MaxAttempts"]:
                raise
            pause = retry["IntervalSeconds"] * retry["BackoffRate"] ** attempts[number]
            yield Pause(min(pause, retry.get("MaxDelaySeconds", pause)))
            attempts[number] += 1


def _step(state: dict[str, Any], data: Any, variables: dict[str, Any]) -> Steps:
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
        data = yield Call(action, _evaluate(state["Arguments"], scope), state.get("TimeoutSeconds"))
        scope["states"] = {**scope["states"], "result": data}
    if state["Type"] == "Map":
        processor = state["ItemProcessor"]
        assert processor["ProcessorConfig"] == {"Mode": "INLINE"}
        items = _evaluate(state["Items"], scope)
        assert isinstance(items, list)
        data = []
        for item in items:
            data.append((yield from _run(processor, item, variables)))
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
    try:
        value = _parsed(template).evaluate(None, scope)
    except Exception as error:
        raise Failed("States.QueryEvaluationError") from error
    if value is None:
        raise Failed("States.QueryEvaluationError")
    return value


@functools.lru_cache(maxsize=1000)
def _parsed(template: str) -> Jsonata:
    expression = Jsonata(template.removeprefix("{%").removesuffix("%}").strip())
    expression.register_lambda("millis", lambda: int(time.time() * 1000))  # its own is that of the last expression
    expression.register_lambda("uuid", lambda: str(uuid.uuid4()))
    expression.register_lambda("hash", _hash)
    return expression


def _hash(text: str, algorithm: str) -> str:
    assert algorithm == "SHA-256"
    assert len(text) <= 10_000, "the intrinsic function takes no longer text"
    return hashlib.sha256(text.encode()).hexdigest()
