"""The calls that the sandbox's provider makes for a stack, as IAM sees them: action, resource, condition keys."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ebb.errors import UserError
from ebb.iam.deployer import deployer
from ebb.iam.place import Place
from ebb.iam.preview import preview
from ebb.iam.stack import Stack, configured
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.shapes import RefusedError
from tests.iam import evaluate

Call = tuple[str, str, dict[str, str]]
#: Services to which the program hands roles.
PASSED_TO = {
    "ecs": "ecs-tasks.amazonaws.com",
    "apigateway": "apigateway.amazonaws.com",
    "scheduler": "scheduler.amazonaws.com",
    "stepfunctions": "states.amazonaws.com",
}
#: Operations without a resource (service authorization reference).
NO_RESOURCE = re.compile(
    r"ec2:Describe(?!InstanceAttribute)\w*|application-autoscaling:Describe\w*|logs:Describe\w*|cloudwatch:Describe\w*"
    r"|ecs:(Deregister|Describe)TaskDefinition|kms:(CreateKey|ListAliases)|ecr:GetAuthorizationToken"
    r"|sns:(GetSubscriptionAttributes|SetSubscriptionAttributes|Unsubscribe)|states:ValidateStateMachineDefinition"
)


Made = tuple[str, str, dict[str, Any]]


class Recorder(Aws):
    """The account, with every call that was made to it, and those of previews."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.made: list[Made] = []
        self.previewed: list[Made] = []
        self._previewing = False

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        made = service, operation, params
        self.made.append(made)
        if self._previewing:
            self.previewed.append(made)
        return super().call(service, operation, **params)

    @contextmanager
    def preview(self) -> Iterator[None]:
        """The calls of this block are those of a preview."""
        self._previewing = True
        yield
        self._previewing = False


def of_deployer(recorder: Recorder, stack: str, configs: Sequence[Mapping[str, Any]]) -> list[Call]:
    """The recorded calls that no deployer of one of these configurations may make."""
    return _refused(recorder, recorder.made, stack, configs, deployer)


def of_preview(recorder: Recorder, stack: str, configs: Sequence[Mapping[str, Any]]) -> list[Call]:
    """The recorded calls of previews that the preview role of none of these configurations may make."""
    return _refused(recorder, recorder.previewed, stack, configs, preview)


def _refused(
    recorder: Recorder, calls: Sequence[Made], stack: str, configs: Sequence[Mapping[str, Any]], role: Any
) -> list[Call]:
    place = Place(account=recorder.account, region=recorder.region)
    stacks = []
    for config in configs:
        with suppress(UserError):  # a test of a configuration that is refused
            stacks.append(configured(stack, config, place))
    policies = [(each, {"Statement": role(each)}) for each in stacks]
    refused = []
    for made in calls:
        if made[0] == "sts":  # GetCallerIdentity needs no permission
            continue
        with suppress(RefusedError):  # a call that was not sent
            possible = [(list(_seen(recorder, *made, each)), policy) for each, policy in policies]
            if not any(all(evaluate.allows(policy, *call) for call in calls) for calls, policy in possible):
                refused.append(possible[0][0][0] if possible else made)
    return refused


def _seen(aws: Recorder, service: str, operation: str, params: dict[str, Any], stack: Stack) -> Iterator[Call]:
    """A call of the provider, and the roles that it hands on."""
    sent = aws.check(service, operation, params)
    prefix = "states" if service == "stepfunctions" else service
    here = {"aws:RequestedRegion": aws.region}
    model = aws.client(service).meta.service_model.operation_model(
        aws.client(service).meta.method_to_api_mapping[operation]
    )
    action = f"{prefix}:{model.http['method'] if service == 'apigateway' else model.name}"
    if NO_RESOURCE.fullmatch(action):
        yield action, "*", here
    else:
        context = here | (_of_role(sent, stack) if service == "iam" else {})
        for resource in _resources(service, model, sent, stack):
            yield action, resource, context
    if service in PASSED_TO:
        for role in re.findall(r"arn:aws:iam::[0-9]{12}:role/[^\"\\]+", json.dumps(sent)):
            yield "iam:PassRole", role, {"iam:PassedToService": PASSED_TO[service]}


def _of_role(sent: dict[str, Any], stack: Stack) -> dict[str, str]:
    """Condition keys of a call to IAM. After its creation, a role has the boundary of the settings."""
    found = {"iam:PolicyARN": sent.get("PolicyArn")}
    found["iam:PermissionsBoundary"] = (
        sent.get("PermissionsBoundary")
        if "AssumeRolePolicyDocument" in sent
        else stack.settings.iam.permissions_boundary
    )
    return {key: value for key, value in found.items() if value}


def _resources(service: str, model: Any, sent: dict[str, Any], stack: Stack) -> Iterator[str]:
    """The ARNs of what a call is about."""
    place = stack.place

    def named(key: str, form: str = "{}") -> Iterator[str]:
        values = sent.get(key) or []
        for value in [values] if isinstance(values, str) else values:
            yield value if value.startswith("arn:") else place.arn(_PREFIX.get(service, service), form.format(value))

    match service:
        case "apigateway":
            fields = {name: shape.serialization.get("name") for name, shape in model.input_shape.members.items()}
            filled = {fields[name]: str(value) for name, value in sent.items() if name in fields}
            found = [place.public("apigateway", model.http["requestUri"].partition("?")[0].format_map(filled))]
        case "ec2":
            image = [place.public("ec2", f"image/{sent['ImageId']}")] if model.name == "RunInstances" else []
            found = [place.arn("ec2", "thing/new"), *image]
        case "ssm":
            found = [place.public("ssm", f"parameter{sent['Name']}")]
        case "sqs" if "QueueUrl" in sent:
            found = [place.arn("sqs", _last(sent["QueueUrl"]))]
        case "scheduler" if "ResourceArn" in sent:
            found = [sent["ResourceArn"]]
        case "scheduler" if model.name.endswith("ScheduleGroup"):
            found = [place.arn("scheduler", f"schedule-group/{sent['Name']}")]
        case "cloudwatch" if "Dashboard" in model.name:
            dashboards = sent.get("DashboardNames") or [sent["DashboardName"]]
            found = [place.everywhere("cloudwatch", f"dashboard/{name}") for name in dashboards]
        case "route53":
            kind, key = ("change", "Id") if model.name == "GetChange" else ("hostedzone", "HostedZoneId")
            zone = sent.get(key) or sent["Id"]
            found = [f"arn:{place.partition}:route53:::{kind}/{_last(zone)}"]
        case "iam":
            found = [place.everywhere("iam", f"role{stack.settings.iam.path}{sent['RoleName']}")]
        case "application-autoscaling":
            found = [place.arn(service, "scalable-target/1")]
        case "ecs" if model.name.endswith(("Service", "Services")):
            services = sent.get("services") or [sent.get("service") or sent["serviceName"]]
            found = [place.arn("ecs", f"service/{_last(sent['cluster'])}/{_last(name)}") for name in services]
        case _:
            found = [arn for key, form in _FORMS[service].items() for arn in named(key, form)]
    assert found, f"{service} {model.name} {sent}"
    yield from found


def _last(name: str) -> str:
    return name.rpartition("/")[2]


_PREFIX = {"stepfunctions": "states"}
#: Service -> parameter that names a resource -> the resource in its ARN.
_FORMS: dict[str, dict[str, str]] = {
    "sqs": {"QueueName": "{}"},
    "dynamodb": {"TableName": "table/{}", "ResourceArn": "{}"},
    "ecr": {"repositoryName": "repository/{}", "repositoryNames": "repository/{}", "resourceArn": "{}"},
    "ecs": {
        "clusterName": "cluster/{}",
        "cluster": "cluster/{}",
        "clusters": "cluster/{}",
        "family": "task-definition/{}:1",
        "resourceArn": "{}",
    },
    "cloudwatch": {"AlarmName": "alarm:{}", "AlarmNames": "alarm:{}", "ResourceARN": "{}"},
    "logs": {"logGroupName": "log-group:{}:*", "resourceArn": "{}"},
    "kms": {"KeyId": "key/{}", "TargetKeyId": "key/{}", "AliasName": "{}"},
    "scheduler": {"Name": "schedule/default/{}"},
    "wafv2": {"Name": "regional/webacl/{}/1", "ResourceARN": "{}", "ResourceArn": "{}", "WebACLArn": "{}"},
    "sns": {"TopicArn": "{}", "Name": "{}", "ResourceArn": "{}"},
    "stepfunctions": {"name": "stateMachine:{}", "stateMachineArn": "{}", "resourceArn": "{}"},
}
