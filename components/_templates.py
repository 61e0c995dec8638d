"""What the API says to SQS and to its callers: mapping templates (VTL), JSON Schema, selection patterns.

VTL here keeps to what AWS documents (API Gateway developer guide, "Mapping template reference") and to Velocity 1.x:
plain references, method calls, and `#set`, which leaves a variable as it was when its right-hand side is null.
"""

import json
from collections.abc import Mapping

#: SQS's Query protocol (SQS API reference, "Making Query API requests").
SQS_VERSION = "2012-11-05"
CONTENT_TYPE = "application/json"
#: Headers of the integration request, quoted as constants are. SQS answers in the form that Accept names.
REQUEST_HEADERS = {
    "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
    "integration.request.header.Accept": f"'{CONTENT_TYPE}'",
}
#: Headers that a FIFO queue's callers must send, with the SQS parameter that each becomes.
FIFO_HEADERS = {
    "X-Message-Group-Id": "MessageGroupId",
    "X-Message-Deduplication-Id": "MessageDeduplicationId",
}
#: API Gateway reads schemas as JSON Schema draft 4.
JOB_SCHEMA = json.dumps({"$schema": "http://json-schema.org/draft-04/schema#", "title": "Job", "type": "object"})

#: Matches the status of SQS's answer. The error response has no pattern, so that all that is not a success is an error.
SUCCESS_PATTERN = r"2\d{2}"
ACCEPTED, BAD_GATEWAY = "202", "502"
SUCCESS_TEMPLATE = """{"messageId": "$input.path('$.SendMessageResponse.SendMessageResult.MessageId')"}"""
REFUSED = "The queue did not take the job."
ERROR_TEMPLATE = json.dumps({"message": REFUSED, "error": "$input.path('$.Error.Code')"})

#: One line of JSON per request (API Gateway developer guide, "$context variables"); no header, no body, no key.
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
        "error": "$context.error.message",
    }
)


def post_template(*, fifo: bool) -> str:
    """The request to SQS for `POST /jobs`: the body as it came."""
    return _send_message("$input.body", fifo=fifo)


def get_template(*, fifo: bool) -> str:
    """The request to SQS for `GET /queue?message=…`: the parameter as it came."""
    return _send_message("$input.params('message')", fifo=fifo)


def required_headers(*, fifo: bool) -> Mapping[str, bool]:
    """The method's request parameters that a FIFO queue needs, as API Gateway names them."""
    return {f"method.request.header.{header}": True for header in FIFO_HEADERS} if fifo else {}


def _send_message(body: str, *, fifo: bool) -> str:
    head, tail = "", ""
    if fifo:
        for header, parameter in FIFO_HEADERS.items():
            variable = parameter[0].lower() + parameter[1:]
            # HTTP/2 sends names in lower case, HTTP/1.1 as the caller wrote them; a name that is not there is null
            # (an empty text from params(name)), which leaves the variable alone
            head += f"#set(${variable} = $input.params('{header.lower()}'))"
            head += f"#set(${variable} = $input.params().get('header').get('{header}'))"
            tail += f"&{parameter}=$util.urlEncode(${variable})"
    return f"{head}Action=SendMessage&Version={SQS_VERSION}&MessageBody=$util.urlEncode({body}){tail}"
