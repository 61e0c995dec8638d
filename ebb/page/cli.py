"""`ebb page`."""

import threading
import webbrowser
from typing import Annotated

import typer

from ebb.errors import finish


def page(
    stack: Annotated[str, typer.Option(help="Name of the deployed stack, or of the one in a running sandbox.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1. 0: any free one.")] = 0,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Serve a live page of a stack on this machine until Ctrl-C: what runs and waits, its jobs and dead letters.

    It listens on 127.0.0.1 only. The address that it prints has a key: who has the key can send jobs, and move dead
    letters. `make up` serves the same page.
    """
    from ebb.page.api import Api  # noqa: PLC0415 — help answers without loading boto3
    from ebb.page.server import serving  # noqa: PLC0415
    from ebb.page.source import StackSource  # noqa: PLC0415

    def command() -> bool:
        with serving(Api(StackSource(stack)), port) as server:
            typer.echo(f"The page of stack {stack}: {server.address}")
            typer.echo("Ctrl-C ends it.")
            if show:
                webbrowser.open(server.address)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                return True  # that is how it ends
            return True

    finish(command)
