"""A region per test module, and stacks deployed to it by the real engine."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from ebb.sandbox.deploy.engine import PROJECT, Deployment, configuration
from ebb.sandbox.deploy.pulumi_cli import find
from ebb.sandbox.emulators.images import Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.existing_resources import adopts, furnish
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.server import serve

Deploy = Callable[..., Deployment]


@pytest.fixture(scope="session")
def command() -> PulumiCommand:
    return find(print)


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with Region() as started:
        yield started


@pytest.fixture
def deploy(region: Region, command: PulumiCommand) -> Iterator[Deploy]:
    """`deploy(stack, overrides)` makes a stack ready to be deployed into an account that has only what it adopts."""
    region.reset()
    images = Images(region)
    provider = serve(Aws(region.client), images, PROJECT)

    def ready(stack: str = "sandbox", overrides: Mapping[str, Any] | None = None) -> Deployment:
        config = configuration(stack, overrides)
        if adopts(config):
            config = furnish(region, images).adopt(config)
        return Deployment(region, provider.port, stack, command, config)

    yield ready
    provider.stop()
