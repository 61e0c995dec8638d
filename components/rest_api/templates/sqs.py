"""Mapping templates (VTL) of the API: requests to SQS, responses to callers. Also its JSON Schema and access log.

The templates use only what AWS documents (API Gateway developer guide, "Mapping template reference") and Velocity 1.x:
references, method calls and `#set`. A value that can be null stands in a quiet reference (`$!`).
"""

import json
from collections.abc import Iterable, Mapping

from components import _problems

#: SQS's Query protocol (SQS API reference, "Making Query API requests").
SQS_VERSION = "2012-11-05"
CONTENT_TYPE = "application/json"
#: Headers of the integration request; constants need quotes. SQS answers in the format of Accept.
REQUEST_HEADERS = {
    "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
    "integration.request.header.Accept": f"'{CONTENT_TYPE}'",
}
#: Headers that callers of a FIFO queue must send -> SQS parameters.
FIFO_HEADERS = {
    "X-Message-Group-Id": "MessageGroupId",
    "X-Message-Deduplication-Id": "MessageDeduplicationId",
}
#: API Gateway uses JSON Schema draft 4.
DRAFT = "http://json-schema.org/draft-04/schema#"
JOB_SCHEMA = json.dumps({"$schema": DRAFT, "title": "Job", "type": "object"})

#: Matches the status of SQS's response. The error response has no pattern, so it matches any other status.
SUCCESS_PATTERN = r"2\d{2}"
ACCEPTED = "202"
BAD_REQUEST = "400"
TOO_LARGE = "413"
BAD_GATEWAY = "502"
SUCCESS_TEMPLATE = """{"messageId": "$input.path('$.SendMessageResponse.SendMessageResult.MessageId')"}"""
#: SQS's errors that are the sender's mistake (SQS API, SendMessage and "Common Error Types"). Every other error is
#: AWS's or ours.
SENDER_ERRORS = ("InvalidMessageContents", "MissingParameter", "EmptyValue", "InvalidParameterValue")
#: Words of SQS's message for a body that is too long; its code is InvalidParameterValue, as for a wrong FIFO header.
TOO_LONG_WORDS = "shorter than"


def any_of(variable: str, words: Iterable[str]) -> str:
    """The condition that the variable's text contains one of the words."""
    return " || ".join(f'${variable}.contains("{word}")' for word in words)


#: Response template for every error of SQS.
ERROR_TEMPLATE = "\n".join(
    (
        "#set($code = $input.path('$.Error.Code').toString())",
        "#set($text = $input.path('$.Error.Message').toString())",
        f"#if({any_of('text', [TOO_LONG_WORDS])})",
        _problems.answer(_problems.TOO_LARGE, "SQS accepts at most 1 MiB."),
        f"#elseif({any_of('code', SENDER_ERRORS)})",
        _problems.answer(_problems.INVALID_JOB, f"{_problems.INVALID_JOB.detail} SQS: $!code"),
        f"#elseif({any_of('code', _problems.BUSY_WORDS)})",
        _problems.answer(_problems.UNAVAILABLE, f"{_problems.UNAVAILABLE.detail} SQS: $!code"),
        "#else",
        _problems.answer(_problems.BAD_GATEWAY, f"{_problems.BAD_GATEWAY.detail} SQS: $!code"),
        "#end",
    )
)

#: One line of JSON per request (API Gateway developer guide, "$context variables"), without headers, body and key.
#: An error's message may quote a header, such as Authorization, so the log has the type of its response instead.
ACCESS_LOG_FORMAT = json.dumps(
    {
        "requestId": "$context.requestId",
        "time": "$context.requestTime",
        "ip": "$context.identity.sourceIp",
        "caller": "$context.identity.userArn",
        "apiKeyId": "$context.identity.apiKeyId",
        "method": "$context.httpMethod",
        "path": "$context.path",
        "status": "$context.status",
        "responseLength": "$context.responseLength",
        "queueStatus": "$context.integration.status",
        "queueLatency": "$context.integration.latency",
        "error": "$context.error.responseType",
    }
)


def post_template(*, fifo: bool) -> str:
    """The request to SQS for `POST /jobs`, with the body unchanged."""
    return _send_message("$input.body", fifo=fifo)


def get_template(*, fifo: bool) -> str:
    """The request to SQS for `GET /queue?message=…`, with the parameter unchanged."""
    return _send_message("$input.params('message')", fifo=fifo)


def header_in_either_case(name: str) -> str:
    """VTL of a header's value. HTTP/2 sends its name in lower case, HTTP/1.1 as the caller wrote it: one is null."""
    return '"' + "".join(f"$!input.params().get('header').get('{case}')" for case in (name.lower(), name)) + '"'


def several(job_schema: str, maximum: int) -> str:
    """The JSON Schema of a list of jobs."""
    job = {name: value for name, value in json.loads(job_schema).items() if name != "$schema"}
    jobs = {"title": "Jobs", "type": "array", "minItems": 1, "maxItems": maximum, "items": job}
    return json.dumps({"$schema": DRAFT, **jobs})


def escaped(value: str) -> str:
    """VTL of a text for a place between the quotation marks of JSON."""
    # escapeJavaScript also escapes ', which JSON does not allow; AWS documents this way to undo that
    return f"""$util.escapeJavaScript({value}).replaceAll("\\\\'", "'")"""


def required_headers(*, fifo: bool) -> Mapping[str, bool]:
    """API Gateway's request parameters that a FIFO queue requires."""
    return {f"method.request.header.{header}": True for header in FIFO_HEADERS} if fifo else {}


def _send_message(body: str, *, fifo: bool) -> str:
    head, tail = "", ""
    if fifo:
        for header, parameter in FIFO_HEADERS.items():
            variable = parameter[0].lower() + parameter[1:]
            head += f"#set(${variable} = {header_in_either_case(header)})"
            tail += f"&{parameter}=$util.urlEncode(${variable})"
    return f"{head}Action=SendMessage&Version={SQS_VERSION}&MessageBody=$util.urlEncode({body}){tail}"
