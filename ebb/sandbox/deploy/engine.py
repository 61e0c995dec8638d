"""The real Pulumi engine on the real program, with the sandbox's providers attached.

The checkout is only read: stack files are copied into a folder of the sandbox's own, where the state lives too.
"""

import functools
import os
import re
import runpy
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode
from pulumi.runtime.settings import SETTINGS

from ebb.errors import UserError
from ebb.project import ROOT
from ebb.sandbox.deploy import sdk_patches
from ebb.sandbox.emulators.region import Region
from settings import stack_yaml

#: Steps that leave a resource as it is, or only look at it.
IDLE_STEPS = {"same", "read", "refresh"}

#: What every engine of the sandbox gets.
ENGINE = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    # without it, up and destroy on existing state first try to download the real aws plugin
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    # The engine writes its state once an operation instead of twice a resource, which takes a third of its time. The
    # state is of no use when the engine is killed: the account ends with it.
    "PULUMI_EXPERIMENTAL": "true",
    "PULUMI_SKIP_CHECKPOINTS": "true",
    "GOGC": "400",  # percent: less collection of garbage, a sixth of the engine's time
}
#: Encrypts the secrets in the state: a key that AWS manages, so it is no resource of the account. A passphrase takes
#: PBKDF2 with 1,000,000 rounds, a quarter of the engine's time.
SECRETS = "awskms://alias/aws/ssm"

#: Pulumi's marks for colours in messages, such as <{%reset%}>.
_COLOURS = re.compile(r"<\{%.*?%\}>")

Say = Callable[[str], None]


class DeploymentError(UserError):
    """The engine or the program failed. The engine's own output has the details."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step of the engine: operation (create, update, replace, delete…), type token, logical name."""

    operation: str
    type: str
    name: str


class EngineStack(auto.Stack):
    """A new stack that runs the CLI once an operation.

    `auto.Stack` runs it three times more after it, for outputs and a summary: more time than the engine takes for an
    `up` that changes nothing. `workspace.stack_outputs` has the outputs.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        program: Callable[[], None],
        command: auto.PulumiCommand,
        environment: Mapping[str, str],
    ) -> None:
        workspace = auto.LocalWorkspace(
            work_dir=str(folder),
            program=program,
            env_vars=environment,
            secrets_provider=SECRETS,
            pulumi_command=command,
        )
        super().__init__(name, workspace, StackInitMode.CREATE)

    def outputs(self) -> auto.OutputMap:
        """None: the caller has not asked for them."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:  # noqa: ARG002
        """That the operation succeeded; one that fails raises CommandError."""
        return auto.UpdateSummary(
            kind="", start_time=datetime.now(UTC), message="", environment={}, config={}, result="succeeded"
        )


def engine_environment(region: Region, folder: Path, provider_port: int, plugins: Path | None = None) -> dict[str, str]:
    """The variables of an engine that keeps its state in `folder`. With `plugins` it runs the aws plugin in there."""
    state, home = folder / "state", folder / "home"
    for each in (state, home):
        each.mkdir()
    ours = ("awsx",) if plugins else ("aws", "awsx")
    if plugins:
        (home / "plugins").symlink_to(plugins)
    (home / "logs").touch()  # in a folder of this name it would keep an encrypted log: a fifth of its time
    return {
        **region.environment(),
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_HOME": str(home),
        "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{provider_port}" for name in ours),
        **ENGINE,
    }


#: After Ctrl-C the program of the operation may still run. What it imports is not complete yet for another one.
_ONE_PROGRAM = threading.Lock()


def program() -> None:
    """The real program, as `pulumi` would run it."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    with _ONE_PROGRAM:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


class Deployment:
    """One stack of the program in the sandbox's region, with this configuration.

    `plugins` is the folder of the real aws plugin, which then takes the place of the stand-in one.
    """

    def __init__(
        self,
        region: Region,
        provider_port: int,
        stack: str,
        command: auto.PulumiCommand,
        config: Mapping[str, Any],
        *,
        program: Callable[[], None] = program,
        plugins: Path | None = None,
    ) -> None:
        sdk_patches.apply()
        folder = Path(tempfile.mkdtemp(prefix=f"stack-{stack}-", dir=region.directory))
        (folder / "Pulumi.yaml").write_bytes((ROOT / "Pulumi.yaml").read_bytes())
        self._stack_file = folder / f"Pulumi.{stack}.yaml"
        self._stack_file.write_text("{}")
        self.configure(config)
        self._environment = region.environment()

        def run() -> None:
            # as Pulumi's language host does for a program that is not in this process
            SETTINGS.root_directory = str(folder)
            program()

        environment = engine_environment(region, folder, provider_port, plugins)
        self._stack = EngineStack(stack, folder, run, command, environment)
        self._outputs: dict[str, Any] | None = {}

    def configure(self, config: Mapping[str, Any]) -> None:
        """Use this configuration from the next operation on."""
        # the backend keeps the salt of its secrets in the same file
        own = stack_yaml.load(self._stack_file.read_text(encoding="utf-8"))
        self._stack_file.write_text(stack_yaml.dump({**own, "config": dict(config)}), encoding="utf-8")

    def restore(self, resources: list[dict[str, Any]]) -> None:
        """Let the stack have these resources, as `pulumi stack export` lists them. It has none yet."""
        empty = self._stack.export_stack()
        state = {**(empty.deployment or {}), "resources": resources}
        self._stack.import_stack(auto.Deployment(version=empty.version, deployment=state))

    def preview(self, say: Say | None = None) -> list[Change]:
        """Returns what `up` would change. `say` gets the engine's own output, here and below."""
        return self._run(self._stack.preview, say)

    def up(self, say: Say | None = None) -> list[Change]:
        """Create, update and delete what differs from the program. Returns the changes."""
        changes = self._run(functools.partial(self._stack.up, show_secrets=False), say)
        self._outputs = None
        return changes

    def destroy(self, say: Say | None = None) -> list[Change]:
        """Delete the stack's resources. Returns the changes."""
        # the hooks that look for jobs in the queues are part of the program
        destroy = functools.partial(self._stack.destroy, show_secrets=False, run_program=True)
        return self._run(destroy, say)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs after the last `up`."""
        if self._outputs is None:
            shown = self._stack.workspace.stack_outputs(self._stack.name)
            self._outputs = {name: output.value for name, output in shown.items()}
        return self._outputs

    def _run(self, operation: Callable[..., Any], say: Say | None) -> list[Change]:
        changes: list[Change] = []
        errors: list[str] = []

        def note(event: auto.EngineEvent) -> None:
            if event.diagnostic_event and event.diagnostic_event.severity == "error":
                errors.append(_COLOURS.sub("", event.diagnostic_event.message).removeprefix("error: ").strip())
            if event.resource_pre_event:
                step = event.resource_pre_event.metadata
                operation, name = step.op.value, step.urn.rpartition("::")[2]
                if operation not in IDLE_STEPS and not step.type.startswith("pulumi:providers:"):
                    changes.append(Change(operation=operation, type=step.type, name=name))

        take = say or (lambda _line: None)
        with held_signals(), in_environment(self._environment):
            try:
                operation(on_output=take, on_error=take, on_event=note, color="never")
            except auto.CommandError as error:
                # the last error, "update failed", is useful only where it is the only one
                raise DeploymentError("\n".join(errors[:1] or [str(error)])) from None
        return changes


@contextmanager
def in_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The program's own calls of AWS, in this process, go to the region."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def held_signals() -> Iterator[None]:
    """SIGINT and SIGTERM wait until the block is done, then raise KeyboardInterrupt.

    A terminal sends Ctrl-C to the engine too, which finishes what it is creating and stops. It needs the provider, a
    part of this process, until then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            raise KeyboardInterrupt
