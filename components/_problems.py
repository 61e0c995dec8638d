"""Problem details (RFC 9457): the body of every error that the API answers with.

Errors of a backend are rendered by mapping templates (VTL). Errors of API Gateway itself are rendered by gateway
responses: their templates replace variables and know no directives (API Gateway developer guide, "Gateway responses").
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEDIA_TYPE = "application/problem+json"
#: The document with a paragraph for each type. RFC 9457, 3.1.1: a relative reference has the full path.
DOCUMENT = "/docs/errors.md"


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """A type of problem. Its title is also the heading of its paragraph in docs/errors.md."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The address of the paragraph, as GitHub forms it."""
        return f"{DOCUMENT}#{self.title.lower().replace(' ', '-')}"


INVALID_JOB = Problem(
    status=400,
    title="Invalid job",
    detail="The job is missing, it has a character that SQS does not accept, or a FIFO header is not valid.",
)
INVALID_PARAMETERS = Problem(
    status=400, title="Invalid parameters", detail="A header or a parameter is missing or not valid."
)
UNAUTHENTICATED = Problem(
    status=401,
    title="Not signed",
    detail="This API takes requests with an AWS signature (Signature Version 4, service execute-api).",
    headers={"WWW-Authenticate": "AWS4-HMAC-SHA256"},
)
FORBIDDEN = Problem(status=403, title="Forbidden", detail="The request is signed, but it is not allowed.")
INVALID_KEY = Problem(
    status=403, title="Invalid API key", detail="The header X-Api-Key is missing, or its key is not valid here."
)
NOT_FOUND = Problem(status=404, title="Not found", detail="This API has no such path.")
METHOD_NOT_ALLOWED = Problem(
    status=405, title="Method not allowed", detail="This path has other methods: see the header Allow."
)
NO_SUCH_JOB = Problem(status=404, title="No such job", detail="No job has this id, or it ended too long ago.")
UNDER_WAY = Problem(
    status=409,
    title="Job under way",
    detail="Another request with this Idempotency-Key has no answer yet. Send this one again later.",
    headers={"Retry-After": "5"},
)
KEY_REUSED = Problem(
    status=422,
    title="Idempotency key reused",
    detail="A job with this Idempotency-Key has another body or other headers.",
)
TOO_LARGE = Problem(status=413, title="Job too large", detail="The body is longer than this API accepts.")
UNSUPPORTED_MEDIA_TYPE = Problem(
    status=415, title="Unsupported media type", detail="A job is sent as Content-Type: application/json."
)
TOO_MANY_REQUESTS = Problem(
    status=429,
    title="Too many requests",
    detail="More requests came than the rate and the burst that this API accepts. Send it again later.",
    headers={"Retry-After": "1"},
)
#: A quota begins again at midnight (UTC), which a gateway response cannot compute.
QUOTA_USED_UP = Problem(
    status=429,
    title="Quota used up",
    detail="The API key has used up its requests of this day (UTC).",
    headers={"Retry-After": "3600"},
)
INTERNAL_ERROR = Problem(status=500, title="Internal error", detail="The API has an error. The job was not sent.")
BAD_GATEWAY = Problem(status=502, title="Bad gateway", detail="The queue did not take the job.")
UNAVAILABLE = Problem(
    status=503,
    title="Service unavailable",
    detail="The queue takes no more jobs at the moment. Send it again later.",
    headers={"Retry-After": "5"},
)
TIMEOUT = Problem(
    status=504,
    title="Gateway timeout",
    detail="The queue did not answer in time. It may have taken the job.",
)
REFUSED = Problem(status=400, title="Request refused", detail="API Gateway refused the request.")

PROBLEMS = (
    *(INVALID_JOB, INVALID_PARAMETERS, UNAUTHENTICATED, FORBIDDEN, INVALID_KEY, NOT_FOUND, METHOD_NOT_ALLOWED),
    *(NO_SUCH_JOB, UNDER_WAY, KEY_REUSED, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, TOO_MANY_REQUESTS, QUOTA_USED_UP),
    *(INTERNAL_ERROR, BAD_GATEWAY, UNAVAILABLE, TIMEOUT, REFUSED),
)

#: Words of errors with which AWS asks for fewer requests: Sqs.RequestThrottledException, ThrottlingException, …
BUSY_WORDS = ("Throttl", "ServiceUnavailable", "LimitExceeded", "ProvisionedThroughputExceeded")


def answer(problem: Problem, detail: str | None = None, **headers: str) -> str:
    """A part of a response template that answers with the problem. `detail` may have references (VTL).

    A template may set each header once ("Override your API's request and response parameters and status codes").
    """
    wanted = {"Content-Type": MEDIA_TYPE, **problem.headers, **headers}
    body = members(problem, detail or problem.detail)
    lines = (
        f"#set($context.responseOverride.status = {problem.status})",
        *(f'#set($context.responseOverride.header.{name} = "{value}")' for name, value in wanted.items()),
        "#set($hash = '#')",
        json.dumps(body | {"type": problem.type.replace("#", "${hash}")}),
    )
    return "\n".join(lines)


#: The variables of an error. API Gateway escapes quotation marks in both, and puts the first between quotation marks.
_MESSAGE, _VALIDATION = "$context.error.messageString", "$context.error.validationErrorString"
#: API Gateway's own errors by the type of their gateway response, with the detail. Those of a type that is not here
#: have the default's body and their own status ("Gateway response types for API Gateway").
_GATEWAY: dict[str, tuple[Problem, str | None]] = {
    "ACCESS_DENIED": (FORBIDDEN, None),
    "API_CONFIGURATION_ERROR": (INTERNAL_ERROR, None),
    "BAD_REQUEST_BODY": (INVALID_JOB, f"The body is not a valid job: {_VALIDATION}"),
    "BAD_REQUEST_PARAMETERS": (INVALID_PARAMETERS, _MESSAGE),
    "EXPIRED_TOKEN": (FORBIDDEN, "The security token of the signature has expired."),
    "INTEGRATION_FAILURE": (BAD_GATEWAY, None),
    "INTEGRATION_TIMEOUT": (TIMEOUT, None),
    "INVALID_API_KEY": (INVALID_KEY, None),
    "INVALID_SIGNATURE": (FORBIDDEN, "The signature is not valid."),
    "MISSING_AUTHENTICATION_TOKEN": (UNAUTHENTICATED, None),
    "QUOTA_EXCEEDED": (QUOTA_USED_UP, None),
    "REQUEST_TOO_LARGE": (TOO_LARGE, "API Gateway accepts at most 10 MB."),
    "THROTTLED": (TOO_MANY_REQUESTS, None),
    "UNSUPPORTED_MEDIA_TYPE": (UNSUPPORTED_MEDIA_TYPE, None),
    "WAF_FILTERED": (FORBIDDEN, "The web application firewall refused the request."),
}


def gateway_responses(headers: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """Inputs of the gateway responses, by response type. `headers`: those that all of them have."""
    known = {
        kind: _gateway_response(problem, detail or problem.detail, headers, status=True)
        for kind, (problem, detail) in _GATEWAY.items()
    }
    # these two stand for several errors, so the status stays that of the error
    defaults = {"DEFAULT_4XX": REFUSED, "DEFAULT_5XX": INTERNAL_ERROR}
    return known | {kind: _gateway_response(found, _MESSAGE, headers, status=False) for kind, found in defaults.items()}


def _gateway_response(problem: Problem, detail: str, more: Mapping[str, str], *, status: bool) -> Mapping[str, Any]:
    body = json.dumps({name: text for name, text in members(problem, detail).items() if status or name != "status"})
    headers = {"Content-Type": MEDIA_TYPE, **problem.headers, **more}
    inputs = {
        "response_parameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in headers.items()},
        "response_templates": {"application/json": body.replace(f'"{_MESSAGE}"', _MESSAGE)},
    }
    return inputs | ({"status_code": str(problem.status)} if status else {})


def members(problem: Problem, detail: str) -> dict[str, Any]:
    """The problem as a JSON object."""
    return {"type": problem.type, "title": problem.title, "status": problem.status, "detail": detail}
