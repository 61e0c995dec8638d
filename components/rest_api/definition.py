"""The resources of a REST API's definition: what an API deployment takes a snapshot of."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pulumi
import pulumi_aws as aws

from components.rest_api.routes import Route, slug
from components.rest_api.templates import sqs

R = TypeVar("R", bound=pulumi.CustomResource)


class Definition:
    """The resources of an API's paths and methods, children of the component that owns the API."""

    def __init__(self, owner: pulumi.Resource, api: aws.apigateway.RestApi, before_answers: str = "") -> None:
        self._owner, self.api_id, self.root_id = owner, api.id, api.root_resource_id
        #: The start of each response template.
        self.before_answers = before_answers
        self._paths: dict[str, pulumi.Output[str]] = {}
        #: Kind, name and inputs of each resource, and the resources themselves.
        self._snapshot: list[tuple[str, str, Mapping[str, Any]]] = []
        self._parts: list[pulumi.Resource] = []

    def part(self, kind: Callable[..., R], role: str, *, delete_before_replace: bool | None = None, **inputs: Any) -> R:
        """Creates a resource of the definition. A change of its inputs creates a new deployment."""
        name = f"{self._owner.pulumi_resource_name}-{role}"
        options = pulumi.ResourceOptions(parent=self._owner, delete_before_replace=delete_before_replace)
        part = kind(name, **inputs, opts=options)
        self._snapshot.append((kind.__name__, name, inputs))
        self._parts.append(part)
        return part

    def path(self, path: str, role: str | None = None) -> pulumi.Output[str]:
        """The id of a path, which is created when it is named first."""
        if path not in self._paths:
            parent, _, part = path.rpartition("/")
            place: dict[str, Any] = {
                "rest_api": self.api_id,
                "parent_id": self.path(parent) if parent else self.root_id,
                "path_part": part,
            }
            self._paths[path] = self.part(aws.apigateway.Resource, role or slug(path), **place).id
        return self._paths[path]

    def method(self, route: Route, **inputs: Any) -> aws.apigateway.Method:
        """A route's method."""
        return self.part(aws.apigateway.Method, route.name, rest_api=self.api_id, http_method=route.verb, **inputs)

    def integration(self, route: Route, method: aws.apigateway.Method, **inputs: Any) -> None:
        """What a route's method calls, and its responses."""
        place: dict[str, Any] = {
            "rest_api": method.rest_api,
            "resource_id": method.resource_id,
            "http_method": method.http_method,
        }
        # a method has one integration, so creating the new one before deleting the old one would delete both
        integration = self.part(
            aws.apigateway.Integration,
            route.name,
            delete_before_replace=True,
            **place,
            passthrough_behavior="NEVER",
            **inputs,
        )
        pattern = None if route.call.action is None else sqs.SUCCESS_PATTERN
        templates = {route.success: (pattern, route.call.answer), route.failure: (None, route.call.error)}
        for status, answer in route.answers.items():
            headers = {f"method.response.header.{name}": False for name in answer.headers}
            response = self.part(
                aws.apigateway.MethodResponse,
                f"{route.name}-{status}",
                **place,
                status_code=status,
                response_parameters=headers or None,
            )
            if status not in templates:  # a response template sets it
                continue
            pattern, template = templates[status]
            self.part(
                aws.apigateway.IntegrationResponse,
                f"{route.name}-{status}",
                rest_api=integration.rest_api,
                resource_id=integration.resource_id,
                http_method=integration.http_method,
                status_code=response.status_code,
                selection_pattern=pattern,
                response_templates={sqs.CONTENT_TYPE: self.before_answers + template},
            )

    def deployment(self) -> aws.apigateway.Deployment:
        """The snapshot."""
        return aws.apigateway.Deployment(
            self._owner.pulumi_resource_name,
            rest_api=self.api_id,
            triggers={"definition": pulumi.Output.json_dumps(self._snapshot).apply(_digest)},
            opts=pulumi.ResourceOptions(parent=self._owner, depends_on=self._parts),
        )


def _digest(definition: str) -> str:
    return hashlib.sha256(definition.encode()).hexdigest()
