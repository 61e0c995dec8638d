from collections.abc import Iterator
from pathlib import Path

import pytest

from ebb.sandbox.emulators.region import Region
from tests.sandbox.served import PROGRAM, World


@pytest.fixture(scope="module")
def one_region() -> Iterator[Region]:
    with Region(speed=600) as region:
        yield region


@pytest.fixture
def region(one_region: Region) -> Region:
    """An empty account; the emulators behind it run for the whole module."""
    one_region.reset()
    return one_region


@pytest.fixture
def world(region: Region, tmp_path: Path) -> Iterator[World]:
    (tmp_path / "Dockerfile").write_text(
        'FROM python\nENV FROM_IMAGE=yes\nWORKDIR /app\nCOPY run.py .\nCMD ["python", "run.py"]\n'
    )
    (tmp_path / "run.py").write_text(PROGRAM)
    world = World(region, tmp_path)
    yield world
    world.tasks.stop()
    assert [event.text for event in region.events if event.kind == "error"] == []
