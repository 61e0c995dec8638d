"""The queue's HTTP API. API Gateway sends each request directly to SQS or to a workflow; there is no Lambda."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pulumi
import pulumi_aws as aws

from components import _backend, _iam, _templates
from components._account import account
from components._queue_refs import QueueRefs
from settings import Api as ApiSettings
from settings import Iam as IamSettings

AUTHORIZATION = {"iam": "AWS_IAM", "api_key": "NONE", "none": "NONE"}
#: The policy of API Gateway's log role (API Gateway developer guide, "Permissions for CloudWatch logging").
LOG_POLICY = "arn:{0}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

R = TypeVar("R", bound=pulumi.CustomResource)


@dataclass(frozen=True, kw_only=True)
class JobApiArgs:
    """The settings' section `api`, and the job queue. `submit_arn`: the workflow that sends the jobs instead."""

    settings: ApiSettings
    queue: QueueRefs
    submit_arn: pulumi.Input[str] | None = None
    iam: IamSettings = field(default_factory=IamSettings)


@dataclass(frozen=True, kw_only=True)
class _Route:
    path: str
    verb: str
    #: Request template.
    template: pulumi.Input[str]
    #: Required parameters, with API Gateway's names.
    parameters: Mapping[str, bool]


class JobApi(pulumi.ComponentResource):
    """A regional REST API. It answers 202 with the message's id when SQS has the job.

    What the sender did wrong is answered with 4xx, what AWS or this stack did wrong with 5xx.

    Creates:
    - the API with `POST /jobs` and, with `get_endpoint`, `GET /queue?message=…`
    - its deployment and its stage with an access log, tracing and throttling
    - the role with which API Gateway calls SQS or the workflow
    - with `auth: api_key`, an API key and its usage plan
    - with `account_log_role: create`, the role that API Gateway logs with in this region
    """

    #: Address of the stage; the path of a job is `/jobs`.
    url: pulumi.Output[str]
    api_key_id: pulumi.Output[str] | None

    def __init__(self, name: str, args: JobApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:JobApi", name, None, opts)
        self._account = account(self)
        self._iam_settings = args.iam
        #: What an API deployment snapshots: (kind, name, inputs) of each resource, and the resources themselves.
        self._definition: list[tuple[str, str, Mapping[str, Any]]] = []
        self._parts: list[pulumi.Resource] = []
        child = pulumi.ResourceOptions(parent=self)
        api = aws.apigateway.RestApi(
            name,
            description="Takes jobs for the queue",
            endpoint_configuration={"types": "REGIONAL"},
            opts=child,
        )
        self._define_routes(api, args)
        deployment = aws.apigateway.Deployment(
            name,
            rest_api=api.id,
            triggers={"definition": pulumi.Output.json_dumps(self._definition).apply(_digest)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._parts),
        )
        stage = self._stage(api, deployment, args.settings)
        self.url = stage.invoke_url
        self.api_key_id = self._key(api, stage, args.settings) if args.settings.auth == "api_key" else None
        self.register_outputs({"url": self.url, "api_key_id": self.api_key_id})

    def _define_routes(self, api: aws.apigateway.RestApi, args: JobApiArgs) -> None:
        if args.submit_arn is None:
            backend = _backend.sqs(self._account.id, args.queue)
        else:
            backend = _backend.workflow(args.submit_arn, args.queue)
        uri = pulumi.Output.format(
            "arn:{0}:apigateway:{1}:{2}", self._account.partition, self._account.region, backend.action
        )
        role = self._sender_role(backend.statements)
        validator = self._part(
            aws.apigateway.RequestValidator,
            "request",
            rest_api=api.id,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        # Pulumi's names have characters that a model's name must not have; a fixed name is unique within the API
        model = self._part(
            aws.apigateway.Model,
            "job",
            rest_api=api.id,
            name="Job",
            content_type=_templates.CONTENT_TYPE,
            schema=_templates.JOB_SCHEMA,
        )
        headers = _templates.required_headers(fifo=args.queue.fifo)
        routes = [_Route(path="jobs", verb="POST", template=backend.post, parameters=headers)]
        if args.settings.get_endpoint:
            parameters = {"method.request.querystring.message": True, **headers}
            routes.append(_Route(path="queue", verb="GET", template=backend.get, parameters=parameters))
        for route in routes:
            resource = self._part(
                aws.apigateway.Resource,
                route.path,
                rest_api=api.id,
                parent_id=api.root_resource_id,
                path_part=route.path,
            )
            method = self._part(
                aws.apigateway.Method,
                f"{route.path}-{route.verb.lower()}",
                rest_api=api.id,
                resource_id=resource.id,
                http_method=route.verb,
                authorization=AUTHORIZATION[args.settings.auth],
                api_key_required=args.settings.auth == "api_key",
                request_validator_id=validator.id,
                request_models={_templates.CONTENT_TYPE: model.name} if route.verb == "POST" else None,
                request_parameters=route.parameters,
            )
            self._integrate(route, method, backend, uri, role.arn)

    def _integrate(
        self,
        route: _Route,
        method: aws.apigateway.Method,
        backend: _backend.Backend,
        uri: pulumi.Output[str],
        role_arn: pulumi.Output[str],
    ) -> None:
        role = f"{route.path}-{route.verb.lower()}"
        # a method has one integration, so creating the new one before deleting the old one would delete both
        integration = self._part(
            aws.apigateway.Integration,
            role,
            delete_before_replace=True,
            rest_api=method.rest_api,
            resource_id=method.resource_id,
            http_method=method.http_method,
            type="AWS",
            integration_http_method="POST",
            uri=uri,
            credentials=role_arn,
            passthrough_behavior="NEVER",
            request_parameters=backend.headers,
            request_templates={_templates.CONTENT_TYPE: route.template},
        )
        answers = {
            _templates.ACCEPTED: (_templates.SUCCESS_PATTERN, backend.answer),
            _templates.BAD_GATEWAY: (None, backend.error),
        }
        # a response template sets the last two itself
        for status in (*answers, _templates.BAD_REQUEST, _templates.TOO_LARGE):
            response = self._part(
                aws.apigateway.MethodResponse,
                f"{role}-{status}",
                rest_api=method.rest_api,
                resource_id=method.resource_id,
                http_method=method.http_method,
                status_code=status,
            )
            if status not in answers:
                continue
            pattern, template = answers[status]
            self._part(
                aws.apigateway.IntegrationResponse,
                f"{role}-{status}",
                rest_api=integration.rest_api,
                resource_id=integration.resource_id,
                http_method=integration.http_method,
                status_code=response.status_code,
                selection_pattern=pattern,
                response_templates={_templates.CONTENT_TYPE: template},
            )

    def _part(
        self, kind: Callable[..., R], role: str, *, delete_before_replace: bool | None = None, **inputs: Any
    ) -> R:
        """Creates a resource of the API's definition. A change of its inputs creates a new deployment."""
        name = f"{self.pulumi_resource_name}-{role}"
        options = pulumi.ResourceOptions(parent=self, delete_before_replace=delete_before_replace)
        part = kind(name, **inputs, opts=options)
        self._definition.append((kind.__name__, name, inputs))
        self._parts.append(part)
        return part

    def _sender_role(self, statements: Sequence[_iam.Statement]) -> aws.iam.Role:
        child = pulumi.ResourceOptions(parent=self)
        # No aws:SourceAccount: API Gateway does not document that it sends this key. Nor is it needed: no one can pass
        # a role to a service in another account (IAM user guide, "Grant a user permissions to pass a role").
        role = _iam.role(
            f"{self.pulumi_resource_name}-sender", _iam.trust("apigateway.amazonaws.com"), self._iam_settings, child
        )
        aws.iam.RolePolicy(
            f"{self.pulumi_resource_name}-sender", role=role.name, policy=_iam.document(statements), opts=child
        )
        return role

    def _stage(
        self, api: aws.apigateway.RestApi, deployment: aws.apigateway.Deployment, settings: ApiSettings
    ) -> aws.apigateway.Stage:
        child = pulumi.ResourceOptions(parent=self)
        logs = aws.cloudwatch.LogGroup(
            f"{self.pulumi_resource_name}-access", retention_in_days=settings.log_retention_days, opts=child
        )
        log_role = [self._log_role()] if settings.account_log_role == "create" else []
        stage = aws.apigateway.Stage(
            self.pulumi_resource_name,
            rest_api=api.id,
            deployment=deployment.id,
            stage_name=settings.stage,
            xray_tracing_enabled=settings.tracing,
            access_log_settings={"destination_arn": logs.arn, "format": _templates.ACCESS_LOG_FORMAT},
            opts=pulumi.ResourceOptions(parent=self, depends_on=log_role),
        )
        aws.apigateway.MethodSettings(
            self.pulumi_resource_name,
            rest_api=api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={
                "throttling_rate_limit": settings.rate_limit,
                "throttling_burst_limit": settings.burst_limit,
            },
            opts=child,
        )
        return stage

    def _log_role(self) -> aws.apigateway.Account:
        """The role that API Gateway logs with: one per account and region, shared by all APIs."""
        child = pulumi.ResourceOptions(parent=self)
        role = _iam.role(
            f"{self.pulumi_resource_name}-logs", _iam.trust("apigateway.amazonaws.com"), self._iam_settings, child
        )
        policy = aws.iam.RolePolicyAttachment(
            f"{self.pulumi_resource_name}-logs",
            role=role.name,
            policy_arn=pulumi.Output.format(LOG_POLICY, self._account.partition),
            opts=child,
        )
        return aws.apigateway.Account(
            self.pulumi_resource_name,
            cloudwatch_role_arn=role.arn,
            # API Gateway tests the role when it is set, so the policy must exist before
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _key(
        self, api: aws.apigateway.RestApi, stage: aws.apigateway.Stage, settings: ApiSettings
    ) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        key = aws.apigateway.ApiKey(self.pulumi_resource_name, description="Sends jobs", opts=child)
        plan = aws.apigateway.UsagePlan(
            self.pulumi_resource_name,
            api_stages=[{"api_id": api.id, "stage": stage.stage_name}],
            throttle_settings={"rate_limit": settings.rate_limit, "burst_limit": settings.burst_limit},
            quota_settings={"limit": settings.daily_quota, "period": "DAY"} if settings.daily_quota else None,
            opts=child,
        )
        aws.apigateway.UsagePlanKey(
            self.pulumi_resource_name, key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id, opts=child
        )
        return key.id


def _digest(definition: str) -> str:
    return hashlib.sha256(definition.encode()).hexdigest()
