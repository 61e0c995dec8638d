"""Mapping templates (VTL) of the API with `scaling.direct`: requests to Step Functions, responses to callers.

StartSyncExecution answers 200 even if the execution failed, so the response template reads the execution's status and
sets the HTTP status.

The templates use Velocity 1.x and what AWS documents. Pages of the API Gateway developer guide: "Mapping template
reference", "Variables for data transformations", "Override your API's request and response parameters".
"""

import json

from components._templates import BAD_GATEWAY, FIFO_HEADERS, REFUSED, header_in_either_case
from components._workflow import TOO_LONG

TOO_LARGE = "413"
#: Names in the workflow's input for the headers of a FIFO queue's callers.
FIFO_INPUTS = dict(zip(FIFO_HEADERS, ("group", "deduplication"), strict=True))
_TOO_LARGE = (
    "The job is too long: this API accepts at most 200 KB, and less if the job has many quotation marks or non-ASCII "
    "characters."
)
#: Errors of StartSyncExecution for an input that is too long. The input is well-formed, so it has no other error.
_INPUT_ERRORS = ("ValidationException", "InvalidExecutionInput")


def _problem(message: str, error: str, status: str | None = None) -> str:
    """The body of an error response. A `status` overrides the method's status."""
    override = [] if status is None else [f"#set($context.responseOverride.status = {status})"]
    return "\n".join([*override, json.dumps({"message": message, "error": error})])


#: Response template. The method answers 202 unless this template overrides the status.
ANSWER_TEMPLATE = "\n".join(
    (
        """#if($input.path('$.status').toString().equals("SUCCEEDED"))""",
        "$input.path('$.output')",
        f"""#elseif($input.path('$.error').toString().equals("{TOO_LONG}"))""",
        _problem(_TOO_LARGE, TOO_LONG, TOO_LARGE),
        "#else",
        _problem(REFUSED, "$input.path('$.error')", BAD_GATEWAY),
        "#end",
    )
)
#: Response template if no execution started. The method answers 502 unless this template overrides the status.
ERROR_TEMPLATE = "\n".join(
    (
        "#set($type = $input.path('$.__type').toString())",
        "#if(" + " || ".join(f'$type.contains("{name}")' for name in _INPUT_ERRORS) + ")",
        _problem(_TOO_LARGE, TOO_LONG, TOO_LARGE),
        "#else",
        _problem(REFUSED, "$type"),
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
    # escapeJavaScript also escapes ', which JSON does not allow; AWS documents this way to undo that
    once = f"""$util.escapeJavaScript({value}).replaceAll("\\\\'", "'")"""
    twice = f"""$util.escapeJavaScript(${name}).replaceAll("\\\\'", "'")"""
    return f"#set(${name} = {once})#set(${name} = {twice})"
