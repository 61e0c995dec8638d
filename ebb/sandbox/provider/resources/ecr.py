"""ECR: repositories and their lifecycle policies."""

from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources._row import Call, Props, Row, Tags, changed, deletes, first, pick, send, tag_map


def _repository(props: Props) -> Call:
    params = pick(props, "imageTagMutability", "imageScanningConfiguration", repositoryName="name", tags="tagsAll")
    if props.get("encryptionConfigurations"):  # Pulumi has a list of at most one
        params["encryptionConfiguration"] = props["encryptionConfigurations"][0]
    return "ecr", "create_repository", params


def _create_repository(aws: Aws, props: Props) -> tuple[str, Props]:
    repository = send(aws, _repository(props))["repository"]
    outputs = pick(repository, "registryId", arn="repositoryArn", repositoryUrl="repositoryUri")
    return repository["repositoryName"], outputs


def _read_repository(aws: Aws, name: str, _: Props) -> Props | None:
    found = first(aws.find("ecr", "describe_repositories", repositoryNames=[name]), "repositories")
    if found is None:
        return None
    tags = aws.call("ecr", "list_tags_for_resource", resourceArn=found["repositoryArn"])["tags"]
    encryption = found.get("encryptionConfiguration")
    return found | {
        "name": name,
        "arn": found["repositoryArn"],
        "repositoryUrl": found["repositoryUri"],
        "encryptionConfigurations": [encryption] if encryption else [],
        "tagsAll": tag_map(tags),
    }


def _update_repository(aws: Aws, name: str, old: Props, new: Props) -> Props:
    if changed(old, new, "imageTagMutability"):
        mutability = new.get("imageTagMutability") or "MUTABLE"
        aws.call("ecr", "put_image_tag_mutability", repositoryName=name, imageTagMutability=mutability)
    if changed(old, new, "imageScanningConfiguration"):
        scanning = new.get("imageScanningConfiguration") or {"scanOnPush": False}
        aws.call("ecr", "put_image_scanning_configuration", repositoryName=name, imageScanningConfiguration=scanning)
    return {}


def _delete_repository(aws: Aws, name: str, outputs: Props) -> None:
    aws.find("ecr", "delete_repository", repositoryName=name, force=bool(outputs.get("forceDelete")))


def _policy(props: Props) -> Call:
    return "ecr", "put_lifecycle_policy", pick(props, repositoryName="repository", lifecyclePolicyText="policy")


def _put_policy(aws: Aws, props: Props) -> tuple[str, Props]:
    return props["repository"], pick(send(aws, _policy(props)), "registryId")


def _read_policy(aws: Aws, name: str, _: Props) -> Props | None:
    found = aws.find("ecr", "get_lifecycle_policy", repositoryName=name)
    return found and {"repository": name, "policy": found["lifecyclePolicyText"]}


ROWS = (
    Row(
        type="aws:ecr/repository:Repository",
        inputs=frozenset(
            {
                "name",
                "encryptionConfigurations",
                "forceDelete",
                "imageScanningConfiguration",
                "imageTagMutability",
                "tags",
            }
        ),
        replaces=frozenset({"encryptionConfigurations", "name"}),
        autoname=("name", 256),
        tags=Tags(service="ecr", target="resourceArn"),
        request=_repository,
        create=_create_repository,
        read=_read_repository,
        update=_update_repository,
        delete=_delete_repository,
    ),
    Row(
        type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
        inputs=frozenset({"repository", "policy"}),
        required=frozenset({"repository", "policy"}),
        documents=frozenset({"policy"}),
        replaces=frozenset({"policy", "repository"}),
        identity=frozenset({"repository"}),
        request=_policy,
        create=_put_policy,
        read=_read_policy,
        delete=deletes("ecr", "delete_lifecycle_policy", repositoryName="repository"),
    ),
)
