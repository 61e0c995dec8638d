"""The worker's image, by digest."""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from settings import Image as ImageSettings

#: Untagged images that are kept, for rollbacks and for tasks that start from an older revision.
KEPT_IMAGES = 10
#: ECS's architectures -> Docker's platforms.
PLATFORMS = {"ARM64": "linux/arm64", "X86_64": "linux/amd64"}


@dataclass(frozen=True, kw_only=True)
class WorkerImageArgs:
    """The settings' section `worker.image`, and the CPU architecture of the tasks."""

    settings: ImageSettings
    architecture: Literal["ARM64", "X86_64"]


class WorkerImage(pulumi.ComponentResource):
    """An image in ECR.

    Creates, unless the settings name an existing image:
    - an ECR repository that scans images on push and keeps the last ten untagged images
    - the image: builds it and pushes it to the repository
    """

    #: With the digest, so that a task definition always uses the same image.
    uri: pulumi.Output[str]
    repository_arn: pulumi.Output[str]
    #: None if the repository is not the stack's own.
    repository_name: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: WorkerImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ebb:index:WorkerImage", name, None, opts)
        context = args.settings.context
        if context is None:
            self._find(args.settings)
        else:
            self._build(name, context, args)
        self.register_outputs({"uri": self.uri, "repository_arn": self.repository_arn})

    def _build(self, name: str, context: str, args: WorkerImageArgs) -> None:
        child = pulumi.ResourceOptions(parent=self)
        # tags stay mutable (the default): awsx always pushes the same tag
        repository = awsx.ecr.Repository(
            name,
            force_delete=args.settings.force_delete,
            image_scanning_configuration={"scan_on_push": True},
            lifecycle_policy={
                "rules": [
                    {
                        "description": f"Keep the last {KEPT_IMAGES} untagged images",
                        "tag_status": awsx.ecr.LifecycleTagStatus.UNTAGGED,
                        "maximum_number_of_images": KEPT_IMAGES,
                    }
                ]
            },
            opts=child,
        )
        image = awsx.ecr.Image(
            name,
            repository_url=repository.url,
            context=context,
            platform=PLATFORMS[args.architecture],
            opts=child,
        )
        self.uri = image.image_uri
        self.repository_arn = repository.repository.arn
        self.repository_name = repository.repository.name

    def _find(self, settings: ImageSettings) -> None:
        invoke = pulumi.InvokeOutputOptions(parent=self)
        repository = aws.ecr.get_repository_output(name=settings.repository, opts=invoke)
        image = aws.ecr.get_image_output(
            repository_name=settings.repository, image_tag=settings.tag, image_digest=settings.digest, opts=invoke
        )
        self.uri = pulumi.Output.format("{0}@{1}", repository.repository_url, image.image_digest)
        self.repository_arn = repository.arn
