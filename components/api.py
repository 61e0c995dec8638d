"""The queue's HTTP API. API Gateway sends each request directly to SQS or to a workflow; there is no Lambda."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components import _iam
from components._account import account
from components._job_refs import JobRefs
from components._queue_refs import QueueRefs
from components.rest_api import access, cors, domain, openapi, own_answers, stage, waf
from components.rest_api.definition import Definition
from components.rest_api.job_routes import job_routes
from components.rest_api.routes import JOB, JOBS, MAX_BATCH, Places, Route, Text, routes
from components.rest_api.templates import sqs
from settings import Api as ApiSettings
from settings import Iam as IamSettings
from settings import job_schema

AUTHORIZATION = {"iam": "AWS_IAM", "api_key": "NONE", "none": "NONE"}


@dataclass(frozen=True, kw_only=True)
class JobApiArgs:
    """The settings' section `api`, and the job queue.

    `submit_arn`: the workflow that sends the jobs instead. With a job table, `jobs` has what the API calls.
    """

    settings: ApiSettings
    queue: QueueRefs
    submit_arn: pulumi.Input[str] | None = None
    jobs: JobRefs | None = None
    #: A key that CloudWatch Logs may use, for the log groups.
    logs_key_arn: pulumi.Input[str] | None = None
    iam: IamSettings = field(default_factory=IamSettings)


class JobApi(pulumi.ComponentResource):
    """A regional REST API. It answers 202 with the message's id when SQS has the job; with a job table, with the job's.

    What the sender did wrong is answered with 4xx, what AWS or this stack did wrong with 5xx. Each error is a problem
    of RFC 9457, API Gateway's own errors too.

    Creates:
    - the API with `POST /jobs` and, with `get_endpoint`, `GET /queue?message=…`
    - with a job table, `POST /jobs/batch`, `GET /jobs`, `GET` and `DELETE /jobs/{id}`, and `GET /openapi.json`
    - its resource policy: TLS only, and from `allow` only
    - gateway responses, and methods that answer 404 and 405
    - its deployment and its stage with an access log, tracing and throttling
    - the role with which API Gateway calls SQS, the table or the workflows
    - with `domain`, the domain name and its record; with `waf`, a web application firewall
    - with `auth: api_key`, an API key and its usage plan
    - with `account_log_role: create`, the role that API Gateway logs with in this region
    """

    #: Id of the REST API.
    api_id: pulumi.Output[str]
    #: Address of the stage; the path of a job is `/jobs`.
    url: pulumi.Output[str]
    api_key_id: pulumi.Output[str] | None
    #: What CloudWatch's metrics of the stage are by.
    api_name: pulumi.Output[str]
    stage_name: pulumi.Output[str]

    def __init__(self, name: str, args: JobApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:JobApi", name, None, opts)
        self._args, self._account, settings = args, account(self), args.settings
        api = aws.apigateway.RestApi(
            name,
            description="Takes jobs for the queue",
            endpoint_configuration=access.endpoint(settings.allow),
            disable_execute_api_endpoint=True if settings.domain else None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        policy = access.policy(api.execution_arn, settings.allow, signed=settings.auth == "iam")
        definition = Definition(self, api, cors.before_answers(settings.cors))
        definition.part(aws.apigateway.RestApiPolicy, "access", rest_api_id=api.id, policy=policy)
        self._define_routes(api, definition)
        deployment = definition.deployment()
        creates = settings.account_log_role == "create"
        log_role = stage.log_role(self, self._account.partition, args.iam) if creates else None
        made = stage.stage(self, deployment, settings, log_role, self._args.logs_key_arn)
        self.api_name, self.stage_name = api.name, made.stage_name
        self.api_id = api.id
        self.url = domain.domain(self, made, settings.domain) if settings.domain else made.invoke_url
        if settings.waf:
            waf.firewall(self, made, settings.rate_limit)
        self.api_key_id = stage.key(self, made, settings) if settings.auth == "api_key" else None
        self.register_outputs({"api_id": self.api_id, "url": self.url, "api_key_id": self.api_key_id})

    def _define_routes(self, api: aws.apigateway.RestApi, definition: Definition) -> None:
        settings, found = self._args.settings, self._routes()
        role = self._sender_role(self._statements())
        validator = definition.part(
            aws.apigateway.RequestValidator,
            "request",
            rest_api=api.id,
            validate_request_body=True,
            validate_request_parameters=True,
        )
        models = {name: self._model(definition, api, name) for name in (JOB, JOBS) if _takes(found, name)}
        authorization = {
            "authorization": AUTHORIZATION[settings.auth],
            "api_key_required": settings.auth == "api_key",
        }
        for route in found:
            method = definition.method(
                route,
                resource_id=definition.path(route.path),
                **authorization,
                request_validator_id=validator.id,
                request_models={sqs.CONTENT_TYPE: models[route.model]} if route.model else None,
                request_parameters=dict.fromkeys(route.required, True),
            )
            self._integrate(definition, route, method, role)
        own_answers.define(definition, found, settings.cors, **authorization)

    def _integrate(
        self, definition: Definition, route: Route, method: aws.apigateway.Method, role: aws.iam.Role
    ) -> None:
        call = route.call
        called: dict[str, Any] = {"type": "MOCK"}
        if call.action is not None:
            place = (self._account.partition, self._account.region, self._text(call.action))
            called = {
                "type": "AWS",
                "integration_http_method": "POST",
                "uri": pulumi.Output.format("arn:{0}:apigateway:{1}:{2}", *place),
                "credentials": role.arn,
                "request_parameters": call.headers,
            }
        templates = {sqs.CONTENT_TYPE: self._text(call.request)}
        definition.integration(route, method, request_templates=templates, **called)

    def _routes(self) -> list[Route]:
        args, settings = self._args, self._args.settings
        fifo, get_endpoint = args.queue.fifo, settings.get_endpoint
        if args.jobs is None:
            return routes(fifo=fifo, direct=args.submit_arn is not None, get_endpoint=get_endpoint)
        found = job_routes(fifo=fifo, get_endpoint=get_endpoint)
        return [*found, openapi.route(found, auth=settings.auth, job=json.loads(self._job_schema()))]

    def _job_schema(self) -> str:
        path = self._args.settings.job_schema
        return job_schema.read(path) if path else sqs.JOB_SCHEMA

    def _model(self, definition: Definition, api: aws.apigateway.RestApi, name: str) -> pulumi.Output[str]:
        """The name of a new model of request bodies."""
        job = self._job_schema()
        model = definition.part(
            aws.apigateway.Model,
            name.lower(),
            rest_api=api.id,
            # Pulumi's names have characters that a model's name must not have; this one is unique within the API
            name=name,
            content_type=sqs.CONTENT_TYPE,
            schema=job if name == JOB else sqs.several(job, MAX_BATCH),
        )
        return model.name

    def _text(self, text: Text) -> pulumi.Output[str]:
        args, jobs = self._args, self._args.jobs
        of_table: dict[str, pulumi.Input[str]] = {"submit_arn": args.submit_arn or ""}
        if jobs is not None:
            of_table = {
                "table_name": jobs.table_name,
                "submit_arn": jobs.submit_arn,
                "batch_arn": jobs.batch_arn,
                "cancel_arn": jobs.cancel_arn,
            }
        places = pulumi.Output.all(account_id=self._account.id, queue_name=args.queue.name, **of_table)
        return places.apply(lambda known: text(Places(**known)))

    def _statements(self) -> Sequence[_iam.Statement]:
        """What the API's role may do."""
        args, queue, jobs = self._args, self._args.queue, self._args.jobs
        if jobs is not None:
            indexes = pulumi.Output.format("{0}/index/*", jobs.table_arn)
            return [
                _iam.allow(["states:StartSyncExecution"], jobs.submit_arn, jobs.batch_arn, jobs.cancel_arn),
                *_iam.use_table(["GetItem"], jobs.table_arn, queue.kms_key_arn),
                _iam.allow(["dynamodb:Query"], indexes),
            ]
        if args.submit_arn is not None:
            return [_iam.allow(["states:StartSyncExecution"], args.submit_arn)]
        return [_iam.allow(["sqs:SendMessage"], queue.arn), *_iam.encrypt_messages(queue.kms_key_arn)]

    def _sender_role(self, statements: Sequence[_iam.Statement]) -> aws.iam.Role:
        child = pulumi.ResourceOptions(parent=self)
        # No aws:SourceAccount: API Gateway does not document that it sends this key. Nor is it needed: no one can pass
        # a role to a service in another account (IAM user guide, "Grant a user permissions to pass a role").
        name = f"{self.pulumi_resource_name}-sender"
        role = _iam.role(name, _iam.trust("apigateway.amazonaws.com"), self._args.iam, child)
        aws.iam.RolePolicy(name, role=role.name, policy=_iam.document(statements), opts=child)
        return role


def _takes(routes: Sequence[Route], model: str) -> bool:
    return any(route.model == model for route in routes)
