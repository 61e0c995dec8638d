"""The engine's steps for the parts of the API's definition."""

Step = tuple[str, str, str]

#: Statuses of problems that each method with a backend has.
BROKEN = (502, 503, 504)
#: Routes that a job table adds: statuses of the method's responses, and of the integration's.
JOB_ROUTES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "jobs-batch-post": ((200, 400, 413, *BROKEN), (200, 502)),
    "jobs-get": ((200, 400, *BROKEN), (200, 502)),
    "jobs-id-get": ((200, 404, *BROKEN), (200, 502)),
    "jobs-id-delete": ((200, 202, 404, *BROKEN), (202, 502)),
    "openapi.json-get": ((200,), (200,)),
}


def step(operation: str, kind: str, name: str) -> Step:
    """A step of one part; `kind` is the class in pulumi-aws."""
    return operation, f"aws:apigateway/{kind[0].lower()}{kind[1:]}:{kind}", f"api-{name}"


def responses(operation: str, route: str, statuses: tuple[int, ...]) -> set[Step]:
    """The responses of a method."""
    return {step(operation, "MethodResponse", f"{route}-{status}") for status in statuses}


def method(operation: str, route: str, statuses: tuple[int, ...], integration: tuple[int, ...]) -> set[Step]:
    """A method with its integration and the responses of both."""
    return {
        step(operation, "Method", route),
        step(operation, "Integration", route),
        *responses(operation, route, statuses),
        *{step(operation, "IntegrationResponse", f"{route}-{status}") for status in integration},
    }


def others(operation: str, path: str) -> set[Step]:
    """The answer of a path to methods that it does not have."""
    return {
        step(operation, kind, f"{path}-any")
        for kind in ("Method", "Integration", "MethodResponse", "IntegrationResponse")
    }


def job_resource() -> set[Step]:
    """What a job table adds to the API, and what it changes there."""
    added = (method("create", route, *statuses) for route, statuses in JOB_ROUTES.items())
    paths = ("jobs-batch", "jobs-id", "openapi.json")
    senders = ("jobs-post", "queue-get")
    return set().union(*added, *(others("create", path) for path in paths)) | {
        *{step("create", "Resource", path) for path in paths},
        step("create", "Model", "jobs"),
        *{part for route in senders for part in responses("create", route, (409, 422))},
        *{part for route in senders for part in responses("update", route, (202,))},
        *{step("update", "Integration", route) for route in senders},
        *{step("update", "IntegrationResponse", f"{route}-{status}") for route in senders for status in (202, 502)},
        step("update", "IntegrationResponse", "jobs-any"),  # it names the methods that there are
    }
