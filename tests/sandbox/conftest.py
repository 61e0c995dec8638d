from collections.abc import Iterator

import pytest

from ebb.sandbox.emulators.region import Region


@pytest.fixture(scope="module")
def one_region() -> Iterator[Region]:
    with Region(speed=600) as region:
        yield region


@pytest.fixture
def region(one_region: Region) -> Region:
    """An empty account; the emulators behind it run for the whole module."""
    one_region.reset()
    return one_region
