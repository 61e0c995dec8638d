"""What the API says to Step Functions and to its callers where it wakes the service with the job (`scaling.direct`).

StartSyncExecution answers 200 even when the execution failed, so the answer's template looks inside and sets the status
itself. VTL keeps to what AWS documents (API Gateway developer guide, "Mapping template reference", "Variables for data
transformations", "Override your API's request and response parameters") and to plain Velocity 1.x.
"""

import json

from components._templates import BAD_GATEWAY, FIFO_HEADERS, REFUSED
from components._workflow import TOO_LONG

TOO_LARGE = "413"
#: The workflow's input for each header of a FIFO queue's callers.
FIFO_INPUTS = dict(zip(FIFO_HEADERS, ("group", "deduplication"), strict=True))
_TOO_LARGE = (
    "The job is too long for an API that wakes the service itself: 200 KB at the most, less where quotation marks and "
    "letters beyond ASCII are many."
)
#: Errors of StartSyncExecution for an input beyond its limit. It is well-formed, so nothing else can be wrong with it.
_INPUT_ERRORS = ("ValidationException", "InvalidExecutionInput")


def _problem(message: str, error: str, status: str | None = None) -> str:
    """An answer's text; with a status of its own, too."""
    override = [] if status is None else [f"#set($context.responseOverride.status = {status})"]
    return "\n".join([*override, json.dumps({"message": message, "error": error})])


#: To the method's 202, unless it says otherwise.
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
#: To the method's 502: there was no execution.
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
    """The request to Step Functions for `POST /jobs`: the body as it came."""
    return _start("$input.body", workflow_arn, fifo=fifo)


def get_template(workflow_arn: str, *, fifo: bool) -> str:
    """The request to Step Functions for `GET /queue?message=…`: the parameter as it came."""
    return _start("$input.params('message')", workflow_arn, fifo=fifo)


def _start(body: str, workflow_arn: str, *, fifo: bool) -> str:
    head, inner = _text("body", body), {"body": "$body"}
    if fifo:
        for header, name in FIFO_INPUTS.items():
            # as in _templates: either spelling, and a name that is not there leaves the variable alone
            head += f"#set(${name} = $input.params('{header.lower()}'))"
            head += f"#set(${name} = $input.params().get('header').get('{header}'))"
            head += _text(name, f"${name}")
            inner[name] = f"${name}"
    return head + json.dumps({"stateMachineArn": workflow_arn, "input": json.dumps(inner)})


def _text(name: str, value: str) -> str:
    """Sets a variable to a text that stands in a JSON text that stands in a JSON text: escaped twice."""
    # escapeJavaScript also escapes ', which JSON does not allow; AWS documents this way to undo it
    once = f"""$util.escapeJavaScript({value}).replaceAll("\\\\'", "'")"""
    twice = f"""$util.escapeJavaScript(${name}).replaceAll("\\\\'", "'")"""
    return f"#set(${name} = {once})#set(${name} = {twice})"
