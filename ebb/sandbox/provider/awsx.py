"""The two awsx components that the program uses: an ECR repository with its lifecycle policy, and an image."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import grpc
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from ebb.sandbox.emulators.stages import content_hash
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Props, Row
from ebb.sandbox.provider.serialization import decode, encode, reference
from ebb.sandbox.provider.shapes import UNKNOWN, RefusedError

#: The image's child. The real one is a docker-build image, this one a snapshot of the folder.
BUILD = "awsx:ecr:ImageBuild"
#: The tag that awsx pushes by default.
_LATEST = "latest"

_REPOSITORY_INPUTS = frozenset(
    {"name", "encryptionConfigurations", "forceDelete", "imageScanningConfiguration", "imageTagMutability", "tags"}
)


class Images(Protocol):
    """Builds images."""

    def build(self, context: Path, repository: str, tag: str) -> str:
        """Build the folder's image and push it to the repository. Returns its digest, "sha256:…"."""
        ...


def construct(request: Any) -> provider_pb2.ConstructResponse:
    """Register the component and its children with the engine, as the real awsx does. Raises RefusedError."""
    inputs, secrets = decode(request.inputs)
    if request.type not in COMPONENTS:
        raise RefusedError(f"{request.type} is not in the sandbox, which has {' and '.join(COMPONENTS)} of awsx")
    with grpc.insecure_channel(request.monitorEndpoint) as channel:
        engine = _Engine(resource_pb2_grpc.ResourceMonitorStub(channel), request, secrets)
        state = COMPONENTS[request.type](engine, inputs)
        engine.finish(state)
        return provider_pb2.ConstructResponse(urn=engine.urn, state=encode(state))


class Engine(Protocol):
    """Registers a component's children."""

    def child(self, kind: str, package: str, inputs: Props, needs: tuple[str, ...] = ()) -> tuple[str, str, Props]:
        """URN, id and outputs of a child with the component's name."""
        ...


class _Engine:
    """Registers one component, its children and its outputs with the engine."""

    def __init__(self, stub: Any, request: Any, secrets: frozenset[str]) -> None:
        self._stub, self._request, self._secrets = stub, request, secrets
        self._needs = sorted({urn for needed in request.inputDependencies.values() for urn in needed.urns})
        self.urn = self._register(
            resource_pb2.RegisterResourceRequest(
                type=request.type,
                name=request.name,
                parent=request.parent,
                protect=request.protect,
                dependencies=list(request.dependencies),
                object=encode({}),
                acceptSecrets=True,
                acceptResources=True,
                supportsPartialValues=True,
            )
        ).urn

    def child(self, kind: str, package: str, inputs: Props, needs: tuple[str, ...] = ()) -> tuple[str, str, Props]:
        """URN, id ("" in a preview) and outputs of a child with the component's name."""
        answer = self._register(
            resource_pb2.RegisterResourceRequest(
                type=kind,
                name=self._request.name,
                parent=self.urn,
                custom=True,
                protect=self._request.protect,
                object=encode(inputs, self._secrets),
                dependencies=[*self._needs, *needs],
                provider=self._request.providers.get(kind.split(":", maxsplit=1)[0], ""),
                version=version(package),  # so that it shares the program's default provider
                acceptSecrets=True,
                supportsPartialValues=True,
            )
        )
        return answer.urn, answer.id, decode(answer.object)[0]

    def finish(self, state: Props) -> None:
        """Register the outputs: the component has all its children."""
        outputs = resource_pb2.RegisterResourceOutputsRequest(urn=self.urn, outputs=encode(state))
        self._stub.RegisterResourceOutputs(outputs)

    def _register(self, request: Any) -> Any:
        return self._stub.RegisterResource(request)


def _take(inputs: Props, known: frozenset[str], kind: str) -> None:
    if unknown := sorted(inputs.keys() - known):
        raise RefusedError(f"{kind} has the input {unknown[0]}, which the sandbox does not handle")


def _repository(engine: Engine, inputs: Props) -> Props:
    _take(inputs, _REPOSITORY_INPUTS | {"lifecyclePolicy"}, "awsx:ecr:Repository")
    own = {name: value for name, value in inputs.items() if name in _REPOSITORY_INPUTS}
    urn, physical_id, outputs = engine.child("aws:ecr/repository:Repository", "pulumi-aws", own)
    state = {
        "url": outputs.get("repositoryUrl", UNKNOWN),
        "repository": reference(urn, physical_id, version("pulumi-aws")),
    }
    lifecycle = inputs.get("lifecyclePolicy") or {}
    if not lifecycle.get("skip"):
        policy = {"repository": outputs.get("name", UNKNOWN), "policy": lifecycle_policy(lifecycle)}
        child = engine.child("aws:ecr/lifecyclePolicy:LifecyclePolicy", "pulumi-aws", policy, (urn,))
        state["lifecyclePolicy"] = reference(child[0], child[1], version("pulumi-aws"))
    return state


def lifecycle_policy(lifecycle: Props) -> str:
    """ECR's policy document for awsx's rules. Without rules, awsx keeps one untagged image."""
    default = {"description": "remove untagged images", "tagStatus": "untagged", "maximumNumberOfImages": 1}
    rules = lifecycle.get("rules") or [default]
    ordered = sorted(rules, key=lambda rule: rule.get("tagStatus") == "any")  # ECR requires "any" last
    return json.dumps({"rules": [_rule(number, rule) for number, rule in enumerate(ordered, start=1)]})


def _rule(priority: int, rule: Props) -> Props:
    known = frozenset({"description", "tagStatus", "tagPrefixList", "maximumNumberOfImages", "maximumAgeLimit"})
    _take(rule, known, "a rule of lifecyclePolicy")
    selection: Props = {"tagStatus": rule["tagStatus"]}
    if rule.get("tagPrefixList"):
        selection["tagPrefixList"] = rule["tagPrefixList"]
    if "maximumNumberOfImages" in rule:
        selection |= {"countType": "imageCountMoreThan", "countNumber": rule["maximumNumberOfImages"]}
    elif "maximumAgeLimit" in rule:
        selection |= {"countType": "sinceImagePushed", "countNumber": rule["maximumAgeLimit"], "countUnit": "days"}
    else:
        raise RefusedError("a rule of lifecyclePolicy needs maximumNumberOfImages or maximumAgeLimit")
    description = {"description": rule["description"]} if rule.get("description") else {}
    return {"rulePriority": priority, **description, "selection": selection, "action": {"type": "expire"}}


def _image(engine: Engine, inputs: Props) -> Props:
    _take(inputs, frozenset({"repositoryUrl", "context", "platform", "imageTag"}), "awsx:ecr:Image")
    _, _, outputs = engine.child(BUILD, "pulumi-awsx", inputs)
    return {"imageUri": outputs.get("imageUri", UNKNOWN)}


#: The components by type. Each registers its children and returns its state.
COMPONENTS: dict[str, Callable[[Engine, Props], Props]] = {
    "awsx:ecr:Repository": _repository,
    "awsx:ecr:Image": _image,
}


def build_row(images: Images, project: Path) -> Row:
    """The row of an image build. Contexts are relative to the `project` folder."""

    def build(_: Aws, props: Props) -> tuple[str, Props]:
        repository = str(props["repositoryUrl"]).split("/", 1)[1]
        digest = images.build(project / props["context"], repository, props.get("imageTag") or _LATEST)
        return f"{repository}@{digest}", {"digest": digest, "imageUri": f"{props['repositoryUrl']}@{digest}"}

    def read(aws: Aws, _: str, outputs: Props) -> Props | None:
        repository = str(outputs["repositoryUrl"]).split("/", 1)[1]
        ids = [{"imageDigest": outputs["digest"]}]
        found = aws.find("ecr", "batch_get_image", repositoryName=repository, imageIds=ids)
        return outputs if found and found["images"] else None

    def delete(aws: Aws, _: str, outputs: Props) -> None:
        repository = str(outputs["repositoryUrl"]).split("/", 1)[1]
        ids = [{"imageDigest": outputs["digest"]}]
        aws.find("ecr", "batch_delete_image", repositoryName=repository, imageIds=ids)

    return Row(
        type=BUILD,
        inputs=frozenset({"repositoryUrl", "context", "platform", "imageTag", "contents"}),
        required=frozenset({"repositoryUrl", "context"}),
        replaces=frozenset({"repositoryUrl"}),
        fill=lambda props: {"contents": _contents(project / props["context"])},
        create=build,
        read=read,
        update=lambda aws, _, __, new: build(aws, new)[1],
        delete=delete,
    )


def _contents(context: Path) -> str:
    if not context.is_dir():
        raise RefusedError(f"there is no folder {context.name} to build an image from")
    return content_hash(context)
