"""`ebb sandbox up | demo | engine`."""

from typing import Annotated, Literal

import typer

from ebb.errors import finish

sandbox = typer.Typer(
    help="A small AWS region on this machine: the real Pulumi engine deploys the real program to it, and it works. "
    "No account, no cost. Everything listens on 127.0.0.1 and is gone at the end.",
    no_args_is_help=True,
)

Stack = Annotated[str, typer.Option(help="Which Pulumi.<stack>.yaml to deploy.")]
Speed = Annotated[
    float,
    typer.Option(min=1, max=600, help="How many times faster than AWS metrics, alarms, cooldowns and task starts run."),
]
Wake = Annotated[
    Literal["metrics", "watch", "direct"],
    typer.Option(help="What wakes the service: alarms, the watcher or the API; by default what the stack says."),
]
InProcess = Annotated[bool, typer.Option(help="Deploy without the Pulumi CLI, through Pulumi's mocks.")]


@sandbox.command()
def up(stack: Stack = "sandbox", speed: Speed = 60.0, in_process: InProcess = False) -> None:
    """Start the region, deploy, say how to send a job, and show what happens until Ctrl-C.

    \b
    python -m ebb sandbox up                  the sandbox stack, a minute of AWS a second
    python -m ebb sandbox up --speed 10       slower, to watch alarms and cooldowns
    python -m ebb sandbox up --stack dev      what Pulumi.dev.yaml would be
    """
    from ebb.sandbox.live_view import up as run  # noqa: PLC0415 — help answers without loading Pulumi and two emulators

    finish(lambda: run(stack, speed, in_process))


@sandbox.command()
def demo(
    stack: Stack = "sandbox", speed: Speed = 60.0, in_process: InProcess = False, wake: Wake | None = None
) -> None:
    """The whole story once: deploy, 20 jobs over HTTP, 0 → 4 → 0 tasks, nothing to change, destroy.

    Exits 0 only if every claim that it makes was seen to be true.
    """
    from ebb.sandbox.demo import run  # noqa: PLC0415

    finish(lambda: run(stack, speed, in_process, wake))


@sandbox.command()
def engine() -> None:
    """Get the Pulumi CLI and print where it is: from PATH, the official installer, or built from its Go modules."""
    from ebb.sandbox.deploy.pulumi_cli import find  # noqa: PLC0415

    def run() -> bool:
        typer.echo(find(lambda line: typer.echo(line, err=True)).command)
        return True

    finish(run)
