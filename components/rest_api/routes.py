"""The API's routes as plain data: path, verb, parameters, templates and responses.

The component makes resources of them, and `openapi.py` a description for callers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from components import _problems
from components.rest_api.templates import sqs, wake_workflow


@dataclass(frozen=True, kw_only=True)
class Places:
    """What the routes call, known once it is deployed; empty without it."""

    account_id: str
    queue_name: str
    table_name: str = ""
    #: The workflows that take a job, take several, and cancel one.
    submit_arn: str = ""
    batch_arn: str = ""
    cancel_arn: str = ""


#: A text that names places, such as a mapping template.
Text = Callable[[Places], str]


@dataclass(frozen=True, kw_only=True)
class Call:
    """How API Gateway calls a service, and how it answers the caller."""

    #: The service and its action, as in an integration's URI. None: API Gateway answers itself.
    action: Text | None
    #: The request template, and headers of the integration request.
    request: Text
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Response templates for a success and for any other response.
    answer: str
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of a request, with its JSON Schema."""

    name: str
    place: Literal["path", "querystring", "header"]
    description: str
    schema: Mapping[str, Any]
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response: what it means, the name of its body's schema, and the headers that a template may set."""

    description: str
    schema: str = "Problem"
    headers: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Route:
    """A path and a verb."""

    path: str
    verb: str
    summary: str
    call: Call
    parameters: Sequence[Parameter] = ()
    #: The name of the body's model; empty without a body.
    model: str = ""
    #: All responses by status. A template sets those other than `success` and `failure`.
    answers: Mapping[str, Answer]
    success: str
    failure: str = "502"

    @property
    def name(self) -> str:
        """A part of the resources' names, such as jobs-post."""
        return f"{slug(self.path)}-{self.verb.lower()}"

    @property
    def required(self) -> list[str]:
        """Parameters that the request must have, with API Gateway's names."""
        return [f"method.request.{each.place}.{each.name}" for each in self.parameters if each.required]


#: Names of models: a job, and a list of jobs.
JOB, JOBS = "Job", "Jobs"
#: Jobs of a batch.
MAX_BATCH = 10
#: The action that starts a workflow and waits for its end.
START = "states:action/StartSyncExecution"
#: Errors of each route that sends a job.
SENDING = (
    *(_problems.INVALID_JOB, _problems.INVALID_PARAMETERS, _problems.TOO_LARGE),
    *(_problems.BAD_GATEWAY, _problems.UNAVAILABLE, _problems.TIMEOUT),
)
MESSAGE = Parameter(
    name="message", place="querystring", description="The job.", schema={"type": "string"}, required=True
)
#: SQS API reference, SendMessage, "MessageGroupId" and "MessageDeduplicationId".
_ID = {"type": "string", "pattern": "^[!-~]{1,128}$"}
_FIFO = {
    "X-Message-Group-Id": "Jobs of a message group are done in their order.",
    "X-Message-Deduplication-Id": "A second job with this id within 5 minutes is not sent.",
}


def slug(path: str) -> str:
    """A path as a part of a resource's name."""
    return path.replace("/", "-").replace("{", "").replace("}", "")


def problems(found: Iterable[_problems.Problem]) -> dict[str, Answer]:
    """The responses with problems, by status."""
    answers: dict[str, Answer] = {}
    for each in found:
        status, headers = str(each.status), {"Content-Type": "", **each.headers}
        known = answers.get(status, Answer(description=""))
        answers[status] = Answer(
            description=" ".join(filter(None, [known.description, f"{each.title}: {each.detail}"])),
            headers=list(dict.fromkeys([*known.headers, *headers])),
        )
    return answers


def routes(*, fifo: bool, direct: bool, get_endpoint: bool) -> list[Route]:
    """The routes to SQS, or with `direct` to the workflow that sends a job."""
    headers = [
        Parameter(name=name, place="header", description=text, schema=_ID, required=True)
        for name, text in (_FIFO.items() if fifo else ())
    ]
    answers = {"202": Answer(description="The queue has the job.", schema="Sent"), **problems(SENDING)}
    post = Route(
        path="jobs",
        verb="POST",
        summary="Send a job",
        call=_post(fifo, direct),
        parameters=headers,
        model=JOB,
        answers=answers,
        success="202",
    )
    get = Route(
        path="queue",
        verb="GET",
        summary="Send a job that is a query parameter",
        call=_get(fifo, direct),
        parameters=[MESSAGE, *headers],
        answers=answers,
        success="202",
    )
    return [post, get] if get_endpoint else [post]


def _post(fifo: bool, direct: bool) -> Call:
    if direct:
        return _workflow(lambda places: wake_workflow.post_template(places.submit_arn, fifo=fifo))
    return _sqs(lambda _: sqs.post_template(fifo=fifo))


def _get(fifo: bool, direct: bool) -> Call:
    if direct:
        return _workflow(lambda places: wake_workflow.get_template(places.submit_arn, fifo=fifo))
    return _sqs(lambda _: sqs.get_template(fifo=fifo))


def _sqs(request: Text) -> Call:
    return Call(
        action=lambda places: f"sqs:path/{places.account_id}/{places.queue_name}",
        request=request,
        headers=sqs.REQUEST_HEADERS,
        answer=sqs.SUCCESS_TEMPLATE,
        error=sqs.ERROR_TEMPLATE,
    )


def _workflow(request: Text) -> Call:
    return Call(
        action=lambda _: START,
        request=request,
        answer=wake_workflow.ANSWER_TEMPLATE,
        error=wake_workflow.ERROR_TEMPLATE,
    )
