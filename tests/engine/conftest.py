"""A region per test module, and stacks deployed to it by the real engine."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from ebb.project import ROOT
from ebb.sandbox.demo import WORKER
from ebb.sandbox.deploy.engine import Change, Deployment, Say
from ebb.sandbox.deploy.pulumi_cli import find
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.existing_resources import create_existing, uses_existing
from ebb.sandbox.local_account import localize
from ebb.sandbox.provider.server import serve
from tests.helpers.stacks import configuration
from tests.iam import calls

Deploy = Callable[..., Deployment]


class Watched(Deployment):
    """Says when it previews, so that the calls of a preview are compared with the preview role's policy."""

    recorder: calls.Recorder

    def preview(self, say: Say | None = None) -> list[Change]:
        with self.recorder.preview():
            return super().preview(say)


@pytest.fixture(scope="session")
def command() -> PulumiCommand:
    return find(print)


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with Region() as started:
        yield started


@pytest.fixture
def deploy(region: Region, command: PulumiCommand) -> Iterator[Deploy]:
    """Makes one of the tests' stacks, or `config`, ready to be deployed. The account has only what the stack adopts."""
    region.reset()
    images = Images(region, instead=WORKER)
    aws = calls.Recorder(region.client)
    provider = serve(aws, images, ROOT)
    configs: list[Mapping[str, Any]] = []
    stacks = ["sandbox"]

    def ready(
        stack: str = "sandbox",
        overrides: Mapping[str, Any] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
    ) -> Deployment:
        config = localize(config or configuration(stack, overrides), region.region)
        if uses_existing(config):
            config = create_existing(region, images).use_in(config)
        configs.append(config)
        stacks.append(stack)
        deployment = Watched(region, provider.port, stack, command, config)
        deployment.recorder = aws
        return deployment

    yield ready
    provider.stop()
    assert calls.of_deployer(aws, stacks[-1], configs) == []
    assert calls.of_preview(aws, stacks[-1], configs) == []
