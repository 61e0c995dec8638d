"""What all tests share."""

import atexit
import functools
import gc
from typing import Any

import botocore.session
import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# How long one example takes says more about the machine than about the code.
settings.register_profile("ebb", deadline=None, print_blob=True)
# for a copy of the checkout: the same tests run there once more, to see that they do not depend on the user's files
settings.register_profile("copy", settings.get_profile("ebb"), max_examples=10)
settings.load_profile("ebb")

# Each session reads the models of its services again, and a test process has many sessions: they share one reader.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

# The modules of a test process are a million objects. Python's default is to look at all of them again and again: a
# third of the time of a test that runs the program.
gc.set_threshold(10_000, 20, 20)
# After the last test Python would look at them twice more before it ends.
atexit.register(gc.freeze)

#: Folders whose tests take longest. They begin first, so that no processor is idle at the end.
LONGEST = ("first_day", "ops", "page", "demo", "engine", "chaos", "sandbox", "worker", "examples", "docs", "bench")

#: Folders whose tests use the sandbox of tests/ops/sandbox_process.py.
SHARING = ("ops", "page")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        folder = item.nodeid.split("/")[1]
        return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    gc.freeze()  # what the imports made stays: no later look for garbage goes through it


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`; the folders whose tests use one sandbox are one file. No process waits for another then."""
    if config.getvalue("dist") != "loadfile":
        return None
    scheduling = LoadFileScheduling(config, log)
    of_file = scheduling._split_scope
    scheduling._split_scope = lambda test: "sandbox" if test.split("/")[1] in SHARING else of_file(test)
    return scheduling
