"""What the commands for a deployed stack share: their options, and how they find the stack."""

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from ebb import project
from ebb.errors import finish
from ebb.sandbox import running

if TYPE_CHECKING:
    from ebb.ops.stack import Stack as DeployedStack

#: The stack that only sandboxes have.
SANDBOX = "sandbox"


def names(incomplete: str) -> list[str]:
    """The stacks whose names begin so, for the shell's completion: with a file, or in a sandbox that runs."""
    return [name for name in sorted({*project.stacks(), *running.names()}) if name.startswith(incomplete)]


Stack = Annotated[str, typer.Option(help="Name of the deployed stack.", autocompletion=names)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def run(stack: str, act: "Callable[[DeployedStack], bool]") -> NoReturn:
    """Run a command on the stack of this name and exit, as `finish` does. A sandbox is named on stderr."""
    from ebb.ops.stack import read  # noqa: PLC0415 — help answers without loading boto3

    def command() -> bool:
        found = read(stack)
        if found.sandbox:
            other = "" if stack == SANDBOX else f" One in AWS of this name is organization/ebb/{stack}."
            said = f"Stack {stack} of the sandbox on this machine, process {found.sandbox.process}.{other}"
            typer.secho(said, err=True, dim=True)
        return act(found)

    finish(command)


def show_json(value: Any) -> None:
    """Print dataclasses, or lists of them, as JSON."""
    typer.echo(json.dumps(value, default=_plain, indent=2))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
