"""The API's routes as plain data: path, verb, parameters, templates and responses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from components import _direct, _templates


@dataclass(frozen=True, kw_only=True)
class Places:
    """What the routes call, known once it is deployed."""

    account_id: str
    queue_name: str
    #: The workflow that sends a job; empty without one.
    submit_arn: str = ""


#: A text that names places, such as a mapping template.
Text = Callable[[Places], str]


@dataclass(frozen=True, kw_only=True)
class Call:
    """How API Gateway calls a service, and how it answers the caller."""

    #: The service and its action, as in an integration's URI.
    action: Text
    #: The request template, and headers of the integration request.
    request: Text
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Response templates for a success and for any other response.
    answer: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """A path and a verb."""

    path: str
    verb: str
    call: Call
    #: Parameters that the request must have, with API Gateway's names.
    required: Sequence[str] = ()
    #: Whether the request's body is a job.
    job: bool = False
    #: The statuses of a success and of a failed call, and those that a template sets instead.
    success: str = _templates.ACCEPTED
    failure: str = _templates.BAD_GATEWAY
    others: Sequence[str] = ()

    @property
    def name(self) -> str:
        """A part of the resources' names, such as jobs-post."""
        return f"{self.path}-{self.verb.lower()}"


def routes(*, fifo: bool, direct: bool, get_endpoint: bool) -> list[Route]:
    """The routes to SQS, or with `direct` to the workflow that sends a job."""
    others = (_templates.BAD_REQUEST, _templates.TOO_LARGE)
    headers = tuple(_templates.required_headers(fifo=fifo))
    post = Route(path="jobs", verb="POST", call=_post(fifo, direct), required=headers, job=True, others=others)
    message = ("method.request.querystring.message", *headers)
    get = Route(path="queue", verb="GET", call=_get(fifo, direct), required=message, others=others)
    return [post, get] if get_endpoint else [post]


def _post(fifo: bool, direct: bool) -> Call:
    if direct:
        return _workflow(lambda places: _direct.post_template(places.submit_arn, fifo=fifo))
    return _sqs(lambda _: _templates.post_template(fifo=fifo))


def _get(fifo: bool, direct: bool) -> Call:
    if direct:
        return _workflow(lambda places: _direct.get_template(places.submit_arn, fifo=fifo))
    return _sqs(lambda _: _templates.get_template(fifo=fifo))


def _sqs(request: Text) -> Call:
    return Call(
        action=lambda places: f"sqs:path/{places.account_id}/{places.queue_name}",
        request=request,
        headers=_templates.REQUEST_HEADERS,
        answer=_templates.SUCCESS_TEMPLATE,
        error=_templates.ERROR_TEMPLATE,
    )


def _workflow(request: Text) -> Call:
    return Call(
        action=lambda _: "states:action/StartSyncExecution",
        request=request,
        answer=_direct.ANSWER_TEMPLATE,
        error=_direct.ERROR_TEMPLATE,
    )
