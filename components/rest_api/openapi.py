"""A description of the API in OpenAPI 3.1, made from its routes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components import _problems
from components.rest_api.routes import JOB, JOBS, MAX_BATCH, Answer, Call, Parameter, Route
from components.rest_api.templates import job_table, sqs

Document = dict[str, Any]

PATH = "openapi.json"
#: The address of the stage, from that of the description.
SERVER = "{server}"
#: OpenAPI's names of API Gateway's places of parameters.
_PLACES = {"path": "path", "querystring": "query", "header": "header"}
_SCHEMES: Mapping[str, Document] = {
    "iam": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4 for the service execute-api.",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
}
_HEADERS: Mapping[str, Document] = {
    "Location": {"description": "The job, relative to this request.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}},
    "Allow": {"description": "The methods of this path.", "schema": {"type": "string"}},
}
_TIME = {"type": "integer", "description": "Unix seconds."}


def document(
    routes: Sequence[Route], *, auth: str, job: Mapping[str, Any], server: Mapping[str, Any] | None = None
) -> Document:
    """The description. `job`: the JSON Schema of a job's body; `server`: OpenAPI's Server Object."""
    paths: dict[str, Document] = {}
    for route in routes:
        paths.setdefault(f"/{route.path}", {})[route.verb.lower()] = _operation(route)
    scheme = _SCHEMES.get(auth)
    security: Document = {} if scheme is None else {"security": [{auth: []}]}
    schemes = {} if scheme is None else {"securitySchemes": {auth: scheme}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jobs", "version": "1", "description": "Takes jobs for the queue."},
        "servers": [server or {"url": SERVER}],
        **security,
        "paths": paths,
        "components": {"schemas": _used(paths, _schemas(job)), **schemes},
    }


def route(routes: Sequence[Route], *, auth: str, job: Mapping[str, Any]) -> Route:
    """The route that answers with the description of the routes and of itself."""
    found = Route(
        path=PATH,
        verb="GET",
        summary="This description",
        call=Call(action=None, request=lambda _: json.dumps({"statusCode": 200}), answer=""),
        answers={"200": Answer(description="OpenAPI 3.1.", schema="Description")},
        success="200",
    )
    text = json.dumps(document([*routes, found], auth=auth, job=job), indent=1)
    # a path is /stage/openapi.json, or without the stage with a domain name of the API's own
    server = f"""#set($dollar = '$')
#set($hash = '#')
#set($server = $context.path.replaceAll("/?{PATH}$dollar", "").replaceAll(".*/", ""))
#if($server == "")
#set($server = "/")
#else
#set($server = "../$server")
#end
"""
    escaped = text.replace("$", "${dollar}").replace("#", "${hash}").replace(SERVER, "$server")
    call = Call(action=None, request=found.call.request, answer=server + escaped)
    return Route(
        path=found.path,
        verb=found.verb,
        summary=found.summary,
        call=call,
        answers=found.answers,
        success=found.success,
    )


def _operation(route: Route) -> Document:
    body = {}
    if route.model:
        content = {sqs.CONTENT_TYPE: {"schema": _reference(route.model)}}
        body = {"requestBody": {"required": True, "content": content}}
    parameters = {"parameters": [_parameter(each) for each in route.parameters]} if route.parameters else {}
    answers = {status: _response(answer) for status, answer in sorted(route.answers.items())}
    own = Answer(description="Any other error of API Gateway itself.", headers=["Retry-After"])
    return {"summary": route.summary, **parameters, **body, "responses": answers | {"default": _response(own)}}


def _parameter(found: Parameter) -> Document:
    schema = dict(found.schema)
    if found.place == "header" and not found.required:  # a template cannot tell an empty header from none
        schema = {"anyOf": [schema, {"type": "string", "enum": [""]}]}
    return {
        "name": found.name,
        "in": _PLACES[found.place],
        "description": found.description,
        "required": found.required,
        "schema": schema,
    }


def _response(answer: Answer) -> Document:
    media_type = _problems.MEDIA_TYPE if answer.schema == "Problem" else sqs.CONTENT_TYPE
    headers = {name: _HEADERS[name] for name in answer.headers if name in _HEADERS}
    return {
        "description": answer.description,
        **({"headers": headers} if headers else {}),
        "content": {media_type: {"schema": _reference(answer.schema)}},
    }


def _reference(schema: str) -> Document:
    return {"$ref": f"#/components/schemas/{schema}"}


def _used(paths: Document, schemas: Mapping[str, Document]) -> Document:
    """The schemas that the paths refer to, and those that these refer to."""
    used: Document = {}
    text = json.dumps(paths)
    while found := {name: schemas[name] for name in schemas.keys() - used if f'/{name}"' in text}:
        used |= found
        text = json.dumps(used)
    return {name: used[name] for name in schemas if name in used}


def _schemas(job: Mapping[str, Any]) -> dict[str, Document]:
    text = {"type": "string"}
    accepted = {"id": text, "state": {"enum": ["queued", "scheduled"]}, "created": _TIME}
    resource: Document = {
        "id": text,
        "state": {"enum": [*job_table.STATES, job_table.STALLED]},
        "created": _TIME,
        "at": _TIME | {"description": "Unix seconds at which a scheduled job is sent."},
        "started": _TIME | {"description": "Unix seconds at which the latest attempt began."},
        "finished": _TIME,
        "attempt": {"type": "integer", "minimum": 1},
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "note": text,
        "result": {"description": "The JSON value that the job returned."},
        "error": text,
        "reference": text,
        "group": text,
    }
    problem = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text}
    own = {name: value for name, value in job.items() if name != "$schema"}
    return {
        JOB: own,
        JOBS: {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": _reference(JOB)},
        "Sent": _object({"messageId": text}),
        "AcceptedJob": _object(accepted),
        "AcceptedJobs": {
            "type": "array",
            "items": {"anyOf": [_reference("AcceptedJob"), _reference("Problem")]},
        },
        "JobResource": _object(resource, required=["id", "state", "created"]),
        "Page": _object({"jobs": {"type": "array", "items": _reference("JobResource")}, "cursor": text}, ["jobs"]),
        "Problem": _object(problem, required=["type", "title", "detail"]),
        "Description": {"type": "object"},
    }


def _object(properties: Document, required: Sequence[str] | None = None) -> Document:
    return {"type": "object", "required": list(required or properties), "properties": properties}
