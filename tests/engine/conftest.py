"""A region per test module, and stacks deployed to it by the real engine."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pulumi.automation import PulumiCommand

from ebb.sandbox.aws import Aws
from ebb.sandbox.engine import PROJECT, Deployment, configuration
from ebb.sandbox.furnish import furnish
from ebb.sandbox.images import Images
from ebb.sandbox.provider import serve
from ebb.sandbox.pulumi_cli import find
from ebb.sandbox.region import Region

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
    """`deploy(stack, overrides)` makes a stack ready to be deployed; the account is empty before and must be after."""
    region.reset()
    provider = serve(Aws(region.client), Images(region), PROJECT)

    def ready(stack: str = "sandbox", overrides: Mapping[str, Any] | None = None) -> Deployment:
        return Deployment(region, provider.port, stack, command, configuration(stack, overrides))

    yield ready
    provider.stop()
