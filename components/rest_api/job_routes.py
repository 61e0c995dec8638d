"""The routes of the API with a job table."""

from collections.abc import Mapping
from typing import Any

from components import _problems
from components._problems import Problem
from components.rest_api.routes import (
    JOB,
    JOBS,
    MESSAGE,
    SENDING,
    START,
    Answer,
    Call,
    Parameter,
    Route,
    Text,
    problems,
)
from components.rest_api.templates import job_table, job_workflows
from components.workflows import header_rules

#: Errors of each route that reads or changes a job.
READING = (_problems.BAD_GATEWAY, _problems.UNAVAILABLE, _problems.TIMEOUT)
ID = Parameter(
    name="id",
    place="path",
    description="The job's id, from the answer that accepted it.",
    schema={"type": "string"},
    required=True,
)
#: Descriptions and JSON Schemas of the headers of a job. The deduplication id is not among them: it is refused.
_ABOUT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Idempotency-Key": (
        "Names this job. The same key with the same job gets the same answer again, and the job is sent once.",
        {"type": "string", "pattern": header_rules.KEY.replace(r"\x5B", r"\[").replace(r"\x5D", r"\]")},
    ),
    "X-Message-Group-Id": (
        "SQS's message group: jobs of a group in order (FIFO queue), or a fair share for each group (standard queue).",
        {"type": "string", "pattern": header_rules.GROUP},
    ),
    "X-Job-Delay": (
        "Seconds until the job may start.",
        {"type": "integer", "minimum": 0, "maximum": header_rules.MAX_DELAY},
    ),
    "X-Job-At": (
        "When the job may start: RFC 3339, at most a year from now. A time in the past is now.",
        {"type": "string", "format": "date-time"},
    ),
    "X-Job-Reference": (
        "The caller's own key, by which jobs are listed.",
        {"type": "string", "pattern": header_rules.REFERENCE},
    ),
}
_QUERY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "state": ("Jobs in this state.", {"type": "string", "enum": [*job_table.STATES, job_table.STALLED]}),
    "reference": ("Jobs with this X-Job-Reference.", {"type": "string", "pattern": header_rules.REFERENCE}),
    "limit": (
        "At most so many jobs in an answer.",
        {"type": "integer", "minimum": 1, "maximum": 100, "default": job_table.DEFAULT_LIMIT},
    ),
    "cursor": ("The cursor of an earlier answer, for the jobs after it.", {"type": "string"}),
}


def job_routes(*, fifo: bool, get_endpoint: bool) -> list[Route]:
    """The routes of the job resource."""
    found = [_submit(fifo), _batch(fifo), _list(), _get(), _cancel()]
    return [*found, _message(fifo)] if get_endpoint else found


def _parameters(fifo: bool) -> list[Parameter]:
    return [
        Parameter(
            name=name,
            place="header",
            description=text,
            schema=schema,
            required=fifo and name == "X-Message-Group-Id",
        )
        for name, (text, schema) in _ABOUT.items()
    ]


def _submit(fifo: bool) -> Route:
    return Route(
        path="jobs",
        verb="POST",
        summary="Submit a job",
        call=_workflow(lambda places: job_workflows.submit_template(places.submit_arn)),
        parameters=_parameters(fifo),
        model=JOB,
        answers=_accepted(),
        success="202",
    )


def _message(fifo: bool) -> Route:
    return Route(
        path="queue",
        verb="GET",
        summary="Submit a job that is a query parameter",
        call=_workflow(lambda places: job_workflows.message_template(places.submit_arn)),
        parameters=[MESSAGE, *_parameters(fifo)],
        answers=_accepted(),
        success="202",
    )


def _batch(fifo: bool) -> Route:
    return Route(
        path="jobs/batch",
        verb="POST",
        summary="Submit up to ten jobs",
        call=_workflow(lambda places: job_workflows.batch_template(places.batch_arn)),
        parameters=_parameters(fifo),
        model=JOBS,
        answers=_answers(
            "200",
            Answer(
                description="Each job's id, or the problem why it was not accepted, in the order of the request.",
                schema="AcceptedJobs",
                headers=["Content-Type"],
            ),
            *SENDING,
        ),
        success="200",
    )


def _list() -> Route:
    return Route(
        path="jobs",
        verb="GET",
        summary="List jobs, the newest first",
        call=_dynamodb(
            "Query",
            lambda places: job_table.list_template(places.table_name),
            job_table.LIST_ANSWER,
            job_table.LIST_ERROR,
        ),
        parameters=[
            Parameter(name=name, place="querystring", description=text, schema=schema)
            for name, (text, schema) in _QUERY.items()
        ],
        answers=_answers(
            "200",
            Answer(description="Jobs, and a cursor if there may be more.", schema="Page"),
            _problems.INVALID_PARAMETERS,
            *READING,
        ),
        success="200",
    )


def _get() -> Route:
    return Route(
        path="jobs/{id}",
        verb="GET",
        summary="Ask for a job",
        call=_dynamodb(
            "GetItem",
            lambda places: job_table.get_template(places.table_name),
            job_table.GET_ANSWER,
            job_table.GET_ERROR,
        ),
        parameters=[ID],
        answers=_answers(
            "200",
            Answer(description="The job.", schema="JobResource", headers=["Retry-After"]),
            _problems.NO_SUCH_JOB,
            *READING,
        ),
        success="200",
    )


def _cancel() -> Route:
    told = Answer(
        description="The job will not start, or its worker stops it soon.",
        schema="JobResource",
        headers=["Content-Type", "Retry-After"],
    )
    final = Answer(description="The job had ended before.", schema="JobResource", headers=["Content-Type"])
    return Route(
        path="jobs/{id}",
        verb="DELETE",
        summary="Cancel a job",
        call=Call(
            action=lambda _: START,
            request=lambda places: job_workflows.cancel_template(places.cancel_arn),
            answer=job_workflows.CANCEL_ANSWER,
            error=job_table.GET_ERROR,
        ),
        parameters=[ID],
        answers={"200": final, **_answers("202", told, _problems.NO_SUCH_JOB, *READING)},
        success="202",
    )


def _accepted() -> dict[str, Answer]:
    headers = ["Content-Type", "Location", "Retry-After"]
    answer = Answer(description="The job is accepted.", schema="AcceptedJob", headers=headers)
    return _answers("202", answer, _problems.UNDER_WAY, _problems.KEY_REUSED, *SENDING)


def _answers(status: str, answer: Answer, *errors: Problem) -> dict[str, Answer]:
    return {status: answer, **problems(errors)}


def _workflow(request: Text) -> Call:
    return Call(
        action=lambda _: START,
        request=request,
        answer=job_workflows.SUBMIT_ANSWER,
        error=job_workflows.SUBMIT_ERROR,
    )


def _dynamodb(action: str, request: Text, answer: str, error: str) -> Call:
    return Call(action=lambda _: f"dynamodb:action/{action}", request=request, answer=answer, error=error)
