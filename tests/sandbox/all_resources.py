"""A Pulumi program with every resource type of the sandbox's tables, and every input of each."""

import pulumi

from tests.sandbox.resources.api import api
from tests.sandbox.resources.hooks import hooks
from tests.sandbox.resources.network import network
from tests.sandbox.resources.queue import queue, store
from tests.sandbox.resources.service import service
from tests.sandbox.resources.settings import Settings


def program(settings: Settings) -> None:
    """The program; `settings` as in resources/settings.py."""
    subnets, group = network(settings)
    jobs = queue(settings)
    store(settings)
    hooks(jobs)
    stage = api(settings, jobs)
    pulumi.export("repository", service(settings, jobs, subnets, group))
    pulumi.export("url", stage.invoke_url)
