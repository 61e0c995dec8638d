from typing import Any, Literal

import pytest

from components.image import WorkerImage, WorkerImageArgs
from settings import Image as ImageSettings
from tests.components.harness import ACCOUNT, Deployed, deploy

REPOSITORY, IMAGE = "awsx:ecr:Repository", "awsx:ecr:Image"
EXISTING = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/existing"


def image(architecture: Literal["ARM64", "X86_64"] = "ARM64", **settings: Any) -> Deployed:
    def program() -> dict[str, Any]:
        made = WorkerImage("image", WorkerImageArgs(settings=ImageSettings(**settings), architecture=architecture))
        return {"uri": made.uri, "repository_arn": made.repository_arn}

    return deploy(program)


def test_the_folder_is_built_into_a_new_repository() -> None:
    built = image(build="jobs/encoder")
    assert built.names == {(REPOSITORY, "image"), (IMAGE, "image")}
    assert built.one(IMAGE).inputs == {
        "repositoryUrl": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/image",
        "context": "jobs/encoder",
        "platform": "linux/arm64",
    }
    assert built.result == {
        "uri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/image@sha256:" + "a" * 64,
        "repository_arn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/image",
    }


def test_the_repository_scans_images_and_keeps_ten_untagged_ones() -> None:
    assert image().one(REPOSITORY).inputs == {
        "forceDelete": False,
        "imageScanningConfiguration": {"scanOnPush": True},
        "lifecyclePolicy": {
            "rules": [
                {
                    "description": "Keep the last 10 untagged images",
                    "tagStatus": "untagged",
                    "maximumNumberOfImages": 10,
                }
            ]
        },
    }
    assert image(force_delete=True).one(REPOSITORY).inputs["forceDelete"] is True


def test_the_worker_folder_is_built_by_default() -> None:
    assert image().one(IMAGE).inputs["context"] == "worker"


@pytest.mark.parametrize(("architecture", "platform"), [("ARM64", "linux/arm64"), ("X86_64", "linux/amd64")])
def test_the_image_is_built_for_the_architecture_of_the_tasks(
    architecture: Literal["ARM64", "X86_64"], platform: str
) -> None:
    assert image(architecture).one(IMAGE).inputs["platform"] == platform


def test_an_existing_tag_is_replaced_by_its_digest() -> None:
    found = image(repository="company/encoder", tag="stable")
    assert found.names == set()
    assert dict(found.calls) == {
        "aws:ecr/getRepository:getRepository": {"name": "company/encoder"},
        "aws:ecr/getImage:getImage": {"repositoryName": "company/encoder", "imageTag": "stable"},
    }
    assert found.result == {
        "uri": f"{EXISTING}@sha256:" + "5" * 64,
        "repository_arn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/existing",
    }


def test_an_existing_digest_is_looked_up_so_that_a_preview_finds_a_missing_image() -> None:
    digest = "sha256:" + "5" * 64
    found = image(repository="company/encoder", digest=digest)
    assert ("aws:ecr/getImage:getImage", {"repositoryName": "company/encoder", "imageDigest": digest}) in found.calls
    assert found.result["uri"] == f"{EXISTING}@{digest}"


def test_everything_belongs_to_the_component() -> None:
    built = image()
    component = built.one("ebb:index:WorkerImage")
    assert {r.parent_type for r in built.resources.values() if r is not component} == {"ebb:index:WorkerImage"}
    assert built.component_outputs[component.urn] == built.result
