"""Runs a program with mocks and returns what it registered."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components._queue_refs import QueueRefs
from ebb.sandbox.deploy.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, evaluate

# an output in an f-string is a defect: an error instead of the default warning
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "true"

ACCOUNT = "123456789012"
REGION = "us-east-1"
#: These mark a resource reference in Pulumi's wire format (sdk/python/lib/pulumi/runtime/rpc.py).
_SIGNATURE, _RESOURCE = "4dabf18193072939515e22adb298388d", "5cf8f73096256a8f31e491e813e4eb8e"
#: Computed properties by type, in addition to id, arn, url and name, which every mocked resource has.
_COMPUTED: dict[str, dict[str, Any]] = {
    "aws:ec2/instance:Instance": {"primaryNetworkInterfaceId": "eni-0123456789abcdef0"},
    "aws:ec2/vpc:Vpc": {"defaultNetworkAclId": "acl-0123456789abcdef0"},
    "aws:apigateway/restApi:RestApi": {"rootResourceId": "root"},
    "aws:apigateway/stage:Stage": {"invokeUrl": "https://api.example.com/run"},
    "aws:kms/key:Key": {"keyId": "01234567-89ab-cdef-0123-456789abcdef"},
}
#: Default answers of data sources, by token.
ANSWERS: dict[str, dict[str, Any]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": {
        "names": [f"{REGION}a", f"{REGION}b", f"{REGION}c"],
        "zoneIds": ["use1-az1", "use1-az2", "use1-az3"],
    },
    "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com"},
    "aws:index/getRegion:getRegion": {"region": REGION, "name": REGION, "id": REGION},
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
    "aws:ssm/getParameter:getParameter": {"value": "ami-0123456789abcdef0"},
    "aws:ecr/getRepository:getRepository": {
        "arn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/existing",
        "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/existing",
    },
    "aws:ecr/getImage:getImage": {"imageDigest": "sha256:" + "5" * 64},
}


def queue_refs(**changes: Any) -> QueueRefs:
    """References to the queue `jobs`, which no test creates."""
    refs = {
        "fifo": False,
        "visibility_timeout": 300,
        "retention_days": 4,
        "max_receive_count": 5,
        "name": "jobs",
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs",
        "arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs",
        "dead_letter_name": "jobs-dead",
        "dead_letter_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs-dead",
        "dead_letter_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs-dead",
    }
    return QueueRefs(**{**refs, **changes})


@dataclass(frozen=True)
class Resource:
    """A registered resource. Inputs have Pulumi's camelCase names."""

    urn: str
    type: str
    name: str
    #: The parent's URN.
    parent: str
    inputs: dict[str, Any]
    #: URNs of dependencies, by data or by `depends_on`.
    dependencies: tuple[str, ...]
    ignore_changes: tuple[str, ...]
    #: Timeouts by "create", "update", "delete".
    timeouts: dict[str, str]
    #: The RegisterResourceRequest, for rarer options.
    request: Any

    @property
    def parent_type(self) -> str:
        """The parent's type."""
        return self.parent.split("::")[2].split("$")[-1]

    @property
    def parent_name(self) -> str:
        """The parent's logical name."""
        return self.parent.split("::")[3]

    def json(self, name: str) -> Any:
        """An input that is a JSON document, decoded."""
        return json.loads(self.inputs[name])

    @property
    def statements(self) -> list[dict[str, Any]]:
        """The statements of this resource's policy or trust policy."""
        document = self.json("policy" if "policy" in self.inputs else "assumeRolePolicy")
        return list(document["Statement"])


@dataclass(frozen=True)
class Deployed:
    """The results of one run."""

    resources: dict[str, Resource]
    #: What the program returned, with its outputs resolved.
    result: Any
    #: The stack's outputs.
    exports: dict[str, Any]
    #: Calls of data sources: token and arguments.
    calls: list[tuple[str, dict[str, Any]]]
    #: Outputs that components registered, by component URN.
    component_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, type_: str) -> list[Resource]:
        """The resources of this type."""
        return [found for found in self.resources.values() if found.type == type_]

    def one(self, type_: str, name: str | None = None) -> Resource:
        """The only resource of this type (and logical name)."""
        found = [r for r in self.of(type_) if name in (None, r.name)]
        assert len(found) == 1, f"{len(found)} of {type_} {name or ''}; there are {sorted(self.names)}"
        return found[0]

    @property
    def names(self) -> set[tuple[str, str]]:
        """Type and logical name of each resource except components."""
        return {(r.type, r.name) for r in self.resources.values() if not r.type.startswith("ebb:")}


class _Cloud(Mocks):
    def __init__(self, answers: Mapping[str, dict[str, Any]]) -> None:
        self.answers = {**ANSWERS, **answers}
        names = self.answers["aws:index/getAvailabilityZones:getAvailabilityZones"]["names"]
        self.answers.setdefault("aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings", {"locations": names})
        self.answers.setdefault("aws:ec2/getVpcEndpointService:getVpcEndpointService", {"availabilityZones": names})
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.partition = self.answers["aws:index/getPartition:getPartition"]["partition"]
        self.region = self.answers["aws:index/getRegion:getRegion"]["region"]

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{ACCOUNT}:{resource}"

    def call(self, args: MockCallArgs) -> Any:
        self.calls.append((args.token, dict(args.args)))
        return {"id": "data", **args.args, **self.answers[args.token]}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.custom is False:
            return "", dict(args.inputs)
        service = args.typ.split(":")[1].split("/")[0]
        state = {
            "arn": self.arn(service, args.name),
            "url": f"https://{service}.{self.region}.amazonaws.com/{ACCOUNT}/{args.name}",
            "name": args.name,
            **_COMPUTED.get(args.typ, {}),
            **args.inputs,
        }
        return f"{args.name}-id", state


class _Monitor(MockMonitor):
    def __init__(self, cloud: _Cloud) -> None:
        super().__init__(cloud)
        self.cloud = cloud
        self.found: dict[str, Resource] = {}
        self.outputs: dict[str, dict[str, Any]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        assert urn not in self.found, f"two resources have the URN {urn}"
        if request.type == "awsx:ecr:Repository":
            self._add_repository(urn, request.name)
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            timeouts = request.customTimeouts
            self.found[urn] = Resource(
                urn=urn,
                type=request.type,
                name=request.name,
                inputs=pulumi.runtime.rpc.deserialize_properties(request.object),
                parent=request.parent,
                dependencies=tuple(request.dependencies),
                ignore_changes=tuple(request.ignoreChanges),
                timeouts={n: getattr(timeouts, n) for n in ("create", "update", "delete") if getattr(timeouts, n)},
                request=request,
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.outputs[request.urn] = pulumi.runtime.rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def _add_repository(self, component: str, name: str) -> None:
        """Registers the repository that the awsx component creates, so that references to it resolve."""
        urn = self.make_urn(component, "aws:ecr/repository:Repository", name)
        arn = self.cloud.arn("ecr", f"repository/{name}")
        url = f"{ACCOUNT}.dkr.ecr.{self.cloud.region}.amazonaws.com/{name}"
        self.resources[urn] = MockMonitor.ResourceRegistration(
            urn, name, {"arn": arn, "name": name, "repositoryUrl": url}
        )
        self.awsx = {"url": url, "repository": {_SIGNATURE: _RESOURCE, "urn": urn, "id": name}}


class _AwsxCloud(_Cloud):
    monitor: _Monitor

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == "awsx:ecr:Repository":
            return "", self.monitor.awsx
        if args.typ == "awsx:ecr:Image":
            return "", {"imageUri": f"{args.inputs['repositoryUrl']}@sha256:" + "a" * 64}
        return super().new_resource(args)


def deploy(
    program: Callable[[], Any],
    *,
    answers: Mapping[str, dict[str, Any]] | None = None,
    config: Mapping[str, str] | None = None,
    stack: str = "test",
) -> Deployed:
    """Runs the program and all its applies, and returns what it registered.

    `answers` replaces data sources' answers by token. `config` is Pulumi's configuration ("ebb:queue" -> JSON text).
    Raises any exception of the program or of an apply.
    """
    cloud = _AwsxCloud(answers or {})
    cloud.monitor = monitor = _Monitor(cloud)
    evaluated = evaluate(program, monitor, stack, config or {})
    return Deployed(monitor.found, evaluated.result, evaluated.exports, cloud.calls, monitor.outputs)
