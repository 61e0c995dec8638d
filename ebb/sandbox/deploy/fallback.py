"""Deploys the real program without a Pulumi CLI: in this process, with the same resource tables, by Pulumi's mocks.

Differences from the engine: this object holds the only state, a replacement deletes first, and `ignore_changes`,
aliases and protection have no effect.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pulumi

from components import guard, revision_check
from components.revision_check import RevisionError
from ebb import project
from ebb.sandbox.deploy.engine import Change, DeploymentError, program
from ebb.sandbox.deploy.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, evaluate
from ebb.sandbox.provider import awsx, checking, diff
from ebb.sandbox.provider.aws import Aws
from ebb.sandbox.provider.resources import INVOKES, ROWS
from ebb.sandbox.provider.shapes import RefusedError

Props = dict[str, Any]
Say = Callable[[str], None]
Key = tuple[str, str]
_QUEUE, _SERVICE = "aws:sqs/queue:Queue", "aws:ecs/service:Service"


@dataclass
class _Made:
    """A resource that exists: its id, inputs and outputs."""

    id: str
    inputs: Props
    outputs: Props


class InProcess:
    """Deploys one stack, as Deployment does; `config` is by full key, image contexts are relative to `project`."""

    def __init__(self, aws: Aws, images: awsx.Images, project: Path, stack: str, config: Mapping[str, Any]) -> None:
        self._aws, self._stack = aws, stack
        self._rows = ROWS | {awsx.BUILD: awsx.build_row(images, project)}
        self._made: dict[Key, _Made] = {}
        self._outputs: dict[str, Any] = {}
        self.configure(config)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Use this configuration from the next operation on."""
        own = {key.removeprefix("aws:"): value for key, value in config.items() if key.startswith("aws:")}
        for name, problem in checking.configuration(self._aws, own):
            raise DeploymentError(f"aws:{name}: {problem}")
        self._config, self._tags = config, checking.default_tags(own)

    def preview(self, say: Say | None = None) -> list[Change]:
        """Returns what `up` would change. Raises DeploymentError before the first `up`: that needs an engine."""
        if not self._made:
            raise DeploymentError("Without an engine there is no preview before the first up.")
        return self._run(say, dry=True)

    def up(self, say: Say | None = None) -> list[Change]:
        """Create, update and delete what differs from the program. Returns the changes."""
        return self._run(say, dry=False)

    def destroy(self, say: Say | None = None) -> list[Change]:
        """Delete the stack's resources. Returns the changes. Raises DeploymentError if a queue holds jobs."""
        self._begin(say, dry=False)
        try:
            for key, made in self._made.items():
                self._refuse(key, made, guard.IN_USE)  # before anything is deleted
        except guard.QueueNotEmptyError as error:
            raise DeploymentError(str(error)) from None
        self._prune()
        self._summary()
        return self._changes

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs after the last `up`."""
        return self._outputs

    def resources(self) -> dict[Key, Props]:
        """The properties of each resource that exists, by type and logical name."""
        return {key: {"id": made.id, **made.outputs} for key, made in self._made.items()}

    def _begin(self, say: Say | None, *, dry: bool) -> None:
        self._say, self._dry = say or (lambda _line: None), dry
        self._changes: list[Change] = []
        self._seen: set[Key] = set()

    def _run(self, say: Say | None, *, dry: bool) -> list[Change]:
        self._begin(say, dry=dry)
        try:
            outputs = self._execute()
            self._prune()
        except (RefusedError, pulumi.RunError, guard.QueueNotEmptyError, RevisionError) as error:
            raise DeploymentError(str(error)) from None
        if not dry:
            self._outputs = outputs
        self._summary()
        return self._changes

    def _execute(self) -> dict[str, Any]:
        """Run the program. Returns the stack's outputs."""
        log = logging.Logger("pulumi")
        log.addHandler(_Lines(self._say))
        return evaluate(program, _Tables(self).monitor, self._stack, self._config, log).exports

    def register(self, kind: str, name: str, inputs: Props) -> _Made:
        """Create or change a resource as its inputs say."""
        if kind not in self._rows:
            raise RefusedError(f"the resource type {kind} is not in the sandbox")
        row, key = self._rows[kind], (kind, name)
        self._seen.add(key)
        made = self._made.get(key)
        filled = checking.fill(row, name, os.urandom(16), old=made.inputs if made else {}, new=inputs, tags=self._tags)
        for at, problem in checking.problems(self._aws, row, filled):
            raise RefusedError(f"{kind} {name}: {at} {problem}".replace("  ", " "))
        paths = diff.changes(row, made.inputs, filled) if made else {}
        if made and not paths:
            return made
        replaced = made and bool(diff.replacing(row, paths, filled))
        self._note("replace" if replaced else "update" if made else "create", key)
        if self._dry:
            return made or _Made("", filled, filled)
        given = {name: value for name, value in filled.items() if name != diff.DEFAULTED}
        if kind == _SERVICE:
            self._prove(None if replaced or not made else made.inputs, filled)
        if made and not replaced:
            if kind == _QUEUE and guard.leaves_key(made.inputs, filled):
                self._refuse(key, made, guard.IN_USE, kept="its key")
            before = made.outputs | made.inputs
            outputs = made.outputs | given | checking.update(row, self._aws, made.id, before, given)
            self._made[key] = _Made(made.id, filled, outputs)
        else:
            if made:
                self._delete(key, made)
            physical_id, computed = row.create(self._aws, given)
            self._made.pop(key, None)  # it must come after the resources that it needs
            self._made[key] = _Made(physical_id, filled, given | computed)
        return self._made[key]

    def invoke(self, token: str, args: Props) -> Props:
        """The answer of a data source."""
        if token not in INVOKES:
            raise RefusedError(f"the data source {token} is not in the sandbox")
        known, answer = INVOKES[token]
        checking.arguments(self._aws, token, known, args)
        return answer(self._aws, args)

    def _prune(self) -> None:
        """Delete what the program no longer has, the youngest first: a resource is younger than those that it needs."""
        for key in [key for key in reversed(self._made) if key not in self._seen]:
            self._note("delete", key)
            if not self._dry:
                self._delete(key, self._made[key])
                del self._made[key]

    def _delete(self, key: Key, made: _Made) -> None:
        self._refuse(key, made, guard.REPLACED)
        self._rows[key[0]].delete(self._aws, made.id, made.outputs)

    def _refuse(self, key: Key, made: _Made, advice: str, *, kept: str = "it") -> None:
        """As the engine's hooks. Raises QueueNotEmptyError."""
        kind, name = key
        if kind == _QUEUE:
            url, advice = str(made.outputs["url"]), guard.dead_letters_or(advice, name)
            guard.refuse(url, self._aws.client, self._stack, advice, kept=kept)

    def _prove(self, old: Props | None, new: Props) -> None:
        """As the engine's hooks. Raises RevisionError."""
        worker = project.read_settings(self._config).worker
        if worker.check and (old is None or revision_check.differs(old, new)):
            kept = "is not created" if old is None else "keeps its revision"
            revision_check.prove(new, worker.start_timeout, kept=kept, client=self._aws.client)

    def _note(self, operation: str, key: Key) -> None:
        self._changes.append(Change(operation=operation, type=key[0], name=key[1]))
        self._say(f" {operation:8} {key[0]} {key[1]}")

    def _summary(self) -> None:
        counts = {change.operation for change in self._changes}
        parts = [f"{sum(c.operation == kind for c in self._changes)} to {kind}" for kind in sorted(counts)]
        unchanged = len(self._made.keys() & self._seen) - sum(c.operation != "delete" for c in self._changes)
        self._say(f"Resources: {', '.join([*parts, f'{unchanged} unchanged'])}")


class _Lines(logging.Handler):
    def __init__(self, say: Say) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f" {record.levelname.lower()}: {record.getMessage()}")


class _Tables(Mocks):
    """Pulumi's mocks, answered by the tables."""

    def __init__(self, deployment: InProcess) -> None:
        self.deployment = deployment
        self.monitor = MockMonitor(self)

    def call(self, args: MockCallArgs) -> Any:
        return _whole(self.deployment.invoke(args.token, _whole(args.args)))

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, Props]:
        inputs = _whole(args.inputs)
        if args.typ in awsx.COMPONENTS:
            return "", awsx.COMPONENTS[args.typ](_Children(self, args.name), inputs)
        if not args.custom:
            return "", inputs
        made = self.deployment.register(args.typ, args.name, inputs)
        return made.id, made.outputs


class _Children(awsx.Engine):
    """Creates the children of awsx's components, so that references to them resolve."""

    def __init__(self, tables: _Tables, name: str) -> None:
        self._tables, self._name = tables, name

    def child(
        self,
        kind: str,
        package: str,  # noqa: ARG002 - for an engine, as needs are
        inputs: Props,
        needs: tuple[str, ...] = (),  # noqa: ARG002
    ) -> tuple[str, str, Props]:
        monitor = self._tables.monitor
        made = self._tables.deployment.register(kind, self._name, inputs)
        urn = monitor.make_urn("", kind, self._name)
        monitor.resources[urn] = MockMonitor.ResourceRegistration(urn, made.id, made.outputs)
        return urn, made.id, made.outputs


def _whole(value: Any) -> Any:
    """Properties as the engine's wire has them: whole numbers as such, dates as text, and nothing that is not set."""
    match value:
        case dict():
            return {name: _whole(item) for name, item in value.items() if item is not None}
        case list():
            return [_whole(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case datetime():
            return str(value)
    return value
