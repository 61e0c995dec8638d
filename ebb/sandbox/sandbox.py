"""The sandbox as a whole: region, providers, tasks, metrics, autoscaler, and one deployed stack."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from pulumi.automation import PulumiCommand

from ebb import project
from ebb.errors import UserError
from ebb.sandbox import running
from ebb.sandbox.client import Client
from ebb.sandbox.controllers.alarms import Autoscaler
from ebb.sandbox.controllers.deliveries import EventBridge
from ebb.sandbox.controllers.metrics import Metrics
from ebb.sandbox.controllers.schedules import Scheduler
from ebb.sandbox.deploy.engine import Change, Deployment
from ebb.sandbox.deploy.fallback import InProcess
from ebb.sandbox.deploy.installed import plugins
from ebb.sandbox.deploy.pulumi_cli import find
from ebb.sandbox.ecs.tasks import Tasks
from ebb.sandbox.emulators.images import Image, Images
from ebb.sandbox.emulators.region import Region
from ebb.sandbox.existing_resources import create_existing, uses_existing
from ebb.sandbox.local_account import check_location, ignored, localize, region_of
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.server import serve

Say = Callable[[str], None]


class Deploys(Protocol):
    """What deploys the program: the real engine, or Pulumi's mocks in this process."""

    def preview(self, say: Say | None = None) -> list[Change]:
        """What `up` would change."""

    def up(self, say: Say | None = None) -> list[Change]:
        """What was changed."""

    def destroy(self, say: Say | None = None) -> list[Change]:
        """What was deleted."""

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""


class Sandbox:
    """A region, and one stack that can be deployed to it. A context manager: nothing is left after it.

    The configuration is the stack file's with `overrides` merged in, or `config` alone. `say` gets a line about what
    takes long. `in_process` deploys without the Pulumi CLI; so does a machine that cannot get one. `image` replaces
    every image that the stack builds or finds. `installed` deploys by the real aws provider of this machine, which
    `in_process` cannot: both are a UserError.
    """

    def __init__(
        self,
        stack: str = "sandbox",
        *,
        speed: float = 60.0,
        in_process: bool = False,
        installed: bool = False,
        overrides: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        image: Image | None = None,
        say: Say = print,
    ) -> None:
        self.stack, self._speed, self._in_process, self._say = stack, speed, in_process, say
        self._image = image
        if installed and in_process:
            raise UserError("--provider installed needs the Pulumi CLI: leave out --in-process.")
        self._plugins = plugins() if installed else None
        self._config = dict(config) if config is not None else project.configuration(stack, overrides)
        self._hidden = project.encrypted(stack) if config is None else []
        self.settings = project.read_settings(self._config)
        check_location(self._config, self.settings)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack as opened:
            command = self._command()
            region = self.region = opened.enter_context(Region(self._speed, region_of(self._config)))
            images = Images(region, self._say, self._image)
            self.tasks = Tasks(region, images)
            config = self._deletable(localize(self._config, region.region))
            if names := ignored(self._config):
                self._say(
                    f"The sandbox is {region.region} with an account of this machine. Ignored: {', '.join(names)}."
                )
            if self._hidden:
                self._say(f"Encrypted, so with a place-holder or left out: {', '.join(self._hidden)}.")
            if uses_existing(config):
                self._say("This stack uses existing resources, such as a VPC or a key: they are created first.")
                config = create_existing(region, images).use_in(config)
            self._before = region.inventory()
            aws = Aws(region.client)
            self.deployment: Deploys
            if command is None:
                self.deployment = InProcess(aws, images, project.ROOT, self.stack, config)
            else:
                provider = serve(aws, images, project.ROOT)
                opened.callback(provider.stop)
                self.deployment = Deployment(region, provider.port, self.stack, command, config, plugins=self._plugins)
            autoscaler, metrics = Autoscaler(region, self.tasks.running), Metrics(region, self.tasks.cpu_percent)
            for part in (self.tasks, metrics, autoscaler, Scheduler(region), EventBridge(region)):
                opened.callback(part.stop)
                part.start()
            self._stack = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _deletable(self, config: dict[str, Any]) -> dict[str, Any]:
        """The configuration without what keeps a stack from being deleted: the account ends with it."""
        without = {key: value for key, value in config.items() if key != "ebb:data"}
        if self.settings.worker.image.context:
            worker = project.parsed(config.get("ebb:worker", {}))
            without["ebb:worker"] = {**worker, "image": {**worker.get("image", {}), "force_delete": True}}
        return without

    def destroy(self, say: Say | None = None) -> list[Change]:
        """Empty the queues, because queues with jobs are not deleted, and destroy the stack. Returns the changes.

        The schedules of jobs go first: one that is due after the queues are emptied would fill them again.
        """
        sqs, scheduler = self.region.client("sqs"), self.region.client("scheduler")
        for page in scheduler.get_paginator("list_schedules").paginate():
            for schedule in page["Schedules"]:
                if schedule["GroupName"] != "default":
                    scheduler.delete_schedule(GroupName=schedule["GroupName"], Name=schedule["Name"])
        for url in sqs.list_queues().get("QueueUrls", []):
            sqs.purge_queue(QueueUrl=url)
        return self.deployment.destroy(say)

    def leftovers(self) -> list[str]:
        """What exists now and did not exist before the stack."""
        return sorted(set(self.region.inventory()) - set(self._before))

    def announced(self) -> AbstractContextManager[None]:
        """Inside it, the commands of `ebb` find the stack, which must be deployed."""
        return running.announced(
            running.Running(
                name=self.stack,
                process=os.getpid(),
                endpoint=self.region.endpoint,
                region=self.region.region,
                speed=self.region.clock.speed,
                epoch=self.region.clock.epoch,
                config=self._config,
                outputs=self.deployment.outputs(),
            )
        )

    def client(self) -> Client:
        """A caller of the deployed API."""
        return Client(self.region, self.settings, self.deployment.outputs())

    def _command(self) -> PulumiCommand | None:
        """The Pulumi CLI; None to deploy without it. The real provider needs it."""
        if self._in_process:
            return None
        try:
            return find(self._say)
        except UserError as error:
            if self._plugins:
                raise
            self._say(f"{error} The stack is deployed in this process through Pulumi's mocks instead.")
            self._say("That is the same program without the engine: it does not show unknown values or replacements.")
            return None
