"""The worker's image, by digest.

Creates an ECR repository (scan on push, the last ten untagged images kept) and builds and pushes the image, or finds
an existing image.
"""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from settings import Image as ImageSettings

#: Untagged images that stay, so that a rollback, and a task that starts from an older revision, still finds its own.
KEPT_IMAGES = 10
#: Docker's names of the platforms, by ECS's of the architectures.
PLATFORMS = {"ARM64": "linux/arm64", "X86_64": "linux/amd64"}


@dataclass(frozen=True, kw_only=True)
class WorkerImageArgs:
    """The settings' section `worker.image`, and the tasks' architecture."""

    settings: ImageSettings
    architecture: Literal["ARM64", "X86_64"]


class WorkerImage(pulumi.ComponentResource):
    """An image in ECR that a task definition can name."""

    #: With the digest, so that a task definition means one image for ever.
    uri: pulumi.Output[str]
    repository_arn: pulumi.Output[str]

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
        # tags stay mutable (the default): awsx pushes one constant tag, which an immutable repository takes only once
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

    def _find(self, settings: ImageSettings) -> None:
        invoke = pulumi.InvokeOutputOptions(parent=self)
        repository = aws.ecr.get_repository_output(name=settings.repository, opts=invoke)
        image = aws.ecr.get_image_output(
            repository_name=settings.repository, image_tag=settings.tag, image_digest=settings.digest, opts=invoke
        )
        self.uri = pulumi.Output.format("{0}@{1}", repository.repository_url, image.image_digest)
        self.repository_arn = repository.arn
