"""Runs MiniStack in a process that Server starts: `python -m ebb.sandbox.emulators.ministack SOCKET_FD [MOTO_PORT]`.

With moto's port, MiniStack is patched and stands in front of moto. Without it, MiniStack serves as it is.
"""

import sys

from ebb.sandbox.emulators.contracts import ContractError
from ebb.sandbox.emulators.ministack import queues, schedules
from ebb.sandbox.emulators.ministack.apigateway import integrations, updates, validation
from ebb.sandbox.emulators.ministack.router import MINISTACK_SERVICES, App, Moto, Router
from ebb.sandbox.emulators.ministack.serving import serve
from ebb.sandbox.emulators.ministack.stepfunctions import aws_sdk, executions, expressions


def patched(moto_port: int) -> App:
    """MiniStack with our patches, in front of moto. Raises ContractError."""
    # imported here: MiniStack takes a second and reads the environment as it is imported
    import jsonata  # noqa: PLC0415
    from ministack import app  # noqa: PLC0415
    from ministack.services import apigateway_v1, scheduler, sqs, stepfunctions  # noqa: PLC0415

    moto = Moto(moto_port)
    updates.apply(apigateway_v1)
    integrations.apply(app, apigateway_v1)
    validation.apply(apigateway_v1)
    executions.apply(stepfunctions)
    executions.skip_start_pause(stepfunctions)
    expressions.apply(stepfunctions, jsonata)
    aws_sdk.apply(app, stepfunctions)
    aws_sdk.reach_all(app, MINISTACK_SERVICES, moto.handle)
    queues.apply(sqs)
    schedules.apply(scheduler)
    return Router(app.app, moto)


def main() -> None:
    """Serve until SIGTERM."""
    socket_fd, *moto_port = map(int, sys.argv[1:])
    if not moto_port:
        from ministack.app import app  # noqa: PLC0415

        serve(socket_fd, app)
        return
    try:
        serve(socket_fd, patched(moto_port[0]))
    except ContractError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
