"""Mapping templates (VTL) of the API with a job table: requests to the workflows, and what it answers after them.

A workflow's output has the status, the media type and the body of the answer (see submission.py).
"""

import json
from collections.abc import Mapping

from components import _problems
from components.rest_api.templates import wake_workflow
from components.rest_api.templates.sqs import escaped
from components.workflows.header_rules import HEADERS


def submit_template(workflow_arn: str) -> str:
    """The request to Step Functions for `POST /jobs`, with the body unchanged."""
    return _headers() + _start(workflow_arn, {"body": "$input.body"})


def message_template(workflow_arn: str) -> str:
    """The request to Step Functions for `GET /queue?message=…`, with the parameter unchanged."""
    return _headers() + _start(workflow_arn, {"body": "$input.params('message')"})


def batch_template(workflow_arn: str) -> str:
    """The request to Step Functions for `POST /jobs/batch`: each job as a separate text."""
    bodies = f"""#set($quote = '"')
#set($dollar = '$')
#set($bodies = "")
#foreach($job in $input.path('$'))
#set($body = $input.json("${{dollar}}[$foreach.index]"))
#set($body = {escaped("$body")})
#set($bodies = "$bodies$quote$body$quote")
#if($foreach.hasNext)
#set($bodies = "$bodies,")
#end
#end
#set($bodies = {escaped("$bodies")})
"""
    return _headers() + bodies + _start(workflow_arn, {}, {"bodies": "[$bodies]"})


def cancel_template(workflow_arn: str) -> str:
    """The request to Step Functions for `DELETE /jobs/{id}`."""
    return _start(workflow_arn, {"id": "$input.params('id')"}, headers={})


def _answer(failed: str, late: str) -> str:
    """The response template after a workflow, with the details of what is no answer of it."""
    return f"""#if($input.path('$.status').toString().equals("SUCCEEDED"))
#set($answer = $util.parseJson($input.path('$.output')))
#set($context.responseOverride.status = $answer.status)
#set($context.responseOverride.header.Content-Type = $answer.type)
#if("$!answer.location" != "")
#set($context.responseOverride.header.Location = $answer.location)
#end
#if("$!answer.retry" != "")
#set($context.responseOverride.header.Retry-After = $answer.retry)
#end
$answer.body
#elseif("$!input.path('$.status')" == "TIMED_OUT")
{_problems.answer(_problems.TIMEOUT, late)}
#else
{_problems.answer(_problems.BAD_GATEWAY, failed + " Error: $!input.path('$.error')")}
#end"""


#: Response templates after the workflows.
SUBMIT_ANSWER = _answer(_problems.BAD_GATEWAY.detail, _problems.TIMEOUT.detail)
CANCEL_ANSWER = _answer("The job was not cancelled.", "The job table did not answer in time. Send the request again.")
#: The response template if no execution of `submit` or `batch` started.
SUBMIT_ERROR = wake_workflow.ERROR_TEMPLATE


def _headers() -> str:
    """Sets a variable for each header of a job. An empty header is a space, which no header's value is."""
    absent = "".join(f'#set(${name} = "")\n' for name in HEADERS.values())
    found = "".join(
        f'#if($lower == "{header.lower()}")\n#set(${name} = $value)\n#end\n' for header, name in HEADERS.items()
    )
    return f"""{absent}#set($headers = $input.params().get('header'))
#foreach($header in $headers.keySet())
#set($lower = $header.toLowerCase())
#set($value = "$!headers.get($header)")
#if($value == "")
#set($value = " ")
#end
{found}#end
"""


def _start(
    workflow_arn: str,
    texts: Mapping[str, str],
    values: Mapping[str, str] | None = None,
    headers: Mapping[str, str] = HEADERS,
) -> str:
    """The request that starts a workflow with texts of VTL, values that are JSON twice escaped, and headers."""
    wanted = dict(texts) | {name: f"${name}" for name in headers.values()}
    head = "".join(
        # escaped twice, for JSON inside a JSON string
        f"#set(${name} = {escaped(text)})\n#set(${name} = {escaped(f'${name}')})\n"
        for name, text in wanted.items()
    )
    inner = json.dumps({name: f"${name}" for name in wanted})
    for name, value in (values or {}).items():
        inner = inner[:-1] + f', "{name}": {value}}}'
    return head + json.dumps({"stateMachineArn": workflow_arn, "input": inner})
