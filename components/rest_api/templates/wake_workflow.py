"""Mapping templates (VTL) of the API with `scaling.direct`: requests to Step Functions, responses to callers.

StartSyncExecution answers 200 even if the execution failed, so the response template reads the execution's status and
sets the HTTP status.

The templates use Velocity 1.x and what AWS documents. Pages of the API Gateway developer guide: "Mapping template
reference", "Variables for data transformations", "Override your API's request and response parameters".
"""

import json

from components import _problems
from components.rest_api.templates.sqs import FIFO_HEADERS, SENDER_ERRORS, any_of, escaped, header_in_either_case
from components.workflows.waking import EMPTY, TOO_LONG

#: Names in the workflow's input for the headers of a FIFO queue's callers.
FIFO_INPUTS = dict(zip(FIFO_HEADERS, ("group", "deduplication"), strict=True))
_TOO_LARGE = "This API accepts at most 200 KB, and less if the job has many quotation marks or non-ASCII characters."
#: Errors of StartSyncExecution for an input that is too long. The input is well-formed, so it has no other error.
_INPUT_ERRORS = ("ValidationException", "InvalidExecutionInput")
#: Words of SQS's messages about a wrong FIFO header: Step Functions has one name for all errors that SQS's API does not
#: declare, Sqs.SqsException.
_HEADER_WORDS = ("parameter MessageGroupId", "parameter MessageDeduplicationId")


def _answer(problem: _problems.Problem, variable: str) -> str:
    """The problem, with the error's name."""
    return _problems.answer(problem, f"{problem.detail} Error: $!{variable}")


#: Response template. The method answers 202 unless this template overrides the status.
ANSWER_TEMPLATE = "\n".join(
    (
        "#set($error = $input.path('$.error').toString())",
        "#set($cause = $input.path('$.cause').toString())",
        """#if($input.path('$.status').toString().equals("SUCCEEDED"))""",
        "$input.path('$.output')",
        f"""#elseif($error.equals("{TOO_LONG}"))""",
        _problems.answer(_problems.TOO_LARGE, _TOO_LARGE),
        f"#elseif({any_of('error', (EMPTY, *SENDER_ERRORS))} || {any_of('cause', _HEADER_WORDS)})",
        _answer(_problems.INVALID_JOB, "error"),
        f"#elseif({any_of('error', _problems.BUSY_WORDS)})",
        _answer(_problems.UNAVAILABLE, "error"),
        """#elseif($error.equals("States.Timeout"))""",
        _answer(_problems.TIMEOUT, "error"),
        "#else",
        _answer(_problems.BAD_GATEWAY, "error"),
        "#end",
    )
)
#: Response template if no execution started.
ERROR_TEMPLATE = "\n".join(
    (
        "#set($type = $input.path('$.__type').toString())",
        f"#if({any_of('type', _INPUT_ERRORS)})",
        _problems.answer(_problems.TOO_LARGE, _TOO_LARGE),
        f"#elseif({any_of('type', _problems.BUSY_WORDS)})",
        _answer(_problems.UNAVAILABLE, "type"),
        "#else",
        _answer(_problems.BAD_GATEWAY, "type"),
        "#end",
    )
)


def post_template(workflow_arn: str, *, fifo: bool) -> str:
    """The request to Step Functions for `POST /jobs`, with the body unchanged."""
    return _start("$input.body", workflow_arn, fifo=fifo)


def get_template(workflow_arn: str, *, fifo: bool) -> str:
    """The request to Step Functions for `GET /queue?message=…`, with the parameter unchanged."""
    return _start("$input.params('message')", workflow_arn, fifo=fifo)


def _start(body: str, workflow_arn: str, *, fifo: bool) -> str:
    head, inner = _text("body", body), {"body": "$body"}
    if fifo:
        for header, name in FIFO_INPUTS.items():
            head += f"#set(${name} = {header_in_either_case(header)})"
            head += _text(name, f"${name}")
            inner[name] = f"${name}"
    return head + json.dumps({"stateMachineArn": workflow_arn, "input": json.dumps(inner)})


def _text(name: str, value: str) -> str:
    """Sets a variable to a text that is escaped twice, for JSON inside a JSON string."""
    once, twice = escaped(value), escaped(f"${name}")
    return f"#set(${name} = {once})#set(${name} = {twice})"
