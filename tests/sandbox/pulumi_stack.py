"""A stack of an inline program in the sandbox's region, by the real engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.automation import PulumiCommand

from ebb.sandbox.deploy import sdk_patches
from ebb.sandbox.deploy.engine import EngineStack, engine_environment
from ebb.sandbox.emulators.region import Region
from settings import stack_yaml

TAGS = {"Project": "ebb"}
Change = tuple[str, str, str]  # operation, the type's own name, resource name


@dataclass
class Result:
    """The changes of an operation, except the stack's own and unchanged resources, and the engine's output."""

    changes: set[Change]
    said: str


class FailedError(Exception):
    """The engine's diagnostics."""


class InlineStack:
    """preview, up, refresh and destroy of a program."""

    def __init__(
        self, region: Region, folder: Path, port: int, command: PulumiCommand, program: Callable[[], object]
    ) -> None:
        def main() -> None:
            program()

        sdk_patches.apply()
        (folder / "work").mkdir(parents=True)
        self.environment = engine_environment(region, folder, port)
        (folder / "work" / "Pulumi.yaml").write_text("name: tables\nruntime: python\n")
        self._stack_file = folder / "work" / "Pulumi.test.yaml"
        self._stack_file.write_text('{"config": {"aws:region": "us-east-1"}}')
        self.configure({"defaultTags": {"tags": {"Project": "ebb"}}})
        self.stack = EngineStack("test", folder / "work", main, command, self.environment)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Use these values of `aws:…` from the next operation on."""
        content = stack_yaml.load(self._stack_file.read_text())
        content["config"] |= {f"aws:{name}": value for name, value in config.items()}
        self._stack_file.write_text(stack_yaml.dump(content))

    def outputs(self) -> auto.OutputMap:
        return self.stack.workspace.stack_outputs("test")

    def preview(self, **options: Any) -> Result:
        return self._run(self.stack.preview, **options)

    def up(self) -> Result:
        return self._run(self.stack.up, show_secrets=False)

    def refresh(self) -> Result:
        return self._run(self.stack.refresh, show_secrets=False)

    def destroy(self) -> Result:
        return self._run(self.stack.destroy, show_secrets=False)

    def resources(self) -> list[dict[str, Any]]:
        """The state's resources that a provider made."""
        deployment = self.stack.export_stack().deployment or {}
        return [item for item in deployment["resources"] if item["custom"] and "pulumi:" not in item["type"]]

    def _run(self, operation: Callable[..., Any], **options: Any) -> Result:
        changes: set[Change] = set()
        lines: list[str] = []

        def note(event: auto.EngineEvent) -> None:
            if event.resource_pre_event:
                step = event.resource_pre_event.metadata
                kind, name = step.type.rpartition(":")[2], step.urn.rpartition("::")[2]
                if step.op.value not in ("same", "refresh", "read") and "pulumi:pulumi:Stack" not in step.urn:
                    changes.add((step.op.value, kind, name))

        try:
            operation(on_output=lines.append, on_event=note, color="never", **options)
        except auto.CommandError as error:
            raise FailedError("\n".join(lines) + str(error)) from None
        return Result(changes, "\n".join(lines))
