"""`ebb sandbox up | demo | engine`."""

from typing import Annotated, Literal

import typer

from ebb.errors import finish
from ebb.help import Command, Group

sandbox = typer.Typer(
    cls=Group,
    help="A small AWS region on this machine. The real Pulumi engine deploys the real program to it, and jobs run. "
    "It needs no account and costs nothing. It listens on 127.0.0.1 only and leaves nothing behind.",
    no_args_is_help=True,
)

Stack = Annotated[str, typer.Option(help="Which Pulumi.<stack>.yaml to deploy.")]
Speed = Annotated[
    float,
    typer.Option(min=1, max=600, help="How many times faster than AWS: metrics, alarms, cooldowns and task starts."),
]
Wake = Annotated[
    Literal["metrics", "watch", "direct"] | None,
    typer.Option(help="What wakes the service: alarms, the watcher or the API. Default: the stack's settings."),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the engine's own lines on the screen as well.")]
Provider = Annotated[
    Literal["stand-in", "installed"],
    typer.Option(
        help="What creates the resources: the sandbox's stand-in, or Pulumi's own aws plugin of this machine."
    ),
]
InProcess = Annotated[bool, typer.Option("--in-process", help="Deploy without the Pulumi CLI, by Pulumi's mocks.")]


@sandbox.command(cls=Command)
def up(
    stack: Stack = "sandbox",
    speed: Speed = 60.0,
    in_process: InProcess = False,
    verbose: Verbose = False,
    provider: Provider = "stand-in",
) -> None:
    """Deploy a stack, say how to send a job, and show the log of each job until Ctrl-C.

    \b
    ebb sandbox up --stack dev     your own handler, with Pulumi.dev.yaml
    ebb sandbox up                 the demo's handler, with Pulumi.sandbox.yaml
    ebb sandbox up --speed 10      slower, to follow alarms and cooldowns
    """
    from ebb.sandbox.live_view import up as run  # noqa: PLC0415 — help answers without loading Pulumi and two emulators

    finish(lambda: run(stack, speed, in_process, verbose, provider == "installed"))


@sandbox.command(cls=Command)
def demo(
    stack: Stack = "sandbox",
    speed: Speed = 60.0,
    in_process: InProcess = False,
    wake: Wake = None,
    verbose: Verbose = False,
) -> None:
    """Deploy a stack, send 20 jobs over HTTP, see 0 → 4 → 0 tasks, change nothing, destroy.

    The jobs are the demo's own, so it needs none of your code. Exits 0 if every check passed.

    \b
    ebb sandbox demo                     the sandbox stack
    ebb sandbox demo --wake direct       the API starts the first task
    ebb sandbox demo --stack prod        your own scaling settings
    """
    from ebb.sandbox.demo import run  # noqa: PLC0415

    finish(lambda: run(stack, speed, in_process, wake, verbose))


@sandbox.command(cls=Command)
def engine() -> None:
    """Get the Pulumi CLI and print its path: from PATH, by the official installer, or built from its Go modules."""
    from ebb.sandbox.deploy.pulumi_cli import find  # noqa: PLC0415

    def run() -> bool:
        typer.echo(find(lambda line: typer.echo(line, err=True)).command)
        return True

    finish(run)
